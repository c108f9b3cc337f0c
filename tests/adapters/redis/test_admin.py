"""Handing commands in and looking at them, on a real Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from redis.crc import key_slot
from structlog.testing import capture_logs

from tgworker.adapters.redis.admin import dead_jobs, inspect
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys
from tgworker.adapters.redis.producer import submit
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.ports import Claim, Dead, Done, NothingDue, Park


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


async def test_a_command_that_kills_its_workers_is_logged_when_it_is_set_aside(
    redis_client: RedisClient,
) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w", max_deliveries=1)
    command_id = await submit(redis_client, "tg_commands", {})
    claim = await claimed(queue)
    lease = QueueKeys("tg_commands")["lease"]
    await redis_client.call(redis_client.redis.zadd, lease, {str(claim.job_id): 1})

    with capture_logs() as logs:
        assert NothingDue(None) == await queue.claim()

    (line,) = logs
    assert ("command.dead", "warning", command_id, "max_deliveries", 1) == tuple(
        line[key] for key in ("event", "log_level", "command_id", "reason", "deliveries")
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
