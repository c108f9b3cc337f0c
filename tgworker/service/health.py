"""Follows what the worker does, to know how it is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import trio
from attrs import evolve
from structlog.contextvars import get_contextvars

from tgworker.core import facts
from tgworker.core.facts import BreakerState, Fact
from tgworker.core.health import Health, Patience, Signs, Vitals, Work, judge
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext
from tgworker.ports import Pulse
from tgworker.service.outage import Outage

_MOVES = (facts.RequestEnded, facts.PageFiled, facts.DaySealed)
"""What shows that the work goes on. Renewing a lease does not: that goes by itself."""


class HealthMonitor:
    """An `ports.Observer` that can be asked how the worker is. `outage` knows when Redis last answered."""

    def __init__(self, outage: Outage, patience: Patience) -> None:
        self._outage = outage
        self._patience = patience
        self._vitals = Vitals()
        self._signs = Signs()
        self._works: dict[str, Work] = {}

    def started(self) -> None:
        """The first command is waited for."""
        self._vitals = evolve(self._vitals, started=True)

    def stopping(self) -> None:
        self._vitals = evolve(self._vitals, stopping=True)

    def note(self, fact: Fact) -> None:
        now = trio.current_time()
        self._note_works(fact, now)
        match fact:
            case facts.RequestEnded(error_type="network" | "timeout") | facts.TelegramSeen(False):
                self._vitals = evolve(self._vitals, telegram_failed_at=now)
            case facts.RequestEnded() | facts.TelegramSeen():
                if self._vitals.telegram_failed_at is not None:
                    self._vitals = evolve(self._vitals, telegram_failed_at=None)
                self._sign(telegram=now)
            case facts.PageFiled():
                self._sign(page=now)
            case facts.LeaseRenewed():
                self._sign(lease=now)
            case facts.BreakerMoved(state=state):
                open_now = state is BreakerState.OPEN
                trouble = "Telegram keeps failing; it is given a rest" if open_now else None
                self._vitals = evolve(self._vitals, telegram_trouble=trouble)
            case facts.CommandEnded(error_type="storage"):
                self._vitals = evolve(self._vitals, storage_trouble="the archive can't be written")
            case facts.DaySealed():
                self._vitals = evolve(self._vitals, storage_trouble=None)
            case facts.DiskSeen(free_bytes, trouble):
                self._vitals = evolve(
                    self._vitals, disk_free_bytes=free_bytes, storage_trouble=trouble
                )

    def _note_works(self, fact: Fact, now: float) -> None:
        match fact:
            case facts.CommandBegan(command_id, chat):
                self._works[command_id] = Work(command_id, chat, now, now)
            case facts.CommandLeft(command_id):
                self._works.pop(command_id, None)
            case facts.LeaseRenewed():
                for work in self._works_of_this_task():
                    self._works[work.command_id] = evolve(work, leased_at=now)
            case _ if isinstance(fact, _MOVES):
                for work in self._works_of_this_task():
                    self._works[work.command_id] = evolve(work, moved_at=now)

    def _works_of_this_task(self) -> list[Work]:
        """The command that the fact is about, by what its task has bound for its log lines; else all of them."""
        mine = self._works.get(get_contextvars().get("command_id", ""))
        return list(self._works.values()) if mine is None else [mine]

    def _sign(self, **at: float) -> None:
        self._signs = evolve(self._signs, **at)

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
        signs = evolve(self._signs, redis=self._outage.answered_at)
        vitals = evolve(self._vitals, redis_away=self._outage.lasts, works=self.works, signs=signs)
        return judge(vitals, trio.current_time(), self._patience)


async def keep_beating(pulse: Pulse, health: HealthMonitor) -> None:
    """Tell, from the worker's own event loop and not from a thread: where that hangs, no beat comes."""
    while True:
        pulse.beat(health.report(), health.works)
        await trio.sleep(pulse.beat_seconds)
