"""A `CommandQueue` in memory, with the behaviour of the one on Redis: one shared store, any number of workers."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import trio
from attrs import define, field

from tgworker.core.command_id import command_id_of
from tgworker.errors import QueueUnavailableError
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


@define
class _Job:
    id: int
    payload: bytes
    command_id: str
    state: str = "parked"
    epoch: int = 0
    deliveries: int = 0
    cancelled: bool = False
    exhausted: bool = False
    lease_until: float | None = None
    due_at: float | None = None
    reason: str | None = None


@define
class MemoryQueueStore:
    """What the workers share. ``clock`` gives seconds; under trio's MockClock leases end by themselves.

    For tests: while ``away`` is true nothing answers; the next ``lose_replies`` calls take effect and get no reply.
    """

    clock: Callable[[], float] = trio.current_time
    waiting: list[bytes] = field(factory=list)
    away: bool = False
    lose_replies: int = 0
    _jobs: dict[int, _Job] = field(factory=dict)
    _pushed: trio.Event = field(factory=trio.Event)

    def push(self, payload: bytes) -> None:
        """Do as a producer does."""
        self.waiting.append(payload)
        self._pushed.set()
        self._pushed = trio.Event()

    def cancel(self, command_id: str) -> bool:
        """Ask for a command to be stopped; False: there is none of that id, or it is over."""
        for payload in [p for p in self.waiting if command_id_of(p, "") == command_id]:
            self.waiting.remove(payload)
            self.new_job(payload, command_id)
        found = [
            job
            for job in self._jobs.values()
            if job.command_id == command_id and job.state in ("running", "parked")
        ]
        for job in found:
            job.cancelled = True
            if job.state == "parked":
                job.due_at = self.clock()
        return bool(found)

    @property
    def dead(self) -> list[tuple[bytes, str]]:
        """Payload and reason of every command that is never handed out again."""
        return [
            (job.payload, job.reason or "") for job in self._jobs.values() if job.state == "dead"
        ]

    @property
    def parked(self) -> int:
        """How many commands rest, or wait to be handed out again."""
        return sum(job.due_at is not None for job in self._jobs.values())

    @property
    def running(self) -> int:
        """How many commands are held by workers."""
        return sum(job.lease_until is not None for job in self._jobs.values())

    @property
    def under_way(self) -> frozenset[str]:
        """The ids of the commands that are held by workers, or rest."""
        return frozenset(
            job.command_id for job in self._jobs.values() if job.state in ("running", "parked")
        )

    def new_job(self, payload: bytes, command_id: str) -> _Job:
        job = _Job(id=len(self._jobs) + 1, payload=payload, command_id=command_id)
        self._jobs[job.id] = job
        return job

    def held(self, claim: Claim) -> _Job | None:
        """The job, if nobody else got it since."""
        job = self._jobs[claim.job_id]
        return job if job.state == "running" and job.epoch == claim.epoch else None

    def find(self, claim: Claim) -> _Job:
        return self._jobs[claim.job_id]

    def next_job(self) -> _Job | None:
        """What is to be handed out now: jobs that are due first, as on Redis, the longest due before the others."""
        now = self.clock()
        for job in self._jobs.values():
            if job.lease_until is not None and job.lease_until <= now:
                job.due_at, job.lease_until = job.lease_until, None
        due = [job for job in self._jobs.values() if job.due_at is not None and job.due_at <= now]
        if due:
            return min(due, key=lambda job: (job.due_at, job.id))
        if self.waiting:
            payload = self.waiting.pop(0)
            return self.new_job(payload, command_id_of(payload, str(uuid4())))
        return None

    def next_due(self) -> float | None:
        ends = [at for job in self._jobs.values() for at in (job.due_at, job.lease_until)]
        times = [at for at in ends if at is not None]
        return max(0.0, min(times) - self.clock()) if times else None

    async def wait_for_push(self) -> None:
        await self._pushed.wait()

    async def reach(self) -> None:
        """What each call begins with: the way to the server."""
        await trio.lowlevel.checkpoint()
        if self.away:
            raise QueueUnavailableError("The queue in memory was told to be away.")

    def reply(self) -> None:
        """What each call ends with: the way back."""
        if self.lose_replies:
            self.lose_replies -= 1
            raise QueueUnavailableError("The queue in memory was told to lose this reply.")


class MemoryCommandQueue:
    """One worker's view of a store; see `tgworker.ports.CommandQueue`."""

    def __init__(
        self,
        store: MemoryQueueStore,
        *,
        worker_id: str = "worker",
        lease_seconds: float = 60,
        max_deliveries: int = 3,
    ) -> None:
        self.store = store
        self.worker_id = worker_id
        self._lease_seconds = lease_seconds
        self._max_deliveries = max_deliveries
        self._unanswered: Claim | None = None

    async def wait(self, seconds: float) -> None:
        """Return when something was pushed, or at once if something waits."""
        await self.store.reach()
        if not self.store.waiting:
            with trio.move_on_after(max(0.0, seconds)):
                await self.store.wait_for_push()

    async def claim(self) -> Claim | NothingDue:
        """Take the next command, or again the one whose reply was lost."""
        await self.store.reach()
        claim = self._unanswered
        if claim is None or self.store.held(claim) is None:
            claim = self._take()
        else:
            self._lease(self.store.find(claim))
        self._unanswered = claim
        self.store.reply()
        self._unanswered = None
        return claim if claim is not None else NothingDue(self.store.next_due())

    async def renew(self, claim: Claim) -> Renewal:
        """Prolong the lease."""
        await self.store.reach()
        job = self.store.held(claim)
        if job is not None:
            self._lease(job)
        self.store.reply()
        if job is None:
            return Lost()
        return Cancelled() if job.cancelled else Held(self._lease_seconds)

    async def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Give the command up."""
        await self.store.reach()
        match outcome:
            case Done():
                state, due_at, reason = "done", None, None
            case Park(seconds):
                state, due_at, reason = "parked", self.store.clock() + max(0.0, seconds), None
            case Dead(why):
                state, due_at, reason = "dead", None, why
        job = self.store.held(claim)
        if job is not None:
            job.state, job.due_at, job.reason, job.lease_until = state, due_at, reason, None
            job.deliveries -= state == "parked" and not job.exhausted
        self.store.reply()
        job = self.store.find(claim)
        return job.state == state and job.epoch == claim.epoch

    async def depth(self) -> int:
        """How many commands wait."""
        await self.store.reach()
        self.store.reply()
        return len(self.store.waiting)

    async def under_way(self) -> frozenset[str] | None:
        """Which commands are held or rest."""
        await self.store.reach()
        self.store.reply()
        return self.store.under_way

    def _take(self) -> Claim | None:
        job = self.store.next_job()
        if job is None:
            return None
        self._lease(job)
        job.state = "running"
        job.epoch += 1
        job.exhausted = job.exhausted or job.deliveries >= self._max_deliveries
        job.deliveries += not job.exhausted
        return Claim(
            job_id=job.id,
            epoch=job.epoch,
            payload=job.payload,
            command_id=job.command_id,
            deliveries=job.deliveries,
            cancelled=job.cancelled,
            exhausted=job.exhausted,
        )

    def _lease(self, job: _Job) -> None:
        job.lease_until, job.due_at = self.store.clock() + self._lease_seconds, None
