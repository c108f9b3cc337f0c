"""What was asked, counted and listed, so that a test can say what a fetch cost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, frozen

MAX_LOG = 100_000


@frozen
class LogEntry:
    """One request. ``seconds`` since the server began; ``outcome``: ``ok``, an error's message, or a fault's kind."""

    number: int
    seconds: float
    method: str
    chat: str | None
    args: Mapping[str, Any]
    outcome: str


class Stats:
    """Counts and the log of the last `MAX_LOG` requests. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._number = 0
        self.requests: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.connections_total = 0
        self.connections_open = 0
        self.log: deque[LogEntry] = deque(maxlen=MAX_LOG)

    @property
    def total(self) -> int:
        return self.requests.total()

    def connected(self) -> None:
        self.connections_total += 1
        self.connections_open += 1

    def disconnected(self) -> None:
        self.connections_open -= 1

    def record(self, method: str, chat: str | None, args: Mapping[str, Any], outcome: str) -> None:
        self.requests[method] += 1
        self._number += 1
        seconds = round(self._clock() - self._began, 6)
        self.log.append(LogEntry(self._number, seconds, method, chat, args, outcome))

    def since(self, number: int) -> list[dict[str, Any]]:
        """The log after that entry, oldest first, for JSON."""
        return [asdict(entry) for entry in self.log if entry.number > number]

    def summary(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "requests": dict(self.requests),
            "total": self.total,
            "connections": {"open": self.connections_open, "total": self.connections_total},
            "faults": dict(self.faults),
            "log_length": len(self.log),
        }

    def reset(self) -> None:
        """Count from zero again; open connections stay, and so does the numbering of the log."""
        self.requests.clear()
        self.faults.clear()
        self.connections_total = self.connections_open
        self.log.clear()
