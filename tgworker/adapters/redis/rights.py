"""Which of the commands that a worker needs this user may not run. Nothing is run to find out.

Inside of MULTI a server judges each command as it is queued: its name, the rights to it and to its keys and channels,
and whether writes are taken at all. EXEC never comes.
Source: https://redis.io/docs/latest/develop/using-commands/transactions/#errors-inside-a-transaction
"""

from __future__ import annotations

from attrs import frozen
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ResponseError

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.events import log_key
from tgworker.adapters.redis.keys import QueueKeys


@frozen
class Refusal:
    """A command that would fail, and what the server says."""

    command: str
    reason: str


def needed_commands(queue: str, channel: str) -> list[tuple[str, ...]]:
    """One call of each command that a worker, its scripts included, runs; it could be run so."""
    keys = QueueKeys(queue)
    job, lease, dead, log = keys["job:0"], keys["lease"], keys["dead"], log_key(channel)
    return [
        ("BLMOVE", queue, queue, "LEFT", "LEFT", "1"),
        ("EVALSHA", "0" * 40, "0"),
        ("SCRIPT", "LOAD", "return 0"),
        ("TIME",),
        ("LLEN", queue),
        ("LPOP", queue),
        ("LRANGE", dead, "0", "0"),
        ("LREM", dead, "0", ""),
        ("RPUSH", dead, ""),
        ("ZADD", lease, "0", ""),
        ("ZCARD", lease),
        ("ZRANGE", lease, "0", "0"),
        ("ZRANGEBYSCORE", lease, "0", "0"),
        ("ZREM", lease, ""),
        ("INCR", keys["seq"]),
        ("HSET", job, "state", ""),
        ("HGET", job, "state"),
        ("HMGET", job, "state"),
        ("HEXISTS", job, "state"),
        ("HINCRBY", job, "epoch", "1"),
        ("HDEL", job, "state"),
        ("PEXPIRE", job, "1"),
        ("DEL", job),
        ("GET", keys["fence"]),
        ("SET", keys["fence"], "0"),
        ("PTTL", keys["flood:0:method"]),
        ("PUBLISH", channel, ""),
        ("XADD", log, "*", "event", ""),
    ]


async def find_refused(client: RedisClient, queue: str, channel: str) -> list[Refusal]:
    """What the server would refuse to do for a worker; nothing is changed.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    refused: list[Refusal] = await client.call(
        _rehearse, client.redis, needed_commands(queue, channel)
    )
    return refused


async def _rehearse(redis: Redis, calls: list[tuple[str, ...]]) -> list[Refusal]:
    """On a connection of its own: with its end, what was queued is forgotten."""
    connection: AbstractConnection = redis.connection_pool.make_connection()  # type: ignore[no-untyped-call]
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        return await _queue(connection, [("MULTI",)]) or await _queue(connection, calls)
    finally:
        # This is asyncio's, and does not wait.
        await connection.disconnect(nowait=True)  # noqa: ASYNC102


async def _queue(connection: AbstractConnection, calls: list[tuple[str, ...]]) -> list[Refusal]:
    refused = []
    for call in calls:
        await connection.send_command(*call)
        try:
            await connection.read_response()
        except ResponseError as error:
            refused.append(Refusal(call[0], str(error)))
    return refused
