"""Events: what is told to everyone about a command; and their JSON, as it is today and as older programs know it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from attrs import frozen

from tgworker.core.codec import to_json
from tgworker.core.message import Json
from tgworker.core.model import DayReport, FieldError, IncompleteDay, Mode
from tgworker.core.tracing import TraceContext, trace_json


class EventKind(enum.StrEnum):
    STARTED = "started"
    PROGRESS = "progress"
    COMPLETED = "completed"
    FAILED = "failed"


class Status(enum.StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    WAITING = "waiting"


@frozen
class Event:
    """What is told to everyone about a command; ``chat`` and ``mode`` are null only for a rejected one."""

    event: EventKind
    status: Status
    command_id: str | None
    chat: str | None
    mode: Mode | None
    params: Mapping[str, Json] | None
    ts: datetime
    worker_id: str
    processed: int = 0
    errors: int | tuple[FieldError, ...] = 0
    """How many days failed so far; for a rejected command, what is wrong with it."""
    duration_sec: float = 0.0
    deduplicated: int = 0
    updated: int | None = None
    deleted: int | None = None
    """Of messages saved before: how many changed, how many are gone; None where no sealed day was to be looked at."""
    day: DayReport | None = None
    incomplete: tuple[IncompleteDay, ...] | None = None
    """The days of which Telegram gave fewer messages than it counts; they stay open."""
    resume_at: datetime | None = None
    error_type: str | None = None
    error: str | None = None
    trace: TraceContext | None = None
    """The piece of work that tells this, or, where nobody traces it here, what the command is part of."""


ALWAYS = (
    *("event", "schema_version", "command_id", "chat", "mode", "params"),
    *("processed", "errors", "duration_sec", "status", "ts", "worker_id", "deduplicated"),
)
"""The fields every event has; the others are there when they say something."""


def event_json(event: Event, schema_version: str) -> bytes:
    """One event as subscribers and the log get it, in the contract's order of fields."""
    fields = {
        "event": event.event,
        "schema_version": schema_version,
        "command_id": event.command_id,
        "chat": event.chat,
        "mode": event.mode,
        "params": event.params,
        "processed": event.processed,
        "errors": event.errors,
        "duration_sec": round(event.duration_sec, 3),
        "status": event.status,
        "ts": event.ts.astimezone(UTC),
        "worker_id": event.worker_id,
        "deduplicated": event.deduplicated,
        "updated": event.updated,
        "deleted": event.deleted,
        "day": event.day,
        "incomplete": event.incomplete,
        "resume_at": event.resume_at and event.resume_at.astimezone(UTC),
        "error_type": event.error_type,
        "error": event.error,
        **trace_json(event.trace),
    }
    return to_json(
        {key: value for key, value in fields.items() if key in ALWAYS or value is not None}
    )


def legacy_events(event: Event, *, data_dir: str, service: str) -> list[bytes]:
    """What subscribers of the older program get for an event: one or none.

    ``fetch_complete`` for each day that was written, also one that stays open, for their fetch ends with it;
    ``fetch_failed`` for a command that failed. Times are in UTC and, as they were, without a zone.
    """
    if event.event is EventKind.PROGRESS and event.day is not None:
        outcome: dict[str, Json] = {
            "date": str(event.day.date),
            "message_count": event.day.messages,
            "file_path": f"{data_dir.rstrip('/')}/{event.day.file}",
            "duration_seconds": round(event.duration_sec, 3),
        }
        return [_legacy("fetch_complete", event, outcome, service)]
    if event.event is EventKind.FAILED:
        outcome = {"date": _last_day(event), "error": event.error or event.error_type}
        return [_legacy("fetch_failed", event, outcome, service)]
    return []


def _legacy(name: str, event: Event, outcome: dict[str, Json], service: str) -> bytes:
    moment = event.ts.astimezone(UTC).replace(tzinfo=None)
    return to_json(
        {
            "event": name,
            "chat": event.chat and event.chat.removeprefix("@"),
            **outcome,
            "timestamp": moment.isoformat(timespec="microseconds"),
            "service": service,
            "worker_id": event.worker_id,
        }
    )


def _last_day(event: Event) -> Json:
    """The day a failed command is reported under: where it stopped, or else the last day it asked for."""
    if event.day is not None:
        return str(event.day.date)
    params = event.params or {}
    if "days" in params:
        return str(event.ts.astimezone(UTC).date() - timedelta(days=1))
    return params.get("date", params.get("to"))
