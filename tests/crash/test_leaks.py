"""Hundreds of commands with everything that can go wrong leave nothing behind in the process, nor in Redis."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trio_asyncio
from attrs import astuple, define, field, frozen
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from tgworker.adapters.archive import DiskArchive, open_archive
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.events import RedisEventSink
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.adapters.telegram import open_gateway
from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import ArtifactFormat, Chat, ChatRef, HistoryQuery, Mode
from tgworker.core.planning import day_of
from tgworker.errors import QueueUnavailableError, TransientError
from tgworker.ports import Claim, Done, Gateway, Park
from tgworker.simulator.compose import Simulator, open_simulator
from tgworker.simulator.world import World, parse_world

NOW = datetime(2025, 11, 20, tzinfo=UTC)
SPAN = {"from": "2025-11-01", "to": "2025-11-01", "per_day": [60]}
WORLD = {"seed": 7, "chats": [{"username": "news", "title": "News", "type": "channel", **SPAN}]}
WARM_UP, CYCLES = 60, 500
MEMORY_BOUND = 4_000_000
"""Bytes that all the cycles may leave: 8,000 each; a forgotten page alone is more."""


@frozen
class Held:
    """What a process holds on to."""

    files: int
    threads: int
    trio_tasks: int
    asyncio_tasks: int
    redis_clients: int

    def is_within(self, bound: Held) -> bool:
        return all(mine <= most for mine, most in zip(astuple(self), astuple(bound), strict=True))


@define
class House:
    """All real adapters in one process, with a real Redis, and a Telegram that lives beside them."""

    redis_url: str
    simulator: Simulator
    client: RedisClient
    queue: RedisCommandQueue
    sink: RedisEventSink
    gateway: Gateway
    archive: DiskArchive
    chat: Chat
    ends: Counter[str] = field(factory=Counter)

    async def cycles(self, count: int) -> None:
        """Commands that are disturbed in several ways, and in the end one that is not."""
        for number in range(count):
            if number % 5 == 1:
                await self.kill_clients()
            if number % 10 == 2:
                drop = "before" if number % 20 == 2 else "after"
                self.simulator.add_faults({"drop": drop, "times": 1})
            await self.cycle(number)
        self.ends[await self.work(0)] += 1

    async def cycle(self, number: int) -> None:
        """One command; every other is cancelled, after so many turns of the loop: each time in another place."""
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                if number % 2:
                    nursery.start_soon(cancel_later, scope, number % 61)
                self.ends[await self.work(number)] += 1
                nursery.cancel_scope.cancel()
        self.ends["cancelled"] += scope.cancelled_caught

    async def work(self, number: int) -> str:
        """Claim a command, fetch for it, park or finish it; returns how it went."""
        try:
            await self.client.call(self.client.redis.rpush, "tg_commands", b"{}")
            await self.queue.wait(0.01)
            claim = await self.queue.claim()
            assert isinstance(claim, Claim)
            await self.fetch()
            await self.queue.renew(claim)
            await self.sink.publish(event(number))
            await self.queue.finish(claim, Park(0) if number % 3 == 0 else Done())
        except (QueueUnavailableError, TransientError) as error:
            return type(error).__name__
        return "done"

    async def fetch(self) -> None:
        async with self.archive.open_chat(self.chat) as shelf:
            page = await self.gateway.history(self.chat, HistoryQuery(limit=20))
            writer = await shelf.open_day(day_of(page.messages[0].date), afresh=True)
            await writer.append(page.messages, page.people)

    async def kill_clients(self) -> None:
        kill = self.client.redis.execute_command
        with suppress(QueueUnavailableError):
            await self.client.call(kill, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no")

    async def redis_info(self, section: str) -> dict[str, int]:
        info: dict[str, int] = await self.client.call(self.client.redis.info, section)
        return info

    async def held(self) -> Held:
        gc.collect()
        return Held(
            files=len(os.listdir("/proc/self/fd")),
            threads=threading.active_count(),
            trio_tasks=trio.lowlevel.current_statistics().tasks_living,
            asyncio_tasks=len(asyncio.all_tasks(trio_asyncio.current_loop.get())),
            redis_clients=(await self.redis_info("clients"))["connected_clients"],
        )

    async def held_in_the_end(self, bound: Held) -> Held:
        """Once it is within the bound: what was given up may take a moment to go. At the latest after some seconds."""
        deadline = trio.current_time() + 5
        while True:
            held = await self.held()
            if held.is_within(bound) or trio.current_time() > deadline:
                return held
            await trio.sleep(0.02)


async def cancel_later(scope: trio.CancelScope, turns: int) -> None:
    for _ in range(turns):
        await trio.lowlevel.checkpoint()
    scope.cancel()


def event(number: int) -> Event:
    progress = (EventKind.PROGRESS, Status.RUNNING, f"c-{number}", "@news", Mode.FULL, {})
    return Event(*progress, ts=NOW, worker_id="w")


@asynccontextmanager
async def open_house(folder: Path, redis_url: str) -> AsyncIterator[House]:
    async with (
        open_simulator(World(parse_world(WORLD, now=NOW))) as simulator,
        trio_asyncio.open_loop(),
        open_redis(redis_url, worker_id="w") as client,
        open_archive(
            folder / "data", artifact_format=ArtifactFormat.JSON, schema_version="1.0.0"
        ) as archive,
        open_gateway(
            api_id=1,
            session=write_session(folder / "worker.session", simulator.authorised_key()),
            server="{}:{}".format(*simulator.address),
        ) as gateway,
    ):
        queue = RedisCommandQueue(client, worker_id="w", max_deliveries=10**6)
        sink = RedisEventSink(client, log_maxlen=10)
        chat = await gateway.resolve(ChatRef("news"))
        yield House(redis_url, simulator, client, queue, sink, gateway, archive, chat)


def write_session(path: Path, key: bytes) -> Path:
    session = SQLiteSession(str(path))
    session.set_dc(2, "127.0.0.1", 1)
    session.auth_key = AuthKey(key)
    session.save()
    session.close()
    return path


async def test_nothing_is_left_behind(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No file, thread, task, connection, nor memory, after cancellations and lost connections of every kind."""
    caplog.set_level(logging.CRITICAL, "telethon")  # pytest would keep each line
    async with open_house(tmp_path, redis_url) as house:
        await house.cycles(WARM_UP)
        before, memory = await house.held(), resident_bytes()
        connections = (await house.redis_info("stats"))["total_connections_received"]
        house.ends.clear()
        await house.cycles(CYCLES)
        after = await house.held_in_the_end(before)
        grown = resident_bytes() - memory
        connections = (await house.redis_info("stats"))["total_connections_received"] - connections

    assert after.is_within(before), (before, after)
    assert grown < MEMORY_BOUND
    assert connections >= CYCLES // 5
    assert house.ends["cancelled"] > 50, house.ends
    assert house.ends["TransientError"] > 20, house.ends
    assert house.ends["done"] > 100, house.ends


def resident_bytes() -> int:
    """What of this process is in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
