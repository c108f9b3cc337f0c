"""How a delivery of a command ends: what is noted and told of it, and what then becomes of it in the queue."""

from __future__ import annotations

from datetime import timedelta

import structlog
from attrs import field, frozen

from tgworker.core.facts import AccountLost, CommandBuried, CommandEnded, CommandParked
from tgworker.errors import (
    AccountUnusableError,
    ChatBusyError,
    ExitCode,
    ParkedError,
    StorageError,
)
from tgworker.ports import Archive, Dead, Done, Observer, Outcome, Park
from tgworker.service.report import Clock, Reporter
from tgworker.service.stop import Stop

log = structlog.get_logger()

BUSY_PARK_SECONDS, LONGEST_BUSY_PARK = 5.0, 30.0
"""A command whose chat is busy comes back after this, and after ever longer if it still is, up to the latter."""

MOST_BUSY = 100_000
"""Of so many commands it is remembered how often their chat was busy; what is forgotten only comes back sooner."""

MAX_DELIVERIES = "max_deliveries"
"""The ``error_type`` of a command whose workers all died, or lost it."""


@frozen
class Endings:
    """One for all commands of a worker. Each method tells everybody, and returns what the queue is to be told."""

    archive: Archive
    clock: Clock
    stop: Stop
    observer: Observer
    _busy: dict[str, int] = field(factory=dict)
    """How often the chat of a command was busy, by its id."""

    async def complete(self, reporter: Reporter) -> Outcome:
        if (failure := reporter.failure) is not None:
            return await self.fail(reporter, failure.error_type, str(failure))
        log.info("command.completed", **reporter.figures())
        await self._forget(reporter.command_id)
        self.observer.note(CommandEnded(str(reporter.command.chat), reporter.seconds))
        await reporter.completed()
        return Done()

    async def fail(self, reporter: Reporter, error_type: str, error: str) -> Outcome:
        log.error("command.failed", error_type=error_type, error=error, **reporter.figures())
        await self._forget(reporter.command_id)
        chat = str(reporter.command.chat)
        self.observer.note(
            CommandEnded(chat, reporter.seconds, error_type, reporter.command_id, error)
        )
        await reporter.failed(error_type, error)
        return Done()

    async def _forget(self, command_id: str) -> None:
        """The command is no open work any more; a disk that refuses to note that changes nothing of it.

        Noted, as everything is, before its end is told: who hears of that may look.
        """
        self._busy.pop(command_id, None)
        try:
            await self.archive.command_ends(command_id)
        except StorageError as error:
            log.warning("progress.not_noted", error_type=error.error_type, error=str(error))

    async def park(
        self, reporter: Reporter, error: ChatBusyError | ParkedError | AccountUnusableError
    ) -> Outcome:
        """Rest, and tell until when; nothing is lost by it.

        That a chat is still busy is told no second time, unless it was told that the command runs.
        """
        now, news = self.clock(), True
        match error:
            case ParkedError():
                resume_at = error.resume_at
                self._busy.pop(reporter.command_id, None)
            case ChatBusyError():
                times = self._count_busy(reporter.command_id)
                resume_at = now + timedelta(seconds=_busy_park(times))
                news = times == 1 or reporter.is_running
            case AccountUnusableError():
                log.critical("account.unusable", error_type=error.error_type, error=str(error))
                resume_at = now
                self.observer.note(AccountLost(error.error_type, str(error)))
                self.stop.set(ExitCode.ACCOUNT_UNUSABLE, error.error_type)
        seconds = max(0.0, (resume_at - now).total_seconds())
        tell = log.warning if news else log.debug
        tell("command.parked", error_type=error.error_type, wait_seconds=round(seconds, 1))
        self.observer.note(CommandParked(error.error_type))
        if news:
            await reporter.waiting(resume_at, error.error_type, str(error))
        return Park(seconds)

    def _count_busy(self, command_id: str) -> int:
        if len(self._busy) >= MOST_BUSY:
            self._busy.clear()
        times = self._busy[command_id] = self._busy.get(command_id, 0) + 1
        return times

    def stopped(self, reporter: Reporter) -> Outcome:
        """The worker is stopping: somebody else goes on at once, and hears of it then."""
        log.info("command.parked", reason="stopping", processed=reporter.tally.processed)
        self.observer.note(CommandParked("stopping"))
        return Park(0)

    async def bury(self, reporter: Reporter, deliveries: int) -> Outcome:
        """It was handed out too often to be tried again."""
        await self.fail(
            reporter,
            MAX_DELIVERIES,
            f"It was handed out {deliveries} times, and no worker came to its end.",
        )
        self.observer.note(CommandBuried(MAX_DELIVERIES))
        return Dead(MAX_DELIVERIES)


def _busy_park(times: int) -> float:
    """Hundreds of commands for one chat would keep the worker busy with nothing else, if each came back so soon."""
    doublings: int = max(0, min(times, 10) - 2)
    return min(BUSY_PARK_SECONDS * (1 << doublings), LONGEST_BUSY_PARK)
