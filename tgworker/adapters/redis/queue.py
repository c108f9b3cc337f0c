"""`CommandQueue` on Redis: a list that producers push to, and leases on what was taken from it.

A plain BLPOP loses a command when its worker dies, and a cancelled BLMOVE may still move one for nobody. So waiting
takes nothing, and taking is one script that can be asked again.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import trio

from tgworker.adapters.redis.admin import inspect
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys, read_script
from tgworker.core.command_id import command_id_of
from tgworker.ports import (
    Cancelled,
    Claim,
    Dead,
    Done,
    Held,
    Lost,
    NothingDue,
    Outcome,
    Park,
    Renewal,
)

MOST_UNDER_WAY = 1000
"""Of more running, or more parked commands than that Redis is not asked for all: others wait while it answers."""

SHORTEST_BLOCK = 0.01
"""Seconds. Redis 6.2 takes less than a millisecond for zero, which means for ever."""


class RedisCommandQueue:
    """One worker's view of the queue named `queue`; see `tgworker.ports.CommandQueue`.

    ``lease_seconds``: a claim that is not renewed for so long goes to another worker.
    ``max_deliveries``: a command handed out so often, and never given up, is handed out once more, to be
    buried.
    """

    def __init__(
        self,
        client: RedisClient,
        queue: str = "tg_commands",
        *,
        worker_id: str,
        lease_seconds: float = 60,
        max_deliveries: int = 3,
    ) -> None:
        self._client = client
        self._keys = QueueKeys(queue)
        self._worker_id = worker_id
        self._lease_ms = int(lease_seconds * 1000)
        self._max_deliveries = max_deliveries
        self._scripts = {
            name: client.redis.register_script(read_script(name))
            for name in ("claim", "renew", "finish")
        }
        self._session = uuid4().hex
        self._attempt = 1
        self._one_claim = trio.Lock()

    async def wait(self, seconds: float) -> None:
        """Look at the list's head until there is one: it is moved onto itself, so nothing is ever taken.

        BLMOVE wakes every worker that waits, and keeps the order.
        """
        if seconds <= 0:
            await trio.lowlevel.checkpoint()
            return
        block = max(seconds, SHORTEST_BLOCK)
        queue = self._keys.queue
        await self._client.call(
            self._client.redis.execute_command,
            *("BLMOVE", queue, queue, "LEFT", "LEFT", f"{block:.3f}"),
            block=block,
        )

    async def claim(self) -> Claim | NothingDue:
        """Take the next command; an attempt that got no answer is made again under the same number."""
        async with self._one_claim:
            job, next_due = await self._run(
                "claim",
                self._session,
                self._attempt,
                str(uuid4()),
                self._worker_id,
                self._lease_ms,
                self._max_deliveries,
                own_key=self._keys[f"claim:{self._worker_id}"],
            )
            self._attempt += 1
        if job:
            return _to_claim(job)
        return NothingDue(next_due / 1000 if next_due >= 0 else None)

    async def renew(self, claim: Claim) -> Renewal:
        """Prolong the lease; it is counted from before the call, for the server may have acted at its very start."""
        asked_at = trio.current_time()
        answer = await self._run("renew", claim.job_id, claim.epoch, self._lease_ms)
        if answer == b"lost":
            return Lost()
        if answer == b"cancelled":
            return Cancelled()
        return Held(self._lease_ms / 1000 - (trio.current_time() - asked_at))

    async def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Give the command up."""
        match outcome:
            case Done():
                said: tuple[str, str | int] = ("done", "")
            case Park(seconds):
                said = ("parked", max(0, round(seconds * 1000)))
            case Dead(reason):
                said = ("dead", reason)
        return bool(await self._run("finish", claim.job_id, claim.epoch, *said))

    async def depth(self) -> int:
        """How many commands wait in the list."""
        depth: int = await self._client.call(
            self._client.redis.execute_command, "LLEN", self._keys.queue
        )
        return depth

    async def under_way(self) -> frozenset[str] | None:
        """Ask for all of them in one go: between two looks a command may pass from one set to the other."""
        snapshot = await inspect(self._client, self._keys.queue, limit=MOST_UNDER_WAY)
        jobs = (*snapshot.running, *snapshot.parked)
        if len(jobs) < snapshot.running_count + snapshot.parked_count:
            return None
        return frozenset(job.command_id for job in jobs)

    async def _run(self, name: str, *args: str | int, own_key: str | None = None) -> Any:
        keys = [*self._keys.shared, *([own_key] if own_key else [])]
        return await self._client.call(self._scripts[name], keys=keys, args=args)


def _to_claim(job: list[Any]) -> Claim:
    job_id, epoch, payload, made, deliveries, cancelled, exhausted = job
    return Claim(
        job_id=job_id,
        epoch=epoch,
        payload=payload,
        command_id=command_id_of(payload, made.decode()),
        deliveries=deliveries,
        cancelled=bool(cancelled),
        exhausted=bool(exhausted),
    )
