"""Handing commands in and looking at them, on a real Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from redis.crc import key_slot

from tgworker.adapters.redis.admin import (
    Cancelling,
    CommandState,
    cancel,
    dead_jobs,
    drop,
    inspect,
    retry,
)
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys
from tgworker.adapters.redis.producer import submit
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.ports import Claim, Dead, Done, Park


async def claimed(queue: RedisCommandQueue) -> Claim:
    claim = await queue.claim()
    assert isinstance(claim, Claim)
    return claim


async def test_a_submitted_command_is_claimed_under_the_id_it_was_given(
    redis_client: RedisClient,
) -> None:
    command = {"command": "fetch", "chat": "@ru_python", "mode": "full"}
    own = str(uuid4())

    made = await submit(redis_client, "tg_commands", command)
    kept = await submit(redis_client, "tg_commands", {**command, "command_id": own})
    queue = RedisCommandQueue(redis_client, worker_id="w")
    claims = [await claimed(queue) for _ in range(2)]

    assert UUID(made)
    assert own == kept
    assert [made, own] == [claim.command_id for claim in claims]
    assert {**command, "command_id": made} == json.loads(claims[0].payload)


async def test_a_queue_is_shown_as_it_is(redis_client: RedisClient) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="fetcher-1", lease_seconds=60)
    for name in ("dead", "parked", "running", "waiting"):
        await submit(redis_client, "tg_commands", {"chat": name})
    await queue.finish(await claimed(queue), Dead("invalid_command"))
    await queue.finish(await claimed(queue), Park(100))
    held = await claimed(queue)

    snapshot = await inspect(redis_client, "tg_commands")

    assert 1 == snapshot.depth == snapshot.dead_count
    (running,), (parked,) = snapshot.running, snapshot.parked
    assert (held.command_id, "fetcher-1", 1) == (
        running.command_id,
        running.worker_id,
        running.deliveries,
    )
    assert 50 < running.seconds_left <= 60
    assert '{"chat":"running"' in running.summary
    assert 90 < parked.seconds_left <= 100
    assert 0 == parked.deliveries
    assert not running.cancelled


async def test_of_many_jobs_the_first_are_shown_and_all_are_counted(
    redis_client: RedisClient,
) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w")
    for number in range(5):
        await submit(redis_client, "tg_commands", {"n": number})
        await queue.finish(await claimed(queue), Park(100 + number))

    snapshot = await inspect(redis_client, "tg_commands", limit=2)

    assert (5, 2) == (snapshot.parked_count, len(snapshot.parked))
    assert 5 == len((await inspect(redis_client, "tg_commands", limit=-1)).parked)


async def test_the_dead_are_shown_with_reason_and_time_and_fit_for_a_terminal(
    redis_client: RedisClient,
) -> None:
    payload = b"\x1b[31mred\xff" + b"x" * 500
    await redis_client.call(redis_client.redis.rpush, "tg_commands", payload)
    queue = RedisCommandQueue(redis_client, worker_id="w")
    await queue.finish(await claimed(queue), Dead("invalid_command"))

    (dead,) = await dead_jobs(redis_client, "tg_commands")

    assert (payload, "invalid_command", 1) == (dead.payload, dead.reason, dead.deliveries)
    assert abs(datetime.now(UTC) - dead.died_at) < timedelta(minutes=1)
    assert dead.summary.startswith("\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}xxx")
    assert len(dead.summary) <= 200


async def bury(client: RedisClient, *payloads: bytes, reason: str = "why") -> list[Claim]:
    queue = RedisCommandQueue(client, worker_id="gravedigger")
    await client.call(client.redis.rpush, "tg_commands", *payloads)
    claims = [await claimed(queue) for _ in payloads]
    for claim in claims:
        assert await queue.finish(claim, Dead(reason))
    return claims


async def test_a_dead_command_that_is_retried_is_as_good_as_new(redis_client: RedisClient) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w", max_deliveries=1)
    for payload in (b"other", b"poison"):
        await bury(redis_client, payload)
    await redis_client.call(redis_client.redis.rpush, "tg_commands", b"waits")
    dead = await dead_jobs(redis_client, "tg_commands")

    assert {"why": 1} == await retry(redis_client, "tg_commands", dead[1].command_id)
    assert {} == await retry(redis_client, "tg_commands", dead[1].command_id)
    again = await claimed(queue)

    assert (b"poison", dead[1].command_id, 1) == (
        again.payload,
        again.command_id,
        again.deliveries,
    )
    assert not again.exhausted and not again.cancelled
    assert await queue.finish(again, Park(0))
    assert [b"other"] == [job.payload for job in await dead_jobs(redis_client, "tg_commands")]


async def test_an_exhausted_command_that_is_retried_gets_all_its_deliveries_again(
    redis_client: RedisClient,
) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w", max_deliveries=2)
    command_id = await submit(redis_client, "tg_commands", {})
    lease = QueueKeys("tg_commands")["lease"]
    seen = []
    for _ in range(2):
        while not (claim := await claimed(queue)).exhausted:
            seen.append(claim.deliveries)
            await redis_client.call(redis_client.redis.zadd, lease, {str(claim.job_id): 1})
        await queue.finish(claim, Dead("max_deliveries"))
        await retry(redis_client, "tg_commands", command_id)

    assert [1, 2, 1, 2] == seen


async def test_all_the_dead_are_retried_or_dropped_at_once(redis_client: RedisClient) -> None:
    payloads = [b"%d" % number for number in range(450)]
    await bury(redis_client, *payloads)

    assert {"why": 450} == await retry(redis_client, "tg_commands")

    snapshot = await inspect(redis_client, "tg_commands", limit=0)
    assert (0, 450) == (snapshot.dead_count, snapshot.parked_count)
    queue = RedisCommandQueue(redis_client, worker_id="w")
    claims = [await claimed(queue) for _ in payloads]
    assert {*payloads} == {claim.payload for claim in claims}
    for claim in claims:
        await queue.finish(claim, Dead("again"))
    assert {"again": 450} == await drop(redis_client, "tg_commands")
    assert [] == await dead_jobs(redis_client, "tg_commands", count=1000)
    left = await redis_client.call(redis_client.redis.keys, "*job:*")
    assert [] == left


async def test_one_of_many_dead_is_dropped(redis_client: RedisClient) -> None:
    claims = await bury(redis_client, *[b"%d" % number for number in range(300)])

    assert {"why": 1} == await drop(redis_client, "tg_commands", claims[250].command_id)
    assert {} == await drop(redis_client, "tg_commands", claims[250].command_id)

    dead = await dead_jobs(redis_client, "tg_commands", count=1000)
    assert [c.payload for c in claims if c != claims[250]] == [job.payload for job in dead]
    assert [] == await dead_jobs(redis_client, "tg_commands", count=0)


async def test_a_dead_command_that_a_full_server_threw_away_is_no_hindrance(
    redis_client: RedisClient,
) -> None:
    await bury(redis_client, b"1", b"2")
    await redis_client.call(redis_client.redis.delete, QueueKeys("tg_commands")["job:1"])

    assert [b"2"] == [job.payload for job in await dead_jobs(redis_client, "tg_commands")]
    assert {"why": 1} == await retry(redis_client, "tg_commands")
    assert 1 == (await inspect(redis_client, "tg_commands")).dead_count


async def test_who_cancels_learns_where_the_command_was(redis_client: RedisClient) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="fetcher-1")
    ids = [await submit(redis_client, "tg_commands", {"n": n}) for n in range(3)]
    await queue.finish(await claimed(queue), Park(100))
    await claimed(queue)

    found = [await cancel(redis_client, "tg_commands", command_id) for command_id in ids]

    assert [
        (Cancelling(CommandState.PARKED, "fetcher-1"),),
        (Cancelling(CommandState.RUNNING, "fetcher-1"),),
        (Cancelling(CommandState.WAITING, ""),),
    ] == found
    assert (Cancelling(CommandState.PARKED, ""),) == await cancel(
        redis_client, "tg_commands", ids[2]
    )


async def test_a_finished_command_leaves_nothing_but_a_tombstone_that_passes(
    redis_client: RedisClient,
) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w")
    await submit(redis_client, "tg_commands", {})
    await queue.finish(await claimed(queue), Done())

    keys = QueueKeys("tg_commands")
    left = {key.decode() for key in await redis_client.call(redis_client.redis.keys, "*")}
    assert {keys["job:1"], keys["seq"], keys["claim:w"]} == left
    for name in ("job:1", "claim:w"):
        assert 0 < await redis_client.call(redis_client.redis.ttl, keys[name])


async def test_a_job_that_a_full_server_threw_away_stops_nobody(redis_client: RedisClient) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w")
    for number in range(2):
        await submit(redis_client, "tg_commands", {"n": number})
    await queue.finish(await claimed(queue), Park(0))
    await redis_client.call(redis_client.redis.delete, QueueKeys("tg_commands")["job:1"])

    assert b'{"n":1' == (await claimed(queue)).payload[:6]


def test_all_keys_of_a_queue_share_its_slot() -> None:
    for queue in ("tg_commands", "{mine}:commands"):
        keys = QueueKeys(queue)
        slots = {key_slot(key.encode()) for key in (*keys.shared, keys["claim:w"])}
        assert {key_slot(queue.encode())} == slots
