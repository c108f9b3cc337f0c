"""Whether Telegram gave all of a day: its own count of it, by two probes at the day's ends.

An answer may tell how many messages a chat has (`Page.count`) and how many of them lie above what was asked for
(`Page.position`). Counted from the oldest message, such a place stays where it is while new messages arrive; so the
difference of two places is the count of the messages between them, service messages included, deleted ones not.
Source: https://core.telegram.org/constructor/messages.messagesSlice
"""

from __future__ import annotations

import enum
import zlib
from datetime import date, datetime, timedelta

from tgworker.core.model import HistoryQuery, IncompleteDay, Page

SAMPLED = 10
"""Of so many days one is looked at."""

MAX_ANSWERS = 4
"""After so many answers that say nothing a probe gives up."""


class Completeness(enum.StrEnum):
    """Which days are compared with Telegram's own count."""

    OFF = "off"
    SAMPLE = "sample"
    ALWAYS = "always"

    def covers(self, chat_id: int, day: date) -> bool:
        """Whether that day is one of them: of a sample always the same ones."""
        if self is Completeness.SAMPLE:
            return zlib.crc32(f"{chat_id}:{day}".encode()) % SAMPLED == 0
        return self is Completeness.ALWAYS


class Probe:
    """Finds out how many messages of a chat are older than a moment; pure, as `paging.Walk`.

    Ask `query` until `done`, and give each answer to `receive`. Mostly one is enough.
    """

    def __init__(self, moment: datetime) -> None:
        self._moment = moment
        self._asked = moment
        self._answers = 0
        self._empty_answers = 0
        self.done = False
        self.older: int | None = None
        """How many; None: Telegram does not tell."""

    def query(self) -> HistoryQuery:
        """The next request: the newest message before the moment."""
        return HistoryQuery(offset_date=self._asked, limit=1)

    def receive(self, page: Page) -> None:
        """Take the answer to the last `query`."""
        self._answers += 1
        if any(message.date >= self._moment for message in page.messages):
            # Whether a message of the very second of `offset_date` counts as older is described both ways.
            self._asked = self._moment - timedelta(seconds=1)
        elif len(page.ids) > 1:
            pass  # not an answer to what was asked
        elif page.count is None:
            self.done = True
        elif page.position is not None:
            self._tell(page.count - page.position)
        elif page.ids:
            self.done = True
        else:
            # Nothing is older: true only at the chat's beginning, so it has to be said twice.
            self._empty_answers += 1
            if self._empty_answers > 1:
                self._tell(0)
        self.done = self.done or self._answers >= MAX_ANSWERS

    def _tell(self, older: int) -> None:
        self.done = True
        self.older = older


def judge(day: date, *, older_at_start: int, older_at_end: int, got: int) -> IncompleteDay | None:
    """What a day lacks, if it lacks anything. More than Telegram counts were deleted meanwhile, and are no lack."""
    expected = older_at_end - older_at_start
    return IncompleteDay(day, expected, got) if got < expected else None
