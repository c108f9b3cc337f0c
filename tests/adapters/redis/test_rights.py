"""What a user may not do is found without doing anything."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.adapters.redis.rights import find_refused, needed_commands
from tgworker.errors import QueueUnavailableError

QUEUE, CHANNEL = "tg_commands", "tg_events"
DOCUMENTED = (
    "resetchannels ~tg_commands ~{tg_commands}:* ~tg_events:log &tg_events +@read +@write"
    " +@connection +@transaction +@scripting +@pubsub +time -@dangerous +info +client|setname"
)


async def as_user(client: RedisClient, *rules: str) -> str:
    """A new user with just these rights; gives the URL."""
    words = ("ACL", "SETUSER", "guest", "reset", "on", ">guest", *rules)
    await client.call(client.redis.execute_command, *words)
    return f"redis://guest:guest@{client.address}/0"


def test_all_that_the_scripts_run_is_rehearsed() -> None:
    scripts = (files("tgworker.adapters.redis") / "lua").iterdir()
    run = {name for each in scripts for name in re.findall(r"call\('(\w+)'", each.read_text())}

    assert run
    assert set() == run - {name for name, *_ in needed_commands(QUEUE, CHANNEL)}


async def test_nothing_is_refused_to_who_may_do_anything_and_nothing_is_done(
    redis_client: RedisClient,
) -> None:
    redis = redis_client.redis
    await redis_client.call(redis.rpush, QUEUE, b"1", b"2")

    assert [] == await find_refused(redis_client, QUEUE, CHANNEL)

    assert [QUEUE.encode()] == await redis_client.call(redis.keys, "*")
    assert [b"1", b"2"] == await redis_client.call(redis.lrange, QUEUE, 0, -1)


async def test_the_documented_rights_are_enough(redis_client: RedisClient) -> None:
    async with open_redis(await as_user(redis_client, *DOCUMENTED.split())) as guest:
        assert [] == await find_refused(guest, QUEUE, CHANNEL)
        assert await RedisCommandQueue(guest, QUEUE, worker_id="w").claim()


@pytest.mark.parametrize(
    ("rules", "refused"),
    [
        (("+@all", "~*", "&*", "-publish", "-evalsha"), {"EVALSHA", "PUBLISH"}),
        (("+@all", "~tg_commands", "~{tg_commands}:*", "&*"), {"XADD"}),
        (("+@all", "~*", "resetchannels", "&other"), {"PUBLISH"}),
        (("+@all", "~*", "&*", "-multi"), {"MULTI"}),
    ],
    ids=["commands", "keys", "channels", "the rehearsal itself"],
)
async def test_each_missing_right_is_named(
    redis_client: RedisClient, rules: tuple[str, ...], refused: set[str]
) -> None:
    async with open_redis(await as_user(redis_client, *rules)) as guest:
        found = await find_refused(guest, QUEUE, CHANNEL)

    assert refused == {each.command for each in found}
    assert all("permissions" in each.reason for each in found)


async def test_a_server_that_takes_no_writes_now_is_told(redis_client: RedisClient) -> None:
    redis = redis_client.redis
    await redis_client.call(redis.replicaof, "127.0.0.1", "1")
    found = await find_refused(redis_client, QUEUE, CHANNEL)
    await redis_client.call(redis.replicaof, "NO", "ONE")

    assert {"LPOP", "XADD"} <= {each.command for each in found}
    assert "read only replica" in found[0].reason


async def test_nobody_there_is_unavailable(aio_loop: None) -> None:
    async with open_redis("redis://127.0.0.1:1") as client:
        with pytest.raises(QueueUnavailableError):
            await find_refused(client, QUEUE, CHANNEL)
