"""What people do with a queue: look into it, and stop a command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from attrs import frozen

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys, read_script
from tgworker.core.command_id import command_id_of

CHUNK = 200
SUMMARY = 200


@frozen
class Job:
    """A command that was taken from the list: a worker holds it, or it rests."""

    job_id: int
    command_id: str
    payload: bytes
    worker_id: str
    """Who holds it, or held it last."""
    seconds_left: float
    """Until the lease ends, or until it is due; not above zero: the next worker that asks gets it."""
    deliveries: int
    cancelled: bool

    @property
    def summary(self) -> str:
        return _summary(self.payload)


@frozen
class DeadJob:
    """A command that is never handed out again. ``payload`` is what was pushed, byte for byte."""

    job_id: int
    command_id: str
    payload: bytes
    reason: str
    deliveries: int
    died_at: datetime

    @property
    def summary(self) -> str:
        return _summary(self.payload)


@frozen
class QueueSnapshot:
    """A queue at one moment. ``running`` and ``parked`` may be cut short; the counts are whole."""

    depth: int
    running_count: int
    running: tuple[Job, ...]
    parked_count: int
    parked: tuple[Job, ...]
    dead_count: int


async def inspect(client: RedisClient, queue: str, *, limit: int = 100) -> QueueSnapshot:
    """Look at a queue; at most `limit` running and parked jobs are told of, the next to end or fall due (-1: all).

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    script = client.redis.register_script(read_script("inspect"))
    depth, dead, running, parked = await client.call(
        script, keys=QueueKeys(queue).shared, args=[limit]
    )
    return QueueSnapshot(
        depth=depth,
        running_count=running[0],
        running=tuple(_job(*job) for job in running[1]),
        parked_count=parked[0],
        parked=tuple(_job(*job) for job in parked[1]),
        dead_count=dead,
    )


async def dead_jobs(client: RedisClient, queue: str, *, count: int = 100) -> list[DeadJob]:
    """The `count` last of the dead, the oldest of them first.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    keys = QueueKeys(queue)
    run = client.redis.execute_command
    jobs = []
    for number in map(int, await client.call(run, "LRANGE", keys["dead"], -count, -1)):
        fields = ("payload", "command_id", "reason", "deliveries", "died_at")
        payload, made, reason, deliveries, died_at = await client.call(
            run, "HMGET", keys[f"job:{number}"], *fields
        )
        jobs.append(
            DeadJob(
                job_id=number,
                command_id=command_id_of(payload, made.decode()),
                payload=payload,
                reason=reason.decode(),
                deliveries=int(deliveries),
                died_at=datetime.fromtimestamp(int(died_at) / 1000, UTC),
            )
        )
    return jobs


async def cancel(client: RedisClient, queue: str, command_id: str) -> bool:
    """Ask for a command to be stopped; False: there is none of that id, or it is over.

    Its worker learns of it at the next renewal. A command that nobody holds yet is handed out for that at once, so that
    its end is told by an event like any other. Repeatable.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    keys = QueueKeys(queue).shared
    script = client.redis.register_script(read_script("cancel"))
    found: int = 0
    # The list first: commands go from the list to a worker, never back, so none slips through.
    waiting = [
        payload
        async for payload in _waiting(client, queue)
        if command_id_of(payload, "") == command_id
    ]
    for payload in waiting:
        found += await client.call(script, keys=keys, args=["waiting", payload, command_id])
    snapshot = await inspect(client, queue, limit=-1)
    held = [
        job.job_id for job in (*snapshot.running, *snapshot.parked) if job.command_id == command_id
    ]
    found += await client.call(script, keys=keys, args=["jobs", *held])
    return found > 0


async def _waiting(client: RedisClient, queue: str) -> AsyncIterator[bytes]:
    """The list, counted from its tail: what is taken meanwhile at the head shifts nothing that is yet to come."""
    last = -1
    while True:
        chunk: list[bytes] = await client.call(
            client.redis.execute_command, "LRANGE", queue, last - CHUNK + 1, last
        )
        for payload in chunk:
            yield payload
        if len(chunk) < CHUNK:
            return
        last -= CHUNK


def _job(
    job_id: int, left: int, payload: bytes, made: bytes, deliveries: int, worker: bytes, flag: int
) -> Job:
    return Job(
        job_id=job_id,
        command_id=command_id_of(payload, made.decode()),
        payload=payload,
        worker_id=worker.decode(),
        seconds_left=left / 1000,
        deliveries=deliveries,
        cancelled=bool(flag),
    )


def _summary(payload: bytes) -> str:
    """The beginning of a payload, fit for a terminal."""
    text = payload[:SUMMARY].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
