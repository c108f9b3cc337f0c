"""Events on a real Redis: what is published, what is kept, and who reads it through restarts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import trio
import trio_asyncio
from attrs import evolve

from tgworker.adapters.memory.events import MemoryEventSink
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.events import LogEntry, RedisEventReader, RedisEventSink
from tgworker.adapters.redis.server import open_redis_server
from tgworker.core.events import Event, EventKind, Status, event_json
from tgworker.core.model import DayReport, Mode
from tgworker.errors import QueueRefusedError, QueueUnavailableError

STARTED = Event(
    event=EventKind.STARTED,
    status=Status.RUNNING,
    command_id="c1",
    chat="@ru_python",
    mode=Mode.DAYS,
    params={"days": 1},
    ts=datetime(2025, 11, 9, tzinfo=UTC),
    worker_id="w",
)
SEALED = evolve(
    STARTED, event=EventKind.PROGRESS, day=DayReport(date(2025, 11, 8), 3, True, "f.json")
)


def numbered(number: int) -> Event:
    return evolve(STARTED, processed=number)


async def take(stream: AsyncIterator[bytes], count: int) -> list[dict[str, object]]:
    said = []
    with trio.fail_after(15):
        while len(said) < count:
            said.append(json.loads(await anext(stream)))
    return said


async def take_log(stream: AsyncIterator[LogEntry], count: int) -> list[int]:
    said = []
    with trio.fail_after(15):
        while len(said) < count:
            said.append(json.loads((await anext(stream)).event)["processed"])
    return said


@pytest.mark.parametrize(
    ("contract", "heard"),
    [
        ("both", ["started", "progress", "fetch_complete"]),
        ("v2", ["started", "progress"]),
        ("legacy", ["fetch_complete"]),
    ],
)
async def test_the_contract_decides_what_is_published_and_the_log_keeps_everything(
    redis_client: RedisClient, contract: str, heard: list[str]
) -> None:
    sink = RedisEventSink(redis_client, contract=contract)
    reader = RedisEventReader(redis_client)

    async with reader.subscribe() as messages, aclosing(messages):
        await sink.publish(STARTED)
        await sink.publish(SEALED)
        assert heard == [said["event"] for said in await take(messages, len(heard))]

    async with aclosing(reader.read_log()) as entries:
        kept = [(await anext(entries)).event for _ in range(2)]
    assert [event_json(STARTED, "1.0.0"), event_json(SEALED, "1.0.0")] == kept


async def test_the_log_is_read_from_any_entry_on(redis_client: RedisClient) -> None:
    sink, reader = RedisEventSink(redis_client), RedisEventReader(redis_client)
    for number in range(3):
        await sink.publish(numbered(number))
    async with aclosing(reader.read_log("0")) as entries:
        first = await anext(entries)

    async with aclosing(reader.read_log(first.id)) as entries:
        assert [1, 2] == await take_log(entries, 2)


@pytest.mark.parametrize("before", [0, 2])
async def test_the_log_is_followed_from_now_on_without_a_gap(
    redis_client: RedisClient, before: int
) -> None:
    sink, reader = RedisEventSink(redis_client), RedisEventReader(redis_client, block=0.05)
    for number in range(before):
        await sink.publish(numbered(number))

    async with aclosing(reader.read_log("$")) as entries:
        async with trio.open_nursery() as nursery:
            got: list[int] = []

            async def follow() -> None:
                got.extend(await take_log(entries, 3))

            nursery.start_soon(follow)
            await until_somebody_reads(redis_client)
            for number in (7, 8, 9):
                await sink.publish(numbered(number))
    assert [7, 8, 9] == got


async def until_somebody_reads(client: RedisClient) -> None:
    while True:
        clients = await client.call(
            client.redis.execute_command, "CLIENT", "LIST", "TYPE", "NORMAL"
        )
        if "cmd=xread" in str(clients):
            return
        await trio.sleep(0.01)


async def test_the_log_forgets_its_oldest_entries(redis_client: RedisClient) -> None:
    sink = RedisEventSink(redis_client, log_maxlen=100)
    for number in range(400):
        await sink.publish(numbered(number))

    kept = await redis_client.call(redis_client.redis.xlen, "tg_events:log")

    assert 100 <= kept < 300


async def test_readers_go_on_after_the_server_was_killed(tmp_path: Path) -> None:
    async with open_redis_server(tmp_path, appendonly=True) as server:
        async with trio_asyncio.open_loop(), open_redis(server.url) as client:
            sink, reader = RedisEventSink(client), RedisEventReader(client, block=0.1)
            log = reader.read_log()
            async with reader.subscribe() as messages, aclosing(messages), aclosing(log):
                await sink.publish(numbered(1))
                assert [1] == await take_log(log, 1)
                assert 1 == len(await take(messages, 1))

                await trio.to_thread.run_sync(server.kill)
                with pytest.raises(QueueUnavailableError):
                    await sink.publish(numbered(2))
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.to_thread.run_sync, server.start)
                    nursery.start_soon(expect_after_restart, sink, log, messages)


async def expect_after_restart(
    sink: RedisEventSink, log: AsyncIterator[LogEntry], messages: AsyncIterator[bytes]
) -> None:
    """Publish until the subscriber, which has to come back by itself, hears of it."""
    got: list[dict[str, object]] = []
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                got.extend(await take(messages, 1))
                nursery.cancel_scope.cancel()

            nursery.start_soon(listen)
            while True:
                try:
                    await sink.publish(numbered(3))
                except QueueUnavailableError:
                    pass
                await trio.sleep(0.02)
    assert 3 == got[0]["processed"]
    assert [3] == await take_log(log, 1)


async def test_a_subscriber_of_a_server_that_is_away_is_told(aio_loop: None) -> None:
    async with open_redis_server() as server:
        url = server.url
    async with open_redis(url) as client:
        with pytest.raises(QueueUnavailableError):
            async with RedisEventReader(client).subscribe():
                pass


async def test_a_log_that_is_no_stream_is_refused(redis_client: RedisClient) -> None:
    await redis_client.call(redis_client.redis.set, "tg_events:log", "text")

    with pytest.raises(QueueRefusedError, match="holds something else"):
        await RedisEventSink(redis_client).publish(STARTED)
    with pytest.raises(QueueRefusedError, match="holds something else"):
        await anext(RedisEventReader(redis_client).read_log())


async def test_the_twin_keeps_events_and_can_be_away() -> None:
    sink = MemoryEventSink()
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert SEALED == await sink.wait_for(lambda event: event.event is EventKind.PROGRESS)

        nursery.start_soon(wait)
        await sink.publish(STARTED)
        await sink.publish(SEALED)
    assert [STARTED, SEALED] == sink.events

    sink.away = True
    with pytest.raises(QueueUnavailableError):
        await sink.publish(STARTED)
