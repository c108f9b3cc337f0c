"""The border between trio and redis-py, on real servers that are killed, paused, full and locked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import redis.exceptions
import trio
import trio_asyncio
from redis._parsers.base import BaseParser
from structlog.testing import capture_logs

from tests.pretend_redis import pretend_server
from tgworker.adapters.redis.check import check_server
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.errors import explain
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.adapters.redis.server import RedisServer, open_redis_server
from tgworker.errors import QueueRefusedError, QueueUnavailableError
from tgworker.ports import Claim, Done, Held

SECRET = "s3cret/pass word"


@asynccontextmanager
async def connected(url: str, **options: float) -> AsyncIterator[RedisClient]:
    async with trio_asyncio.open_loop(), open_redis(url, worker_id="a b\nc", **options) as client:
        yield client


def with_user(server: RedisServer, user: str) -> str:
    return f"redis://{user}127.0.0.1:{server.port}/0"


async def test_the_server_knows_its_client_by_name(redis_url: str) -> None:
    async with connected(redis_url) as client:
        assert b"tgworker:a_b_c" == await client.call(
            client.redis.execute_command, "CLIENT", "GETNAME"
        )


async def test_a_cancelled_call_leaves_no_answer_behind_for_the_next(
    redis_client: RedisClient,
) -> None:
    run = redis_client.redis.execute_command
    for number in range(100):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(redis_client.call, run, "ECHO", f"old {number}")
                for _ in range(number % 20):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

        assert b"new %d" % number == await redis_client.call(run, "ECHO", f"new {number}")

    clients = await redis_client.call(redis_client.redis.client_list)
    assert len(clients) < 10, "cancelled calls must give their connections back"


async def test_a_blocked_call_can_be_cancelled_at_once(redis_client: RedisClient) -> None:
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(RedisCommandQueue(redis_client, worker_id="w").wait, 60)
            await until_blocked(redis_client, 1)
            nursery.cancel_scope.cancel()
        await until_blocked(redis_client, 0)


async def until_blocked(client: RedisClient, count: int) -> None:
    while True:
        info = await client.call(client.redis.info, "clients")
        if info["blocked_clients"] == count:
            return
        await trio.sleep(0.01)


async def test_a_server_that_does_not_answer_in_time_is_unavailable(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as other:
        other.client_pause(60_000, all=False)
    async with connected(redis_url, reply_seconds=0.5) as client:
        with pytest.raises(QueueUnavailableError, match="did not answer within 0.5 s"):
            await client.call(client.redis.rpush, "tg_commands", b"1")


async def test_the_url_may_say_how_long_an_answer_may_take(redis_url: str) -> None:
    async with connected(f"{redis_url}?socket_timeout=0.05") as client:
        with redis.Redis.from_url(redis_url) as other:
            other.client_pause(500)
            with pytest.raises(QueueUnavailableError, match="did not answer within 0.05 s"):
                await client.call(client.redis.ping)
            other.client_unpause()


async def test_a_claim_that_a_pause_delayed_comes_to_its_worker(redis_url: str) -> None:
    async with connected(redis_url, reply_seconds=0.5) as client:
        queue = RedisCommandQueue(client, worker_id="w")
        with redis.Redis.from_url(redis_url) as other:
            other.rpush("tg_commands", b"1")
            other.client_pause(1500, all=False)
        tries = 0
        claim = None
        with trio.fail_after(10):
            while claim is None:
                tries += 1
                try:
                    claim = await queue.claim()
                except QueueUnavailableError:
                    continue

        assert tries > 1
        assert isinstance(claim, Claim)
        assert 1 == claim.deliveries
        assert isinstance(await queue.renew(claim), Held)


async def test_connections_that_the_server_closed_are_made_anew(redis_client: RedisClient) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w")
    await queue.depth()
    with redis.Redis.from_url(f"redis://{redis_client.address}") as other:
        other.client_kill_filter(_type="normal", skipme=True)

    with trio.fail_after(10):
        while True:
            try:
                assert 0 == await queue.depth()
                break
            except QueueUnavailableError:
                continue


async def test_a_wait_whose_connection_is_killed_says_so_and_works_again(
    redis_client: RedisClient,
) -> None:
    queue = RedisCommandQueue(redis_client, worker_id="w")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:

            async def wait() -> None:
                with pytest.raises(QueueUnavailableError):
                    await queue.wait(60)

            nursery.start_soon(wait)
            await until_blocked(redis_client, 1)
            await redis_client.call(
                redis_client.redis.client_kill_filter, _type="normal", skipme=True
            )
    await queue.wait(0.01)


async def test_a_killed_server_keeps_what_was_claimed_and_what_waits(tmp_path: Path) -> None:
    async with (
        open_redis_server(tmp_path, appendonly=True) as server,
        connected(server.url) as client,
    ):
        queue = RedisCommandQueue(client, worker_id="w")
        await client.call(client.redis.rpush, "tg_commands", b"1", b"2")
        claim = await queue.claim()
        assert isinstance(claim, Claim)

        await trio.to_thread.run_sync(server.kill)
        with pytest.raises(QueueUnavailableError, match=f"127.0.0.1:{server.port}"):
            await queue.renew(claim)
        await trio.to_thread.run_sync(server.start)

        assert isinstance(await queue.renew(claim), Held)
        assert await queue.finish(claim, Done())
        then = await queue.claim()
        assert isinstance(then, Claim)
        assert b"2" == then.payload


async def test_a_server_killed_while_it_claims_loses_no_command(tmp_path: Path) -> None:
    async with (
        open_redis_server(tmp_path, appendonly=True) as server,
        connected(server.url, reply_seconds=1) as client,
    ):
        queue = RedisCommandQueue(client, worker_id="w")
        payloads = [b"%d" % number for number in range(500)]
        await client.call(client.redis.rpush, "tg_commands", *payloads)
        claims: list[Claim] = []

        async def claim_all() -> None:
            while len(claims) < len(payloads):
                try:
                    claim = await queue.claim()
                except QueueUnavailableError:
                    await trio.sleep(0.01)
                    continue
                assert isinstance(claim, Claim)
                claims.append(claim)

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(claim_all)
                for _ in range(3):
                    await trio.to_thread.run_sync(server.kill)
                    await trio.to_thread.run_sync(server.start)

        assert payloads == [claim.payload for claim in claims]


async def test_nobody_there_is_unavailable(redis_url: str) -> None:
    async with open_redis_server() as server:
        url = server.url
    async with connected(url) as client:
        with pytest.raises(QueueUnavailableError, match="can't be reached"):
            await check_server(client)


async def test_passwords_are_checked_and_never_shown() -> None:
    async with open_redis_server(password=SECRET) as server:
        async with connected(server.url) as client:
            await check_server(client)
            assert SECRET not in repr(client.redis)
        for user, sentence in [
            (":wr0ng@", "refused the user or password"),
            ("", "wants a password"),
        ]:
            async with connected(with_user(server, user)) as client:
                with pytest.raises(QueueRefusedError, match=sentence) as caught:
                    await check_server(client)
                assert "wr0ng" not in str(caught.value)


async def test_a_password_for_a_server_that_has_none_is_refused(redis_server: RedisServer) -> None:
    async with connected(with_user(redis_server, ":wr0ng@")) as client:
        with pytest.raises(QueueRefusedError, match="has no password, but") as caught:
            await check_server(client)
    assert "wr0ng" not in str(caught.value)


async def test_a_user_without_permission_is_told(redis_url: str, redis_server: RedisServer) -> None:
    async with connected(redis_url) as client:
        await acl(client, "+@all", "-lpop", "-llen")
        await client.call(client.redis.rpush, "tg_commands", b"1")
    async with connected(with_user(redis_server, "guest:guest@")) as client:
        queue = RedisCommandQueue(client, worker_id="w")
        for act in (queue.depth, queue.claim):
            with pytest.raises(QueueRefusedError, match="forbids the user"):
                await act()


async def acl(client: RedisClient, *rules: str) -> None:
    await client.call(
        client.redis.execute_command,
        "ACL",
        "SETUSER",
        "guest",
        "reset",
        "on",
        ">guest",
        "~*",
        "&*",
        *rules,
    )


async def test_what_an_acl_hides_is_not_judged(redis_url: str, redis_server: RedisServer) -> None:
    async with connected(redis_url) as client:
        await acl(client, "+@all", "-info")
        async with connected_guest(redis_server) as guest:
            with capture_logs() as logs:
                await check_server(guest)
        assert [("redis.unseen", "INFO")] == [(line["event"], line["what"]) for line in logs]
        await acl(client, "+@all", "-config")
        async with connected_guest(redis_server) as guest:
            with capture_logs() as logs:
                await check_server(guest)
        assert [("redis.unseen", "CONFIG")] == [(line["event"], line["what"]) for line in logs]


@asynccontextmanager
async def connected_guest(server: RedisServer) -> AsyncIterator[RedisClient]:
    async with open_redis(with_user(server, "guest:guest@")) as client:
        yield client


async def test_a_server_that_may_lose_commands_is_warned_of() -> None:
    options = {"maxmemory": "100mb", "maxmemory-policy": "allkeys-lru"}
    async with open_redis_server(**options) as server, connected(server.url) as client:
        with capture_logs() as logs:
            await check_server(client)
    assert ["redis.evicts", "redis.forgets"] == [line["event"] for line in logs]
    assert ["warning"] * 2 == [line["log_level"] for line in logs]


async def test_a_server_that_keeps_everything_is_not_warned_of() -> None:
    async with open_redis_server(appendonly=True) as server, connected(server.url) as client:
        with capture_logs() as logs:
            await check_server(client)
    assert [] == logs


@pytest.mark.parametrize("version", ["5.0.14", "6.0.16"])
async def test_a_server_that_is_too_old_is_refused(aio_loop: None, version: str) -> None:
    async with pretend_server(f"redis_version:{version}\r\n".encode()) as url:
        async with open_redis(url) as client:
            with pytest.raises(QueueRefusedError, match=f"version {version}, which is too old"):
                await check_server(client)


async def test_a_server_that_is_no_redis_is_refused(aio_loop: None) -> None:
    async with pretend_server(None) as url, open_redis(url) as client:
        with pytest.raises(QueueRefusedError, match="does not speak Redis's protocol"):
            await check_server(client)


async def test_a_full_server_takes_no_command_and_hands_out_what_it_has() -> None:
    async with open_redis_server() as server, connected(server.url) as client:
        queue = RedisCommandQueue(client, worker_id="w")
        await client.call(client.redis.rpush, "tg_commands", b"1")
        await client.call(client.redis.config_set, "maxmemory", "1")

        with pytest.raises(QueueUnavailableError, match="is out of memory"):
            await client.call(client.redis.rpush, "tg_commands", b"2")
        claim = await queue.claim()
        assert isinstance(claim, Claim)
        assert (b"1", 1) == (claim.payload, claim.deliveries)
        assert await queue.finish(claim, Done())


async def test_a_replica_is_unavailable_until_it_is_promoted() -> None:
    async with open_redis_server() as server, connected(server.url) as client:
        queue = RedisCommandQueue(client, worker_id="w")
        await client.call(client.redis.rpush, "tg_commands", b"1")
        await client.call(client.redis.replicaof, "127.0.0.1", "1")

        with pytest.raises(QueueUnavailableError, match="is a read-only replica"):
            await queue.claim()
        await client.call(client.redis.replicaof, "NO", "ONE")

        claim = await queue.claim()
        assert isinstance(claim, Claim)
        assert (b"1", 1) == (claim.payload, claim.deliveries)


async def test_a_key_of_another_type_is_refused(redis_client: RedisClient) -> None:
    await redis_client.call(redis_client.redis.set, "tg_commands", "text")
    queue = RedisCommandQueue(redis_client, worker_id="w")

    for act in (queue.claim, queue.depth):
        with pytest.raises(QueueRefusedError, match="holds something else"):
            await act()
    with pytest.raises(QueueRefusedError, match="holds something else"):
        await queue.wait(1)


async def test_a_command_the_server_lacks_means_it_is_too_old(redis_client: RedisClient) -> None:
    with pytest.raises(QueueRefusedError, match="too old: Redis 6.2"):
        await redis_client.call(redis_client.redis.execute_command, "NOSUCHCOMMAND")


async def test_a_database_that_is_not_there_is_refused(redis_server: RedisServer) -> None:
    async with connected(f"redis://127.0.0.1:{redis_server.port}/99") as client:
        with pytest.raises(QueueRefusedError, match="DB index is out of range"):
            await check_server(client)


@pytest.mark.parametrize(
    "url", ["http://localhost", "redis://localhost?nonsense=1", "redis://localhost?db=x"]
)
async def test_a_url_that_makes_no_sense_is_refused(aio_loop: None, url: str) -> None:
    with pytest.raises(QueueRefusedError, match="REDIS_URL can't be used"):
        async with open_redis(url):
            pass


async def test_a_socket_file_will_do_too(tmp_path: Path, aio_loop: None) -> None:
    socket = tmp_path / "redis.sock"
    async with open_redis_server(tmp_path, unixsocket=str(socket)):
        async with open_redis(f"unix://{socket}") as client:
            await client.call(client.redis.ping)
            assert str(socket) == client.address


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("LOADING Redis is loading the dataset in memory", QueueUnavailableError),
        ("CLUSTERDOWN The cluster is down", QueueUnavailableError),
        ("MISCONF Redis is configured to save RDB snapshots", QueueUnavailableError),
        ("MOVED 3999 127.0.0.1:6381", QueueRefusedError),
        ("NOPERM this user has no permissions", QueueRefusedError),
        ("ERR something new", QueueRefusedError),
    ],
)
def test_errors_that_pass_are_told_from_those_that_stay(text: str, kind: type[Exception]) -> None:
    error = explain(BaseParser.parse_error(text), "here:6379")

    assert kind is type(error)
    assert "here:6379" in str(error)


def test_what_a_pipelined_command_carried_does_not_decide() -> None:
    error = redis.exceptions.ResponseError(
        "Command # 1 (PUBLISH c OOM) of pipeline caused error: WRONGTYPE Operation"
    )
    assert QueueRefusedError is type(explain(error, "here:6379"))
    assert QueueRefusedError is type(explain(redis.exceptions.RedisError("?"), "here:6379"))


async def test_a_cancellation_of_asyncios_own_is_an_error_like_others(
    redis_client: RedisClient,
) -> None:
    async def cancelled() -> None:
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    with pytest.raises(QueueUnavailableError, match="broken off"):
        await redis_client.call(cancelled)
