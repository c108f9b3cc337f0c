"""Following the event log: from where on, and whose events."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

from attrs import frozen

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.events import LogEntry, RedisEventReader
from tgworker.core.codec import from_json
from tgworker.core.events import Event

_AGO = re.compile(r"(\d{1,5})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_ENTRY = re.compile(r"\d{1,20}(-\d{1,20})?|\$")

SINCE_FORMS = "0 (all there is), 10m (also s, h, d), 2025-11-07T10:00Z, or an entry's id"


@frozen
class Told:
    """An entry of the log: its ``id``, the bytes as they were sent, and what they say."""

    id: str
    raw: bytes
    event: Event


async def server_time(client: RedisClient) -> datetime:
    """The server's clock, which the ids of the log are made from.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    seconds, micros = await client.call(client.redis.time)
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)


def since_id(text: str, now: datetime) -> str:
    """Where to read on from, for `SINCE_FORMS`; ``now`` is the server's time.

    Raises:
        ValueError: it is none of these.
    """
    if _ENTRY.fullmatch(text):
        return text
    if ago := _AGO.fullmatch(text):
        return entry_id(now - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"must be {SINCE_FORMS}") from None
    return entry_id(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def entry_id(moment: datetime) -> str:
    """The place in the log just before a moment: entries of that very millisecond come after it."""
    return str(max(0, int(moment.timestamp() * 1000) - 1))


@asynccontextmanager
async def open_log(reader: RedisEventReader, since: str) -> AsyncIterator[AsyncIterator[Told]]:
    """The log from `since` on, without an end. What is no event of ours is passed over.

    Raises: QueueRefusedError.
    """
    async with aclosing(reader.read_log(since)) as entries, aclosing(_told(entries)) as told:
        yield told


async def _told(entries: AsyncIterator[LogEntry]) -> AsyncGenerator[Told, None]:
    async for entry in entries:
        try:
            event = from_json(entry.event, Event)
        except ValueError:
            continue
        yield Told(entry.id, entry.event, event)
