"""A worker as a whole, on the twins of its ports."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import trio
from attrs import define, field

from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.adapters.memory.events import MemoryEventSink
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.adapters.memory.locks import MemoryChatLocks
from tgworker.adapters.memory.queue import MemoryCommandQueue, MemoryQueueStore
from tgworker.background import open_background
from tgworker.core.events import Event, EventKind
from tgworker.core.health import Health, Patience, Work
from tgworker.core.model import Chat, ChatType, HistoryQuery, Page
from tgworker.ports import UNOBSERVED, Observer
from tgworker.service.emitter import Emitter
from tgworker.service.fetch import Fetcher
from tgworker.service.floods import FloodPolicy
from tgworker.service.guard import GuardedGateway, GuardPolicy
from tgworker.service.health import HealthMonitor, keep_beating
from tgworker.service.job import JobPolicy, JobRunner
from tgworker.service.outage import Outage
from tgworker.service.reader import Reader
from tgworker.service.stop import Stop
from tgworker.service.supervisor import supervise

OTHER = Chat(-1002, ChatType.CHANNEL, "Other", "other", ("other",))
BEGAN = datetime(2025, 11, 20, 12, tzinfo=UTC)
ENDS = (EventKind.COMPLETED, EventKind.FAILED)


class SlowGateway(MemoryGateway):
    """Each answer takes a while; counts how many are under way in each chat, and of which chats."""

    latency: float = 0.2

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.under_way: dict[str, int] = {}
        self.most_at_once = 0
        self.most_in_one_chat = 0

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        self.under_way[chat.label] = self.under_way.get(chat.label, 0) + 1
        self.most_at_once = max(self.most_at_once, sum(self.under_way.values()))
        self.most_in_one_chat = max(self.most_in_one_chat, *self.under_way.values())
        try:
            await trio.sleep(self.latency)
            return await super().history(chat, query)
        finally:
            self.under_way[chat.label] -= 1


@define
class Machine:
    """A worker with the world around it."""

    telegram: MemoryGateway
    store: MemoryQueueStore = field(factory=MemoryQueueStore)
    locks: MemoryChatLocks = field(factory=MemoryChatLocks)
    sink: MemoryEventSink = field(factory=MemoryEventSink)
    archive: MemoryArchive = field(factory=MemoryArchive)
    stop: Stop = field(factory=Stop)
    is_ready: trio.Event = field(factory=trio.Event)
    pulses: list[Health] = field(factory=list)
    is_stopping: bool = False
    exit_code: int | None = None
    concurrency: int = 2
    observer: Observer = UNOBSERVED
    max_outage: float = 300.0

    @staticmethod
    def now() -> datetime:
        """The clock on the wall goes with trio's."""
        return BEGAN + timedelta(seconds=trio.current_time())

    def push(self, chat: str = "@chat", **fields: Any) -> str:
        command_id = str(uuid4())
        command = {
            "command": "fetch",
            "chat": chat,
            "mode": "range",
            "from": "2025-11-01",
            "to": "2025-11-10",
            "command_id": command_id,
            **fields,
        }
        self.store.push(json.dumps(command).encode())
        return command_id

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let things happen until it is so."""
        with trio.fail_after(3600):
            while not condition():  # noqa: ASYNC110  # the twins have no event for each thing
                await trio.sleep(0.05)

    def told(self, command_id: str) -> list[Event]:
        return [event for event in self.sink.events if event.command_id == command_id]

    def final(self, command_id: str) -> list[Event]:
        return [event for event in self.told(command_id) if event.event in ENDS]

    async def end_of(self, command_id: str) -> Event:
        with trio.fail_after(3600):
            await self.sink.wait_for(
                lambda event: event.command_id == command_id and event.event in ENDS
            )
        (event,) = self.final(command_id)
        return event

    def ready(self) -> None:
        self.is_ready.set()

    beat_seconds = 10.0

    def beat(self, health: Health, works: Sequence[Work]) -> None:
        self.pulses.append(health)

    def stopping(self) -> None:
        self.is_stopping = True

    def ended(self) -> None:
        raise AssertionError("it is not the supervisor's to say")

    async def live(self) -> None:
        outage = Outage(self.max_outage)
        emitter = Emitter(self.sink, outage)
        queue = MemoryCommandQueue(self.store, lease_seconds=60)
        policy = GuardPolicy(
            requests_per_second=1000, request_burst=1000, flood=FloodPolicy(jitter=0)
        )
        guard = GuardedGateway(self.telegram, policy, self.stop, self.now)
        runner = JobRunner(
            queue=queue,
            locks=self.locks,
            archive=self.archive,
            fetcher=Fetcher(guard, self.archive, self.now, observer=self.observer),
            emitter=emitter,
            outage=outage,
            stop=self.stop,
            clock=self.now,
            policy=JobPolicy("worker", lease_seconds=60, progress_interval=5),
            observer=self.observer,
        )
        reader = Reader(
            queue,
            runner,
            concurrency=self.concurrency,
            block_seconds=5,
            outage=outage,
            stop=self.stop,
        )
        health = HealthMonitor(outage, Patience(work=300))
        async with open_background() as background:
            background.start_soon(keep_beating, self, health)
            self.exit_code = await supervise(
                reader=reader,
                runner=runner,
                emitter=emitter,
                stop=self.stop,
                pulse=self,
                health=health,
                shutdown_timeout=30,
            )


@asynccontextmanager
async def running(machine: Machine) -> AsyncIterator[Machine]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(machine.live)
        await machine.is_ready.wait()
        yield machine
        machine.stop.set()
