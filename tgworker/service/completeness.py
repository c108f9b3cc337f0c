"""Compares the days of one chat with Telegram's own count of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import structlog

from tgworker.core.completeness import Probe, judge
from tgworker.core.model import HistoryQuery, IncompleteDay, Page
from tgworker.core.planning import midnight

log = structlog.get_logger()


class Auditor:
    """Says what a day lacks. Days that follow on each other share a boundary: N days cost N + 1 requests."""

    def __init__(
        self, ask: Callable[[HistoryQuery], Awaitable[Page]], covers: Callable[[date], bool]
    ) -> None:
        """`covers` says which days are to be compared at all."""
        self._ask = ask
        self._covers = covers
        self._boundary: tuple[date, int] | None = None
        self._unavailable = False

    async def look(self, day: date, got: int, *, anew: bool = False) -> IncompleteDay | None:
        """What the day lacks; None: nothing, or nobody can tell. `anew` asks for both of its ends.

        Raises: what asking raises.
        """
        if self._unavailable or not self._covers(day):
            return None
        if anew:
            self._boundary = None
        start = await self._older_than(day)
        end = await self._older_than(day + timedelta(days=1))
        if start is None or end is None:
            log.warning("verify.unavailable", date=str(day))
            self._unavailable = True
            return None
        log.debug("verify.counted", date=str(day), expected=end - start, got=got)
        return judge(day, older_at_start=start, older_at_end=end, got=got)

    async def _older_than(self, day: date) -> int | None:
        """How many of the chat's messages are older than that day."""
        if self._boundary is not None and self._boundary[0] == day:
            return self._boundary[1]
        probe = Probe(midnight(day))
        while not probe.done:
            probe.receive(await self._ask(probe.query()))
        if probe.older is not None:
            self._boundary = (day, probe.older)
        return probe.older
