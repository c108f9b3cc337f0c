"""Where lines wait for a log store: bounded, so that a store that is away costs lines and never memory or time."""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Sequence

HTTP_LIBRARIES = (
    *("httpx2", "httpcore2", "h11", "h2", "hpack", "hypercorn"),
    *("urllib3", "requests", "opentelemetry"),
)
"""Those that carry lines to a store, or might: each request would make lines, and those the next request, for ever."""

SHIPPING = "tgworker.telemetry.sinks"
"""The logger of the shipping itself; its lines go to stdout only."""

CAPACITY = 10_000


class NoLoopFilter(logging.Filter):
    """Keeps what shipping a line would say out of what is shipped."""

    def filter(self, record: logging.LogRecord) -> bool:
        ours = record.name == SHIPPING
        return not ours and record.name.partition(".")[0] not in HTTP_LIBRARIES


class LineBuffer(logging.Handler):
    """A logging handler that keeps formatted lines until somebody takes them; any thread may log.

    What comes while it is full is dropped, the newest first, and counted: the beginning of a trouble tells more than
    its end.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        super().__init__()
        self.addFilter(NoLoopFilter())
        self._capacity = capacity
        self._lines: deque[str] = deque()
        self._counting = threading.Lock()
        self.dropped = 0
        """How many lines were thrown away, ever."""

    def __len__(self) -> int:
        return len(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line. Never waits; a line that cannot be formatted is dropped."""
        if len(self._lines) >= self._capacity:
            self.drop(1)
            return
        try:
            self._lines.append(self.format(record))
        except Exception:  # whatever a line holds, who logs must not suffer from it
            self.drop(1)

    def take(self, most: int, most_bytes: int | None = None) -> list[str]:
        """The oldest lines, which are gone from here: at most so many, and about so many bytes, but one at least."""
        taken: list[str] = []
        room = math.inf if most_bytes is None else most_bytes
        while self._lines and len(taken) < most and room > 0:
            taken.append(self._lines.popleft())
            room -= len(taken[-1])
        return taken

    def put_back(self, lines: Sequence[str]) -> None:
        """Return lines that could not be shipped to the front; what does not fit is dropped."""
        room = max(0, self._capacity - len(self._lines))
        kept = lines[len(lines) - room :] if room < len(lines) else lines
        self.drop(len(lines) - len(kept))
        self._lines.extendleft(reversed(kept))

    def drop(self, count: int) -> None:
        """Count lines that are lost."""
        with self._counting:
            self.dropped += count
