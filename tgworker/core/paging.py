"""Reading a history oldest first, without trusting that a page is whole.

Telegram may answer with fewer messages than it holds, with the last page once more, or with ids of
deleted messages only. So no single answer is believed to be the end, nor to be free of holes:

- *forward* asks for the messages right above what is held. A full page that follows a full page is
  taken as it is. Any other forward request asks for one message that is held already as well (the
  anchor): with it in the answer, nothing is missing in between.
- *gap* is asked when the anchor did not come: the lowest new id once more, and what lies below it,
  until something known shows up.
- *tail* is asked when a page was short or brought nothing: only if the chat's newest message is one
  that is held (or too old) is this the end. One that is older than what was shown before is the
  end if it is said twice: what was newer may have been deleted since. So is an empty answer, but
  never of a chat that has messages by the answer's own count.

The offsets' rules: https://core.telegram.org/api/offsets
"""

from __future__ import annotations

import enum
from datetime import datetime, timedelta

from attrs import frozen

from tgworker.core.message import Message
from tgworker.core.model import HistoryQuery, Page
from tgworker.core.pages import in_order, join, where

PAGE_SIZE = 100
"""The most that Telegram gives in one answer."""

MAX_STALLS = 5
"""So often may Telegram contradict itself (more is there, but it does not come) before the walk gives up."""


class HistoryStalledError(Exception):
    """Telegram keeps saying that there is more without giving it."""


@frozen
class AfterId:
    """Start above this id; 0 is the chat's beginning."""

    id: int


@frozen
class FromDate:
    """Start at the first message of this moment or later."""

    date: datetime


class _Asking(enum.Enum):
    FORWARD = enum.auto()
    GAP = enum.auto()
    TAIL = enum.auto()
    NOTHING = enum.auto()


class Walk:
    """One pass through a chat's history; pure: it says what to ask, and is told what was answered.

    Ask `query` until `done`, and give each answer to `receive`, which returns what is now certain to
    follow without a hole.
    """

    def __init__(self, start: AfterId | FromDate, end: datetime | None = None) -> None:
        self._after = start.id if isinstance(start, AfterId) else 0
        self._since = start.date if isinstance(start, FromDate) else None
        self._end = end
        self._asking = _Asking.FORWARD
        self._anchored = True
        self._held: list[Page] = []
        self._short = False
        self._stalls = 0
        self._doubts = 0
        self._highest = 0
        self.passed_end = False
        """Whether a message was seen that is not before the end."""
        self.beginning: Message | None = None
        """The chat's first message, if the answer just received showed that nothing lies below it."""

    @property
    def done(self) -> bool:
        return self._asking is _Asking.NOTHING

    @property
    def after(self) -> int:
        """Everything from the start up to this id has been returned."""
        return self._after

    def query(self) -> HistoryQuery:
        """The next request."""
        match self._asking:
            case _Asking.GAP:
                return HistoryQuery(offset_id=min(self._held[0].ids), add_offset=-1)
            case _Asking.TAIL:
                return HistoryQuery(limit=1)
            case _:
                return self._forward_query()

    def receive(self, page: Page) -> Page | None:
        """Take the answer to the last `query`.

        Returns the messages before the end that follow without a hole on those returned before.

        Raises:
            HistoryStalledError: Telegram contradicts itself again and again; starting anew later may help.
        """
        self.beginning = None
        page = in_order(page)
        match self._asking:
            case _Asking.FORWARD:
                return self._receive_forward(page)
            case _Asking.GAP:
                return self._receive_gap(page)
            case _:
                self._receive_tail(page)
                return None

    def _forward_query(self) -> HistoryQuery:
        anchor = 1 if self._anchored else 0
        if self._since is None:
            return HistoryQuery(offset_id=self._after + 1, add_offset=anchor - PAGE_SIZE)
        # Whether a message of the very second of `offset_date` counts as older is described both ways.
        return HistoryQuery(
            offset_date=self._since - timedelta(seconds=1), add_offset=anchor - PAGE_SIZE
        )

    def _receive_forward(self, page: Page) -> Page | None:
        self._highest = max(page.ids, default=0)
        new = self._beyond(page)
        if not new.ids:
            self._ask_tail()
            return None
        self._held = [new]
        anchor_came = len(new.ids) < len(page.ids)
        no_room = new.ids[0] == self._after + 1
        missing = 1 if self._anchored and not anchor_came else 0
        self._short = len(page.ids) + missing < PAGE_SIZE
        trusted = not self._short and not self._anchored
        if trusted or anchor_came or no_room:
            return self._accept(nothing_below=not anchor_came)
        self._asking = _Asking.GAP
        self._doubts = 0
        return None

    def _receive_gap(self, page: Page) -> Page | None:
        lowest = min(self._held[0].ids)
        if lowest not in page.ids:  # the answer does not join what is held: all of it is in doubt
            self._held = []
            self._stall()
            self._ask_forward(anchored=True)
            return None
        below = where(page, lambda id, _: id < lowest)
        new = self._beyond(below)
        if new.ids:
            self._held.insert(0, new)
        if len(new.ids) < len(below.ids):
            return self._accept(nothing_below=False)
        if new.ids:
            self._doubts = 0
            return None
        # Nothing below: true only at the chat's beginning, so it has to be said twice.
        self._doubts += 1
        return self._accept(nothing_below=True) if self._doubts > 1 else None

    def _receive_tail(self, page: Page) -> None:
        if len(page.ids) > 1 or (page.count and not page.ids):
            self._stall()  # not an answer to what was asked; or there are messages, and none is the newest
        elif self._beyond(page).ids:
            self._stall()
            self._ask_forward(anchored=True)
        elif page.ids and page.ids[0] >= self._highest:
            self._asking = _Asking.NOTHING
        else:
            # An empty chat, or one whose newest messages were deleted just now, if it is said twice.
            self._doubts += 1
            if self._doubts > 1:
                self._asking = _Asking.NOTHING

    def _accept(self, *, nothing_below: bool) -> Page:
        """What is held joins what was returned; decides how to go on."""
        held = join(self._held)
        if nothing_below and self._after == 0:
            self.beginning = next(iter(held.messages), None)
        self._held = []
        self._after = max(held.ids)
        self._since = None
        self._stalls = 0
        end = self._end
        if end is not None and any(m.date >= end for m in held.messages):
            self._asking, self.passed_end = _Asking.NOTHING, True
            return where(held, lambda _, m: m is None or m.date < end)
        if self._short:
            self._ask_tail()
        else:
            self._ask_forward(anchored=False)
        return held

    def _ask_forward(self, *, anchored: bool) -> None:
        self._asking = _Asking.FORWARD
        self._anchored = anchored

    def _ask_tail(self) -> None:
        self._asking = _Asking.TAIL
        self._doubts = 0

    def _stall(self) -> None:
        self._stalls += 1
        if self._stalls > MAX_STALLS:
            raise HistoryStalledError(
                "Telegram says that there are more messages, but does not give them."
            )

    def _beyond(self, page: Page) -> Page:
        """The part of a page above where the walk stands."""
        since = self._since
        if since is None:
            if page.ids and page.ids[0] > self._after:
                return page  # as nearly always
            return where(page, lambda id, _: id > self._after)
        older = max((m.id for m in page.messages if m.date < since), default=0)
        return where(page, lambda id, m: id > older if m is None else m.date >= since)
