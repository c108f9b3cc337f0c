"""Takes commands from the queue, never more than can be worked on at once."""

from __future__ import annotations

from collections.abc import Callable

import structlog
import trio

from tgworker.errors import OutageError, QueueRefusedError, QueueUnavailableError
from tgworker.ports import Claim, CommandQueue, NothingDue
from tgworker.service.job import JobRunner
from tgworker.service.outage import Outage, stop_for_redis
from tgworker.service.stop import Stop, StoppingError

SHORTEST_WAIT_SECONDS = 0.05
"""A wait of nothing would mean for ever to Redis."""

BROKEN_WAIT_SECONDS = 0.5
"""The rest after a wait that failed: a Redis without memory refuses to wait, but may still hand out commands."""

log = structlog.get_logger()


class Reader:
    """Claims a command only when a place for it is free, so that other workers get their share."""

    def __init__(
        self,
        queue: CommandQueue,
        runner: JobRunner,
        *,
        concurrency: int,
        block_seconds: float,
        outage: Outage,
        stop: Stop,
    ) -> None:
        self._queue = queue
        self._runner = runner
        self._places = trio.CapacityLimiter(concurrency)
        self._block_seconds = block_seconds
        self._outage = outage
        self._stop = stop

    async def run(self, jobs: trio.Nursery, on_ready: Callable[[], None]) -> None:
        """Start a task in `jobs` for each command, until the worker stops.

        `on_ready` is called when Redis answers and the first command is waited for.
        """
        try:
            await self._outage.outlast(self._queue.depth, sleep=self._stop.sleep)
            on_ready()
            while not self._stop.is_set():
                await self._take_one(jobs)
        except StoppingError:
            pass
        except (OutageError, QueueRefusedError) as error:
            stop_for_redis(self._stop, error)

    async def _take_one(self, jobs: trio.Nursery) -> None:
        place = object()
        with self._stop.interrupts():
            await self._places.acquire_on_behalf_of(place)
        claimed = None if self._stop.is_set() else await self._claim()
        if claimed is not None:
            jobs.start_soon(self._work, *claimed, place)

    async def _claim(self) -> tuple[Claim, float] | None:
        """Wait for a command; with it, when it was asked for. None: the worker stops."""
        while not self._stop.is_set():
            match await self._outage.outlast(self._ask, sleep=self._stop.sleep):
                case Claim() as claim, asked_at:
                    return claim, asked_at
                case NothingDue(next_due_seconds=due), _:
                    await self._wait(self._block_seconds if due is None else due)
        return None

    async def _ask(self) -> tuple[Claim | NothingDue, float]:
        """The lease counts from the try that was answered, not from the first one."""
        asked_at = trio.current_time()
        return await self._queue.claim(), asked_at

    async def _wait(self, seconds: float) -> None:
        """Wait for a command; where Redis is away, that is for the next claim to find out and to outlast."""
        seconds = max(SHORTEST_WAIT_SECONDS, min(self._block_seconds, seconds))
        with self._stop.interrupts():
            try:
                await self._queue.wait(seconds)
            except QueueUnavailableError as error:
                log.debug("redis.wait_failed", error=str(error))
                await trio.sleep(min(BROKEN_WAIT_SECONDS, seconds))

    async def _work(self, claim: Claim, claimed_at: float, place: object) -> None:
        try:
            await self._runner.run(claim, claimed_at)
        finally:
            self._places.release_on_behalf_of(place)
