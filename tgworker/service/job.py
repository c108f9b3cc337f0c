"""One command, from its claim to its acknowledgement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import structlog
import trio
from attrs import evolve, frozen

from tgworker.core.commands import parse_command, trace_of
from tgworker.core.facts import (
    CommandBegan,
    CommandBuried,
    CommandEnded,
    CommandLeft,
    LeaseLost,
)
from tgworker.core.model import ChatRef, FetchCommand
from tgworker.core.planning import day_of
from tgworker.core.tracing import TraceContext
from tgworker.errors import (
    AccountUnusableError,
    ChatBusyError,
    CommandCancelledError,
    InvalidCommandError,
    LeaseLostError,
    OutageError,
    ParkedError,
    QueueRefusedError,
    StorageError,
    TgworkerError,
)
from tgworker.ports import (
    UNOBSERVED,
    Archive,
    ChatLocks,
    Claim,
    CommandQueue,
    Dead,
    Observer,
    Outcome,
    Park,
)
from tgworker.service.emitter import Emitter
from tgworker.service.ending import Endings
from tgworker.service.fetch import Fetcher
from tgworker.service.lease import CANCELLED, Lease
from tgworker.service.outage import Outage, stop_for_redis
from tgworker.service.report import Clock, Reporter, rejection, trace_fields
from tgworker.service.stop import Stop, StoppingError
from tgworker.service.waiting import waits_told_by

log = structlog.get_logger()

LAST_WORDS_SECONDS = 5.0
"""So long may giving a command back take when everything is being cancelled."""


@frozen
class JobPolicy:
    worker_id: str
    lease_seconds: float
    progress_interval: float


class JobRunner:
    """Carries out claimed commands; knows which chats are under way in this process."""

    def __init__(
        self,
        *,
        queue: CommandQueue,
        locks: ChatLocks,
        archive: Archive,
        fetcher: Fetcher,
        emitter: Emitter,
        outage: Outage,
        stop: Stop,
        clock: Clock,
        policy: JobPolicy,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._queue = queue
        self._locks = locks
        self._archive = archive
        self._fetcher = fetcher
        self._emitter = emitter
        self._outage = outage
        self._stop = stop
        self._clock = clock
        self._policy = policy
        self._observer = observer
        self._endings = Endings(archive, clock, stop, observer)
        self._busy: set[ChatRef] = set()
        self.last_command_id: str | None = None

    async def run(self, claim: Claim, claimed_at: float) -> None:
        """Carry the command out, tell of it, then acknowledge it or give it back.

        `claimed_at` is when the claim was asked for, on trio's clock. Raises nothing: what goes wrong ends in an
        event, or stops the worker.
        """
        with structlog.contextvars.bound_contextvars(command_id=claim.command_id):
            self.last_command_id = claim.command_id
            log.info("command.claimed", deliveries=claim.deliveries)
            log.debug("command.received", bytes=len(claim.payload))
            settled = False
            try:
                outcome = await self._outcome(claim, claimed_at)
                await self._finish(claim, outcome)
                settled = True
            except LeaseLostError as error:
                log.error("command.lost", error_type=error.error_type, error=str(error))
                self._observer.note(LeaseLost())
                settled = True
            except (OutageError, QueueRefusedError) as error:
                log.error("command.left", error_type=error.error_type, error=str(error))
                stop_for_redis(self._stop, error)
                settled = True
            finally:
                if not settled:  # the task was cancelled
                    with trio.move_on_after(LAST_WORDS_SECONDS, shield=True):
                        await self._give_back(claim)

    async def _outcome(self, claim: Claim, claimed_at: float) -> Outcome:
        try:
            command = parse_command(claim.payload, today=day_of(self._clock()))
        except InvalidCommandError as error:
            return await self._reject(claim, error)
        if command.unknown_fields:
            log.warning("command.unknown_fields", fields=list(command.unknown_fields))
        command = evolve(command, command_id=claim.command_id)
        what = {"chat": str(command.chat), "mode": command.mode}
        with (
            self._observer.span(
                "command", command.trace, command_id=claim.command_id, **what
            ) as trace,
            structlog.contextvars.bound_contextvars(**what, **trace_fields(trace or command.trace)),
        ):
            log.debug("command.parsed", params=command.params, strategy=command.strategy)
            reporter = self._reporter(command, claim, trace)
            if claim.cancelled or claim.exhausted:
                with suppress(StorageError):
                    await self._recall(command, reporter)
            if claim.cancelled:
                return await self._endings.fail(
                    reporter, CommandCancelledError.error_type, CANCELLED
                )
            if claim.exhausted:
                return await self._endings.bury(reporter, claim.deliveries)
            self._observer.note(CommandBegan(claim.command_id, str(command.chat)))
            try:
                return await self._carry_out(command, reporter, claim, claimed_at)
            finally:
                self._observer.note(CommandLeft(claim.command_id))

    async def _reject(self, claim: Claim, error: InvalidCommandError) -> Outcome:
        parent = trace_of(claim.payload)
        with (
            self._observer.span("command", parent, command_id=claim.command_id) as trace,
            structlog.contextvars.bound_contextvars(**trace_fields(trace or parent)),
        ):
            log.warning("command.rejected", error_type=error.error_type, error=str(error))
            await self._emitter.deliver(
                rejection(
                    claim.command_id,
                    error.errors,
                    worker_id=self._policy.worker_id,
                    ts=self._clock(),
                    trace=trace or parent,
                )
            )
            self._observer.note(
                CommandEnded(None, 0.0, error.error_type, claim.command_id, str(error))
            )
            self._observer.note(CommandBuried(error.error_type))
            return Dead(error.error_type)

    def _reporter(
        self, command: FetchCommand, claim: Claim, trace: TraceContext | None
    ) -> Reporter:
        return Reporter(
            command=command,
            command_id=claim.command_id,
            worker_id=self._policy.worker_id,
            clock=self._clock,
            emit=self._emitter.emit,
            deliver=self._emitter.deliver,
            progress_interval=self._policy.progress_interval,
            trace=trace,
        )

    async def _carry_out(
        self, command: FetchCommand, reporter: Reporter, claim: Claim, claimed_at: float
    ) -> Outcome:
        lease = Lease(
            claim,
            queue=self._queue,
            locks=self._locks,
            outage=self._outage,
            sleep=self._stop.sleep,
            seconds=self._policy.lease_seconds,
            since=claimed_at,
            observer=self._observer,
        )

        async def work() -> None:
            with self._the_only_one_for(command.chat), waits_told_by(reporter):
                began = await self._recall(command, reporter)
                await reporter.started()
                await self._fetcher.run(command, reporter, self._stop.check, lease, began)

        try:
            await lease.hold(work)
        except StoppingError:
            return self._endings.stopped(reporter)
        except (LeaseLostError, OutageError, QueueRefusedError):
            raise
        except (ChatBusyError, ParkedError, AccountUnusableError) as error:
            return await self._endings.park(reporter, error)
        except TgworkerError as error:
            return await self._endings.fail(reporter, error.error_type, str(error))
        # The border of the task: a fault of ours must not end the worker.
        except Exception as error:
            log.exception("command.crashed", error_type="internal")
            return await self._endings.fail(
                reporter, "internal", f"{type(error).__name__} in the worker."
            )
        return await self._endings.complete(reporter)

    async def _recall(self, command: FetchCommand, reporter: Reporter) -> datetime:
        """Count what earlier deliveries have done; returns when the first of them began. Raises: StorageError."""
        begun = await self._archive.command_begins(command, self._clock())
        reporter.tally.processed = begun.saved
        return begun.at

    @contextmanager
    def _the_only_one_for(self, chat: ChatRef) -> Iterator[None]:
        """Raises: ChatBusyError."""
        if chat in self._busy:
            raise ChatBusyError(f"{chat} is being fetched for another command.")
        self._busy.add(chat)
        try:
            yield
        finally:
            self._busy.discard(chat)

    async def _finish(self, claim: Claim, outcome: Outcome) -> None:
        if not await self._outage.outlast(lambda: self._queue.finish(claim, outcome)):
            log.error("command.lost", error_type=LeaseLostError.error_type)
            self._observer.note(LeaseLost())

    async def _give_back(self, claim: Claim) -> None:
        """Park without waiting for an outage to end: the lease's end would free the command as well."""
        try:
            await self._queue.finish(claim, Park(0))
        except TgworkerError as error:
            log.warning("command.left", error_type=error.error_type, error=str(error))
