"""Workers on both kinds of queue, and ways to disturb them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from tgworker.adapters.memory.queue import MemoryCommandQueue, MemoryQueueStore
from tgworker.adapters.redis import admin
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.errors import QueueUnavailableError
from tgworker.ports import Claim, CommandQueue


class DeafClient(RedisClient):
    """A client that can lose replies (the call took effect) and hold requests back (to arrive later, or never)."""

    def __init__(self, real: RedisClient) -> None:
        super().__init__(real.redis, real.address, reply_seconds=10)
        self.lose_replies = 0
        self.hold_requests = 0
        self.held: list[Callable[[], Awaitable[Any]]] = []

    async def call(self, function: Any, /, *args: Any, block: float = 0.0, **options: Any) -> Any:
        if self.hold_requests:
            self.hold_requests -= 1
            self.held.append(lambda: function(*args, **options))
            raise QueueUnavailableError("held back")
        reply = await super().call(function, *args, block=block, **options)
        if self.lose_replies:
            self.lose_replies -= 1
            raise QueueUnavailableError("lost")
        return reply

    async def deliver_held(self) -> None:
        """Let what was held back arrive; its answers reach nobody."""
        held, self.held = self.held, []
        for request in held:
            await super().call(request)


class Bench(ABC):
    """One queue, any number of workers, and a hand on its clock and its network."""

    @abstractmethod
    def worker(self, name: str, *, lease: float = 60, max_deliveries: int = 3) -> CommandQueue: ...

    @abstractmethod
    async def push(self, *payloads: bytes) -> None: ...

    @abstractmethod
    async def expire(self, claim: Claim) -> None:
        """End the lease now."""

    @abstractmethod
    async def dead(self) -> list[tuple[bytes, str]]:
        """Payload and reason."""

    @abstractmethod
    async def counts(self) -> tuple[int, int, int]:
        """How many run, rest and are dead."""

    @abstractmethod
    async def cancel(self, command_id: str) -> bool: ...

    @abstractmethod
    def lose_reply(self) -> None:
        """Of the next call."""

    async def due(self, worker: CommandQueue) -> Claim:
        """The next claim, as soon as there is one."""
        with trio.fail_after(10):
            while True:
                claim = await worker.claim()
                if isinstance(claim, Claim):
                    return claim
                await trio.sleep(0.01)


class RedisBench(Bench):
    def __init__(self, client: RedisClient) -> None:
        self.client = DeafClient(client)
        self.keys = QueueKeys("tg_commands")

    def worker(self, name: str, *, lease: float = 60, max_deliveries: int = 3) -> CommandQueue:
        return RedisCommandQueue(
            self.client, worker_id=name, lease_seconds=lease, max_deliveries=max_deliveries
        )

    async def push(self, *payloads: bytes) -> None:
        await self.client.call(self.client.redis.rpush, "tg_commands", *payloads)

    async def expire(self, claim: Claim) -> None:
        args = (self.keys["lease"], {str(claim.job_id): 1})
        await self.client.call(self.client.redis.zadd, *args, xx=True)

    async def dead(self) -> list[tuple[bytes, str]]:
        jobs = await admin.dead_jobs(self.client, "tg_commands")
        return [(job.payload, job.reason) for job in jobs]

    async def counts(self) -> tuple[int, int, int]:
        snapshot = await admin.inspect(self.client, "tg_commands")
        return snapshot.running_count, snapshot.parked_count, snapshot.dead_count

    async def cancel(self, command_id: str) -> bool:
        return bool(await admin.cancel(self.client, "tg_commands", command_id))

    def lose_reply(self) -> None:
        self.client.lose_replies += 1


class MemoryBench(Bench):
    def __init__(self) -> None:
        self.late = 0.0
        self.store = MemoryQueueStore(clock=lambda: trio.current_time() + self.late)

    def worker(self, name: str, *, lease: float = 60, max_deliveries: int = 3) -> CommandQueue:
        return MemoryCommandQueue(
            self.store, worker_id=name, lease_seconds=lease, max_deliveries=max_deliveries
        )

    async def push(self, *payloads: bytes) -> None:
        for payload in payloads:
            self.store.push(payload)

    async def expire(self, claim: Claim) -> None:
        self.late += 60

    async def dead(self) -> list[tuple[bytes, str]]:
        return self.store.dead

    async def counts(self) -> tuple[int, int, int]:
        return self.store.running, self.store.parked, len(self.store.dead)

    async def cancel(self, command_id: str) -> bool:
        return self.store.cancel(command_id)

    def lose_reply(self) -> None:
        self.store.lose_replies += 1


@pytest.fixture
def redis_bench(redis_client: RedisClient) -> RedisBench:
    return RedisBench(redis_client)


@pytest.fixture
def memory_bench() -> MemoryBench:
    return MemoryBench()


@pytest.fixture(params=["redis", "memory"])
def bench(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_bench")


@pytest.fixture
def deaf_client() -> type[DeafClient]:
    return DeafClient
