"""What people do with a queue: look into it, stop a command, and decide about the dead."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Literal

from attrs import frozen

from tgworker.adapters.redis.connection import CLIENT_NAME, RedisClient
from tgworker.adapters.redis.keys import QueueKeys, read_script
from tgworker.core.command_id import command_id_of
from tgworker.errors import QueueRefusedError

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


class CommandState(enum.StrEnum):
    """Where a command is on its way."""

    WAITING = "waiting"
    """In the list."""
    PARKED = "parked"
    """It was handed out, and rests until it is due."""
    RUNNING = "running"


@frozen
class Cancelling:
    """A command that was asked to stop, and where it was; ``worker_id``: who runs it, or ran it last."""

    state: CommandState
    worker_id: str


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


async def connected_workers(client: RedisClient) -> tuple[str, ...] | None:
    """Who is connected to the server now, by name; None: this user may not see connections.

    Raises: QueueUnavailableError.
    """
    try:
        connections = await client.call(client.redis.client_list)
    except QueueRefusedError:
        return None
    mark = f"{CLIENT_NAME}:"
    names = {each["name"] for each in connections if each["name"].startswith(mark)}
    return tuple(sorted(name.removeprefix(mark) for name in names))


async def dead_jobs(client: RedisClient, queue: str, *, count: int = 100) -> list[DeadJob]:
    """The `count` last of the dead, the oldest of them first.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    return await _dead(client, queue, -count, -1) if count > 0 else []


async def retry(client: RedisClient, queue: str, command_id: str | None = None) -> Counter[str]:
    """Hand a dead command out again, or every one (None); returns how many there were, by the reason of their death.

    They keep their ids, come before those that wait, and have all their deliveries again. Whatever interrupts this,
    each command is either dead or due. Repeatable.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    return await _settle_dead(client, queue, "retry", command_id)


async def drop(client: RedisClient, queue: str, command_id: str | None = None) -> Counter[str]:
    """Throw a dead command away, or every one (None), payload and all; returns what `retry` does. Repeatable.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    return await _settle_dead(client, queue, "drop", command_id)


async def _settle_dead(
    client: RedisClient, queue: str, what: Literal["retry", "drop"], command_id: str | None
) -> Counter[str]:
    script = client.redis.register_script(read_script("undead"))
    # Looked for before anything is done: one that dies again meanwhile is not taken twice.
    reasons = {
        job.job_id: job.reason
        async for job in _all_dead(client, queue)
        if command_id in (None, job.command_id)
    }
    numbers = list(reasons)
    found: Counter[str] = Counter()
    for first in range(0, len(numbers), CHUNK):
        args = [what, *numbers[first : first + CHUNK]]
        settled = await client.call(script, keys=QueueKeys(queue).shared, args=args)
        found.update(reasons[number] for number in settled)
    return found


async def _all_dead(client: RedisClient, queue: str) -> AsyncIterator[DeadJob]:
    """From the oldest on: those who die meanwhile come at the end."""
    first = 0
    depth = await client.call(client.redis.execute_command, "LLEN", QueueKeys(queue)["dead"])
    while first < depth:
        for job in await _dead(client, queue, first, first + CHUNK - 1):
            yield job
        first += CHUNK


async def _dead(client: RedisClient, queue: str, first: int, last: int) -> list[DeadJob]:
    """Those in these places of the list, without what a server short of memory threw away."""
    script = client.redis.register_script(read_script("dead"))
    jobs = await client.call(script, keys=QueueKeys(queue).shared, args=[first, last])
    return [_dead_job(*job) for job in jobs if job[1] is not None]


async def cancel(client: RedisClient, queue: str, command_id: str) -> tuple[Cancelling, ...]:
    """Ask for a command to be stopped; nothing comes back if there is none of that id, or it is over.

    Its worker learns of it at the next renewal. A command that nobody holds yet is handed out for that at once, so that
    its end is told by an event like any other. Repeatable.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    keys = QueueKeys(queue).shared
    script = client.redis.register_script(read_script("cancel"))
    taken = []
    # The list first: commands go from the list to a worker, never back, so none slips through.
    waiting = [
        payload
        async for payload in _waiting(client, queue)
        if command_id_of(payload, "") == command_id
    ]
    for payload in waiting:
        taken.append(await client.call(script, keys=keys, args=["waiting", payload, command_id]))
    snapshot = await inspect(client, queue, limit=-1)
    held = [
        job
        for job in (*snapshot.running, *snapshot.parked)
        if job.command_id == command_id and job.job_id not in taken
    ]
    states = await client.call(script, keys=keys, args=["jobs", *(job.job_id for job in held)])
    waited = [Cancelling(CommandState.WAITING, "") for job_id in taken if job_id]
    return (
        *waited,
        *(
            Cancelling(CommandState(state.decode()), job.worker_id)
            for job, state in zip(held, states, strict=True)
            if state
        ),
    )


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


def _dead_job(
    job_id: int, payload: bytes, made: bytes, reason: bytes, deliveries: int, died_at: int
) -> DeadJob:
    return DeadJob(
        job_id=job_id,
        command_id=command_id_of(payload, made.decode()),
        payload=payload,
        reason=reason.decode(),
        deliveries=deliveries,
        died_at=datetime.fromtimestamp(died_at / 1000, UTC),
    )


def _summary(payload: bytes) -> str:
    """The beginning of a payload, fit for a terminal."""
    text = payload[:SUMMARY].decode("utf-8", "replace")
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
