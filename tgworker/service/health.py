"""Follows what the worker does, to know how it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import trio
from attrs import evolve

from tgworker.core import facts
from tgworker.core.facts import BreakerState, Fact
from tgworker.core.health import Health, Vitals, Work, judge
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext

_MOVES = (facts.RequestEnded, facts.PageFiled, facts.DaySealed)
"""What shows that the work goes on. Renewing a lease does not: that goes by itself."""


class HealthMonitor:
    """An `ports.Observer` that can be asked how the worker is.

    `redis_away` tells whether Redis is being waited for; `stall_seconds` is longer than any wait that is part of the
    work.
    """

    def __init__(self, *, redis_away: Callable[[], bool], stall_seconds: float) -> None:
        self._redis_away = redis_away
        self._stall_seconds = stall_seconds
        self._vitals = Vitals()
        self._works: dict[str, Work] = {}

    def started(self) -> None:
        """The first command is waited for."""
        self._vitals = evolve(self._vitals, started=True)

    def stopping(self) -> None:
        self._vitals = evolve(self._vitals, stopping=True)

    def note(self, fact: Fact) -> None:
        now = trio.current_time()
        match fact:
            case facts.CommandBegan(command_id, chat):
                self._works[command_id] = Work(command_id, chat, now, now)
            case facts.CommandLeft(command_id):
                self._works.pop(command_id, None)
            case facts.BreakerMoved(state=state):
                open_now = state is BreakerState.OPEN
                trouble = "Telegram keeps failing; it is given a rest" if open_now else None
                self._vitals = evolve(self._vitals, telegram_trouble=trouble)
            case facts.CommandEnded(error_type="storage"):
                self._vitals = evolve(self._vitals, storage_trouble="the archive can't be written")
            case facts.DaySealed():
                self._vitals = evolve(self._vitals, storage_trouble=None)
        if isinstance(fact, _MOVES):
            # Which command moved is not known here; that all but one hang is told by their own requests' time limits.
            self._works = {id: evolve(work, moved_at=now) for id, work in self._works.items()}

    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> AbstractContextManager[None]:
        return nullcontext()

    @property
    def works(self) -> tuple[Work, ...]:
        """The commands under way, the oldest first."""
        return tuple(sorted(self._works.values(), key=lambda work: work.began_at))

    def report(self) -> Health:
        """How the worker is at this moment."""
        vitals = evolve(self._vitals, redis_away=self._redis_away(), works=self.works)
        return judge(vitals, trio.current_time(), stall_seconds=self._stall_seconds)
