"""`EventSink` on Redis, and its readers.

Pub/sub forgets, so every event is appended to the stream ``<channel>:log`` too: who was away catches up there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import structlog
import trio
import trio_asyncio
from attrs import frozen
from redis.asyncio.client import PubSub

from tgworker.adapters.redis.connection import CLOSE_SECONDS, RedisClient
from tgworker.core.events import Event, event_json, legacy_events
from tgworker.errors import QueueUnavailableError

log = structlog.get_logger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds between a reader's tries to reach a server that is away."""

BATCH = 500


def log_key(channel: str) -> str:
    """The stream that keeps what was published on `channel`."""
    return f"{channel}:log"


class RedisEventSink:
    """Publishes events; see `tgworker.ports.EventSink`.

    ``contract``: what the channel gets: ``both``, ``v2`` or ``legacy``. The log always gets the form of today.
    """

    def __init__(
        self,
        client: RedisClient,
        channel: str = "tg_events",
        *,
        log_maxlen: int = 10_000,
        contract: str = "both",
        schema_version: str = "1.0.0",
        data_dir: str = "data",
        service: str = "telegram-fetcher",
    ) -> None:
        self._client = client
        self._channel = channel
        self._log_maxlen = log_maxlen
        self._contract = contract
        self._schema_version = schema_version
        self._data_dir = data_dir
        self._service = service

    async def publish(self, event: Event) -> None:
        """Publish and append to the log: both or neither, in one round trip."""
        today = event_json(event, self._schema_version)
        transaction = self._client.redis.pipeline(transaction=True)
        for message in self._messages(event, today):
            transaction.publish(self._channel, message)
        transaction.xadd(
            log_key(self._channel), {"event": today}, maxlen=self._log_maxlen, approximate=True
        )
        await self._client.call(transaction.execute)

    def _messages(self, event: Event, today: bytes) -> list[bytes]:
        messages = [] if self._contract == "legacy" else [today]
        if self._contract != "v2":
            messages += legacy_events(event, data_dir=self._data_dir, service=self._service)
        return messages


@frozen
class LogEntry:
    """One event of the log. ``id`` (``<ms>-<n>``) says where to go on after it."""

    id: str
    event: bytes


class RedisEventReader:
    """Follows the events of a channel, through restarts of the server."""

    def __init__(
        self, client: RedisClient, channel: str = "tg_events", *, block: float = 5.0
    ) -> None:
        self._client = client
        self._channel = channel
        self._log = log_key(channel)
        self._block = block

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """What is published from now on, as it was sent. What is published while the server is away is missed.

        Raises: QueueUnavailableError (only at the beginning), QueueRefusedError.
        """
        pubsub = self._client.redis.pubsub()
        try:
            await self._client.call(pubsub.subscribe, self._channel)
            # The server's word that it counts us in: until then, a message may pass us by.
            while await self._message(pubsub, "subscribe") is None:
                continue
            yield self._published(pubsub)
        finally:
            with trio.move_on_after(CLOSE_SECONDS, shield=True):
                await trio_asyncio.aio_as_trio(pubsub.aclose)()

    async def _published(self, pubsub: PubSub) -> AsyncIterator[bytes]:
        pause = FIRST_PAUSE
        while True:
            try:
                # After a break redis-py connects and subscribes again by itself.
                data = await self._message(pubsub, "message")
            except QueueUnavailableError as error:
                pause = await _rest(pause, error)
                continue
            pause = FIRST_PAUSE
            if data is not None:
                yield data

    async def _message(self, pubsub: PubSub, kind: str) -> Any:
        """What the next message carries if it is of that kind; None if it is not, or none came for a while."""
        message = await self._client.call(
            pubsub.get_message, timeout=self._block, block=self._block
        )
        return message["data"] if message is not None and message["type"] == kind else None

    async def read_log(self, since: str = "0") -> AsyncGenerator[LogEntry, None]:
        """The log after the entry `since`, then what comes, without a gap. Never ends; waits while the server is away.

        ``since``: an entry's id, or ``<ms>`` since 1970; ``0``: from the log's beginning; ``$``: from now on.

        Raises: QueueRefusedError.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                if since == "$":
                    since = await self._newest()
                entries = await self._read_after(since)
            except QueueUnavailableError as error:
                pause = await _rest(pause, error)
                continue
            pause = FIRST_PAUSE
            for entry in entries:
                since = entry.id
                yield entry

    async def _newest(self) -> str:
        """A fixed place: ``$`` itself would mean another one at each read, and lose what comes between them."""
        newest = await self._client.call(self._client.redis.xrevrange, self._log, count=1)
        return str(newest[0][0], "ascii") if newest else "0"

    async def _read_after(self, since: str) -> list[LogEntry]:
        streams = await self._client.call(
            partial(self._client.redis.xread, block=round(self._block * 1000)),
            {self._log: since},
            count=BATCH,
            block=self._block,
        )
        return [
            LogEntry(id=str(entry_id, "ascii"), event=fields[b"event"])
            for _, entries in streams
            for entry_id, fields in entries
        ]


async def _rest(pause: float, error: QueueUnavailableError) -> float:
    """Sit a break of the connection out; returns how long to rest the next time."""
    log.warning("events.reader_waits", wait_seconds=pause, error=str(error))
    await trio.sleep(pause)
    return min(2 * pause, LONGEST_PAUSE)
