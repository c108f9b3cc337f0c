"""Words for people: what came from elsewhere made safe for a terminal, and events as sentences."""

from __future__ import annotations

from datetime import datetime

from tgworker.core.codec import utc_text
from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import Mode


def printable(text: str) -> str:
    """The text without what could steer a terminal; titles of chats and errors come from elsewhere."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def clock_text(moment: datetime) -> str:
    """The time of day in UTC."""
    return utc_text(moment)[11:]


def what_is_asked(event: Event) -> str:
    """The days of the command an event tells of: ``2025-11-01 … 2025-11-07``."""
    params = event.params or {}
    match event.mode:
        case Mode.DATE:
            return f"{params.get('date')}"
        case Mode.RANGE:
            return f"{params.get('from')} … {params.get('to')}"
        case Mode.DAYS:
            days = params.get("days")
            return "yesterday" if days == 1 else f"the last {days} days"
        case Mode.FULL:
            return "everything"
        case None:
            return ""


def event_line(event: Event) -> str:
    """One event in one line."""
    name = Status.WAITING if event.status is Status.WAITING else event.event
    command = (event.command_id or "")[:8]
    chat = event.chat or "(no chat)"
    line = f"{clock_text(event.ts)}  {command:8}  {name:9}  {chat}  {_news(event)}"
    return printable(line.rstrip())


def _news(event: Event) -> str:
    if event.status is Status.WAITING:
        until = f"until {clock_text(event.resume_at)}" if event.resume_at else ""
        return f"{until}: {event.error or event.error_type or 'resting'}"
    match event.event:
        case EventKind.STARTED:
            return f"{what_is_asked(event)}  ({event.worker_id})"
        case EventKind.FAILED:
            return f"{event.error_type}: {event.error}"
        case EventKind.COMPLETED:
            return f"{_saved(event)}, {event.duration_sec:.1f} s"
        case EventKind.PROGRESS if event.day is not None:
            state = "sealed" if event.day.complete else "stays open"
            messages = plural(event.day.messages, "message")
            return f"{event.day.date} {state}: {messages} in {event.day.file}"
        case EventKind.PROGRESS:
            return f"{_saved(event)} so far"


def _saved(event: Event) -> str:
    known = f", {event.deduplicated:,} known before" if event.deduplicated else ""
    return f"{plural(event.processed, 'message')} saved{known}"
