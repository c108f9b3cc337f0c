from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor.conftest import MakeSettings
from tests.pretend_redis import pretend_server
from tgworker.adapters.redis import admin
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.adapters.redis.server import open_redis_server
from tgworker.doctor import redis as redis_check
from tgworker.doctor.redis import look_at_redis
from tgworker.errors import QueueRefusedError, QueueUnavailableError
from tgworker.ports import Claim, Dead, Park

Outcomes = Callable[..., dict[str, str]]


async def test_a_server_that_keeps_everything_is_well(
    aio_loop: None, make_settings: MakeSettings, outcomes: Outcomes
) -> None:
    async with open_redis_server(appendonly=True, password="hunter2") as server:
        findings = await look_at_redis(make_settings(REDIS_URL=server.url))

    assert {"ok"} == set(outcomes(findings).values())
    assert 10 == len(findings)
    assert "hunter2" not in repr(findings)


@pytest.mark.parametrize(
    ("options", "eviction", "persistence"),
    [
        ({"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}, "warning", "warning"),
        ({"maxmemory-policy": "allkeys-lru", "save": "60 1"}, "ok", "warning"),
    ],
    ids=["it evicts and forgets", "it has no limit, and keeps snapshots"],
)
async def test_a_server_that_may_lose_commands_is_warned_of(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    options: dict[str, str],
    eviction: str,
    persistence: str,
) -> None:
    async with open_redis_server(**options) as server:
        told = outcomes(await look_at_redis(make_settings(REDIS_URL=server.url)))

    assert (eviction, persistence) == (told["redis.eviction"], told["redis.persistence"])
    assert "problem" not in told.values()


async def test_a_wrong_password_is_a_matter_of_settings(
    aio_loop: None, make_settings: MakeSettings, redis_url: str
) -> None:
    url = redis_url.replace("redis://", "redis://:wr0ng@")

    [finding] = await look_at_redis(make_settings(REDIS_URL=url))

    assert ("redis.server", "problem") == (finding.check, finding.outcome)
    assert isinstance(finding.error, QueueRefusedError)
    assert "wr0ng" not in finding.found


async def test_a_server_that_is_away_is_a_problem_of_its_own_kind(
    aio_loop: None, make_settings: MakeSettings
) -> None:
    [finding] = await look_at_redis(make_settings(REDIS_URL="redis://127.0.0.1:1"))

    assert isinstance(finding.error, QueueUnavailableError)
    assert "can't be reached" in finding.found


async def test_a_server_that_is_too_old_is_refused(
    aio_loop: None, make_settings: MakeSettings
) -> None:
    async with pretend_server(b"redis_version:6.0.16\r\n") as url:
        [finding] = await look_at_redis(make_settings(REDIS_URL=url))

    assert "version 6.0.16, which is too old" in finding.found
    assert isinstance(finding.error, QueueRefusedError)


async def acl(url: str, *rules: str) -> str:
    async with open_redis(url) as client:
        words = ("ACL", "SETUSER", "guest", "reset", "on", ">guest", "~*", "&*", *rules)
        await client.call(client.redis.execute_command, *words)
    return url.replace("redis://", "redis://guest:guest@")


async def test_rights_that_are_missing_are_named_and_what_they_hide_is_skipped(
    aio_loop: None, make_settings: MakeSettings, outcomes: Outcomes, redis_url: str
) -> None:
    url = await acl(redis_url, "+@all", "-publish", "-time", "-info", "-lpop", "-evalsha")

    findings = await look_at_redis(make_settings(REDIS_URL=url))

    told = outcomes(findings)
    assert "problem" == told.pop("redis.rights")
    assert "ok" == told.pop("redis.server")
    assert {"skipped"} == set(told.values())
    [rights] = [each for each in findings if each.check == "redis.rights"]
    assert "EVALSHA, TIME, LPOP and 1 more" in rights.found
    assert isinstance(rights.error, QueueRefusedError)


async def test_a_user_who_may_not_see_connections_or_the_setup_sees_the_rest(
    aio_loop: None, make_settings: MakeSettings, outcomes: Outcomes, redis_url: str
) -> None:
    rules = ("+@all", "-config", "-client", "+client|setname", "+client|setinfo")

    told = outcomes(await look_at_redis(make_settings(REDIS_URL=await acl(redis_url, *rules))))

    assert {"redis.persistence", "queue.workers"} == {k for k, v in told.items() if v == "skipped"}


async def test_a_clock_that_is_off_is_a_problem(
    aio_loop: None,
    make_settings: MakeSettings,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No Redis here has a clock of its own: ours is the one that is off."""
    real = redis_check.clock_ahead

    async def ahead(client: RedisClient) -> float:
        return 90 + await real(client)

    monkeypatch.setattr(redis_check, "clock_ahead", ahead)

    findings = await look_at_redis(make_settings(REDIS_URL=redis_url))

    [clock] = [each for each in findings if each.check == "redis.clock"]
    assert "problem" == clock.outcome
    assert "Redis's clock is 90.0 s ahead of this host's" in clock.found


async def test_commands_that_nobody_takes_are_told(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is dead, one waits; one is held and one rests, and the time of both is over."""
    monkeypatch.setattr(redis_check, "OVERDUE_SECONDS", 0.0)
    async with open_redis(redis_url) as client:
        queue = RedisCommandQueue(client, worker_id="w", lease_seconds=0.001)
        await client.call(client.redis.rpush, "tg_commands", *(b"%d" % n for n in range(4)))
        for outcome in (Dead("invalid_command"), Park(3600), None):
            claim = await queue.claim()
            assert isinstance(claim, Claim)
            if outcome is not None:
                await queue.finish(claim, outcome)
        await client.call(client.redis.zadd, "{tg_commands}:parked", {b"2": 1}, xx=True)

        findings = await look_at_redis(make_settings(REDIS_URL=redis_url))

        snapshot = await admin.inspect(client, "tg_commands")
    told = outcomes(findings)
    amiss = {key for key, outcome in told.items() if outcome == "warning"}
    assert {"queue.workers", "queue.leases", "queue.parked", "queue.dead"} == amiss - {
        "redis.persistence"
    }
    assert (1, 1, 1, 1) == (  # and it took nothing over
        snapshot.depth,
        snapshot.running_count,
        snapshot.parked_count,
        snapshot.dead_count,
    )


async def test_workers_that_are_connected_are_named(
    aio_loop: None, make_settings: MakeSettings, redis_url: str
) -> None:
    async with open_redis(redis_url, worker_id="fetcher-7") as worker:
        await worker.call(worker.redis.ping)

        findings: Any = await look_at_redis(make_settings(REDIS_URL=redis_url))

    assert ["connected: fetcher-7"] == [f.found for f in findings if f.check == "queue.workers"]
