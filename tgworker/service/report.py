"""What a command has to tell, made into events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs
import structlog
import trio
from attrs import define, evolve, field

from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import DayReport, FetchCommand, FieldError, IncompleteDay
from tgworker.core.tracing import TraceContext
from tgworker.errors import IncompleteError, TgworkerError

log = structlog.get_logger()

Clock = Callable[[], datetime]
Emit = Callable[[Event], Awaitable[None]]


@define
class Tally:
    """What a command has done so far."""

    processed: int = 0
    """Earlier deliveries included."""
    deduplicated: int = 0
    failed_days: int = 0
    incomplete: list[IncompleteDay] = field(factory=list)
    """Those of the failed days of which Telegram gave fewer messages than it counts."""
    updated: int = 0
    deleted: int = 0


@define
class Reporter:
    """Tells of one delivery of one command.

    `emit` puts an event on its way; `deliver` returns once it is published for good.
    """

    command: FetchCommand
    command_id: str
    worker_id: str
    clock: Clock
    emit: Emit
    deliver: Emit
    progress_interval: float = 5.0
    trace: TraceContext | None = None
    """The span that the work is done in, if anybody traces it."""
    tally: Tally = field(factory=Tally)
    is_running: bool = False
    """Whether it was told that the delivery has started."""
    _began: float = field(factory=trio.current_time)
    _last_progress: float = field(factory=trio.current_time)

    async def started(self) -> None:
        self.is_running = True
        await self.emit(self._event(EventKind.STARTED, Status.RUNNING))

    async def progress(self) -> None:
        """Tell how far it is, unless that was told a moment ago."""
        if trio.current_time() - self._last_progress >= self.progress_interval:
            await self._progress(self._event(EventKind.PROGRESS, Status.RUNNING))

    async def sealed(self, day: DayReport) -> None:
        """A day is on disk, whole or as far as it is over."""
        await self._progress(evolve(self._event(EventKind.PROGRESS, Status.RUNNING), day=day))

    async def waiting(self, resume_at: datetime, error_type: str, reason: str) -> None:
        """The command rests until then."""
        event = self._event(EventKind.PROGRESS, Status.WAITING)
        await self._progress(
            evolve(event, resume_at=resume_at, error_type=error_type, error=reason)
        )

    async def completed(self) -> None:
        await self.deliver(self._event(EventKind.COMPLETED, Status.COMPLETED))

    async def failed(self, error_type: str, error: str) -> None:
        event = self._event(EventKind.FAILED, Status.FAILED)
        await self.deliver(
            evolve(
                event,
                error_type=error_type,
                error=error,
                errors=max(1, self.tally.failed_days),
            )
        )

    def lacks(self, day: IncompleteDay) -> None:
        """A day is not whole, and stays open."""
        log.error(
            "day.failed",
            date=str(day.date),
            error_type=IncompleteError.error_type,
            error=f"Telegram counts {day.expected} messages, and gave {day.got}.",
        )
        self.tally.failed_days += 1
        self.tally.incomplete.append(day)

    def forget_failures(self) -> None:
        """The work begins anew."""
        self.tally.failed_days = 0
        self.tally.incomplete.clear()

    @property
    def failure(self) -> TgworkerError | None:
        """Why the command did not succeed, though its work came to an end."""
        failed, incomplete = self.tally.failed_days, self.tally.incomplete
        if not failed:
            return None
        if failed == len(incomplete):
            return IncompleteError(incomplete)
        return TgworkerError(
            f"{failed} of the days could not be fetched; send the command again.",
            error_type="days_failed",
        )

    @property
    def limit_left(self) -> int | None:
        """How many more messages the command may save; None: as many as there are."""
        limit = self.command.limit
        return None if limit is None else max(0, limit - self.tally.processed)

    @property
    def seconds(self) -> float:
        """Since this delivery began."""
        return trio.current_time() - self._began

    def figures(self) -> dict[str, int]:
        """What a log line says of the work done."""
        return {
            **attrs.asdict(self.tally, filter=lambda field, _: field.name != "incomplete"),
            "duration_ms": round(self.seconds * 1000),
        }

    async def _progress(self, event: Event) -> None:
        self._last_progress = trio.current_time()
        await self.emit(event)

    def _event(self, kind: EventKind, status: Status) -> Event:
        return Event(
            event=kind,
            status=status,
            command_id=self.command_id,
            chat=str(self.command.chat),
            mode=self.command.mode,
            params=self.command.params,
            ts=self.clock(),
            worker_id=self.worker_id,
            processed=self.tally.processed,
            errors=self.tally.failed_days,
            incomplete=tuple(self.tally.incomplete) or None,
            duration_sec=round(self.seconds, 3),
            deduplicated=self.tally.deduplicated,
            updated=self.tally.updated if self.command.again else None,
            deleted=self.tally.deleted if self.command.again else None,
            trace=self.trace or self.command.trace,
        )


def trace_fields(trace: TraceContext | None) -> dict[str, str]:
    """What log lines say of the trace they belong to."""
    return {} if trace is None else {"trace_id": trace.trace_id}


def rejection(
    command_id: str,
    errors: tuple[FieldError, ...],
    *,
    worker_id: str,
    ts: datetime,
    trace: TraceContext | None = None,
) -> Event:
    """The event for a command that can never be carried out."""
    return Event(
        event=EventKind.FAILED,
        status=Status.FAILED,
        command_id=command_id,
        chat=None,
        mode=None,
        params=None,
        ts=ts,
        worker_id=worker_id,
        errors=errors,
        error_type="invalid_command",
        error="; ".join(f"{e.path}: {e.message}" for e in errors),
        trace=trace,
    )
