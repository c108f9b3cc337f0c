"""The worker as a whole, on the twins of its ports and a clock that jumps: what it does, and how it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import trio
from attrs import define, evolve, field
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.service.conftest import CHAT, PER_DAY, make_history
from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.adapters.memory.events import MemoryEventSink
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.adapters.memory.locks import MemoryChatLocks
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.adapters.memory.queue import MemoryCommandQueue, MemoryQueueStore
from tgworker.background import open_background
from tgworker.core.health import Health, Patience, Work
from tgworker.core.model import (
    Chat,
    ChatRef,
    ChatType,
    Event,
    EventKind,
    HistoryQuery,
    Page,
    Status,
)
from tgworker.core.tracing import TraceContext
from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    StorageError,
    TransientError,
)
from tgworker.ports import UNOBSERVED, Claim, Observer
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
        ends = (EventKind.COMPLETED, EventKind.FAILED)
        return [event for event in self.told(command_id) if event.event in ends]

    async def end_of(self, command_id: str) -> Event:
        await self.until(lambda: bool(self.final(command_id)))
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


@pytest.fixture
def machine() -> Machine:
    histories = {CHAT: make_history(PER_DAY), OTHER: make_history(PER_DAY)}
    return Machine(SlowGateway(histories))


async def test_a_command_is_told_and_done(autojump_clock: MockClock, machine: Machine) -> None:
    async with running(machine):
        command_id = machine.push()
        event = await machine.end_of(command_id)

    assert (EventKind.COMPLETED, sum(PER_DAY)) == (event.event, event.processed)
    kinds = [event.event for event in machine.told(command_id)]
    assert [EventKind.STARTED, *[EventKind.PROGRESS] * 10, EventKind.COMPLETED] == kinds
    assert 10 == len(machine.archive.files)
    assert {} == machine.archive.commands
    assert (0, 0, []) == (machine.store.running, machine.store.parked, machine.store.waiting)
    assert 0 == machine.exit_code


@pytest.mark.parametrize(
    "payload",
    [b"\xff", b"{", b"[]", b'{"command":"dance"}', b'{"command":"fetch","chat":"../x","days":0}'],
)
async def test_a_bad_command_is_told_kept_and_gone_past(
    autojump_clock: MockClock, machine: Machine, payload: bytes
) -> None:
    async with running(machine):
        machine.store.push(payload)
        good = machine.push(to="2025-11-01")
        assert EventKind.COMPLETED is (await machine.end_of(good)).event

    (rejected,) = [e for e in machine.sink.events if e.command_id != good]
    assert "invalid_command" == rejected.error_type
    assert isinstance(rejected.errors, tuple)
    assert all(error.path and error.message for error in rejected.errors)
    assert [(payload, "invalid_command")] == machine.store.dead


PARENT = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "rojo=1")
SPAN = TraceContext("00-4bf92f3577b34da6a3ce929d0e0e4736-b7ad6b7169203331-01")


@pytest.mark.parametrize("command", [{}, {"mode": "never"}])
@pytest.mark.parametrize(
    ("observer", "told"), [(MemoryObserver(SPAN), SPAN), (UNOBSERVED, PARENT)], ids=type
)
async def test_events_say_which_trace_they_belong_to_or_else_what_the_command_said(
    autojump_clock: MockClock,
    machine: Machine,
    observer: Observer,
    told: TraceContext,
    command: dict[str, str],
) -> None:
    machine.observer = observer
    async with running(machine):
        command_id = machine.push(
            traceparent=PARENT.traceparent, tracestate=PARENT.tracestate, **command
        )
        await machine.end_of(command_id)

    assert {told} == {event.trace for event in machine.told(command_id)}
    if isinstance(observer, MemoryObserver):
        assert {PARENT} == set(observer.parents)


async def test_all_that_a_command_leads_to_is_part_of_it(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.observer = observer = MemoryObserver()
    async with running(machine):
        await machine.end_of(machine.push())

    assert {"command"} == {span[0] for span in observer.spans}
    assert ("command", "day", "page", "seal") in observer.spans


async def test_a_chat_is_fetched_for_one_command_at_a_time(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        first = machine.push(to="2025-11-06", force=True, options={"force": True})
        second = machine.push()
        for command_id in (first, second):
            assert EventKind.COMPLETED is (await machine.end_of(command_id)).event

    assert isinstance(machine.telegram, SlowGateway)
    assert 1 == machine.telegram.most_in_one_chat
    waits = [e for e in machine.told(second) if e.status is Status.WAITING]
    assert waits and all(e.error_type == "chat_busy" and e.resume_at for e in waits)


async def test_chats_are_fetched_side_by_side_up_to_the_limit(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        for command_id in [machine.push("@chat"), machine.push("@other")]:
            await machine.end_of(command_id)

    assert isinstance(machine.telegram, SlowGateway)
    assert 2 == machine.telegram.most_at_once


async def test_no_command_is_claimed_without_a_place_for_it(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.concurrency = 1
    async with running(machine):
        machine.push("@chat")
        other = machine.push("@other")
        await machine.until(lambda: machine.store.running == 1)

        assert 1 == len(machine.store.waiting)
        await machine.end_of(other)

    assert isinstance(machine.telegram, SlowGateway)
    assert 1 == machine.telegram.most_at_once


async def test_a_long_flood_parks_the_command_until_it_is_over(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.telegram.stumbles = [None, None, FloodWaitError("messages.getHistory", 1000)]
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: machine.store.parked == 1)
        (waiting,) = [e for e in machine.told(command_id) if e.status is Status.WAITING]
        assert waiting.resume_at is not None
        assert 1000 == pytest.approx((waiting.resume_at - waiting.ts).total_seconds())

        await trio.sleep(995)
        assert [] == machine.final(command_id)
        event = await machine.end_of(command_id)

    assert EventKind.COMPLETED is event.event
    assert event.ts >= waiting.resume_at


@pytest.mark.parametrize(
    ("stumble", "error_type"),
    [
        (ChatUnavailableError("It is private.", error_type="channel_private"), "channel_private"),
        (ValueError("a fault of ours"), "internal"),
    ],
)
async def test_what_goes_wrong_for_good_is_told_once_and_the_worker_goes_on(
    autojump_clock: MockClock, machine: Machine, stumble: Any, error_type: str
) -> None:
    machine.telegram.stumbles = [None, stumble]
    async with running(machine):
        bad = await machine.end_of(machine.push())
        good = await machine.end_of(machine.push())

    assert (EventKind.FAILED, error_type, 1) == (bad.event, bad.error_type, bad.errors)
    assert EventKind.COMPLETED is good.event


async def test_a_fault_of_ours_tells_nothing_of_its_text(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.telegram.stumbles = [None, ValueError("a secret")]  # type: ignore[list-item]  # any fault
    async with running(machine):
        event = await machine.end_of(machine.push())

    assert "secret" not in str(event.error)


async def test_while_telegram_is_away_the_command_rests_and_then_it_is_done(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.telegram.stumbles = [None, None, *(TransientError("reset") for _ in range(50))]
    async with running(machine):
        command_id = machine.push()
        event = await machine.end_of(command_id)

    assert (EventKind.COMPLETED, sum(PER_DAY)) == (event.event, event.processed)
    rests = [e for e in machine.told(command_id) if e.status is Status.WAITING]
    assert {"breaker_open"} == {e.error_type for e in rests}
    assert 40 <= len(rests) <= 50
    assert {60} == {round((e.resume_at - e.ts).total_seconds()) for e in rests if e.resume_at}


async def test_telegram_that_stumbles_over_one_day_fails_that_day_in_the_end(
    autojump_clock: MockClock, machine: Machine
) -> None:
    stumbles = [TransientError("INTERNAL", error_type="server") for _ in range(12)]
    machine.telegram.stumbles = [None, None, *stumbles]
    machine.telegram.known = {ChatRef("chat"): CHAT}
    async with running(machine):
        command_id = machine.push(strategy="per_day")
        event = await machine.end_of(command_id)

    assert ("days_failed", 1) == (event.error_type, event.errors)
    assert 9 == len(machine.archive.files)
    assert 3 == len([e for e in machine.told(command_id) if e.status is Status.WAITING])


async def test_a_disk_that_refuses_fails_the_command(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        machine.archive.broken = StorageError("The disk is full.")
        event = await machine.end_of(machine.push())
        machine.archive.broken = None
        assert EventKind.COMPLETED is (await machine.end_of(machine.push())).event

    assert (EventKind.FAILED, "storage") == (event.event, event.error_type)


async def test_an_account_that_can_not_work_stops_the_worker_and_leaves_its_command(
    autojump_clock: MockClock,
    machine: Machine,
) -> None:
    machine.telegram.stumbles = [None, AccountUnusableError("It is banned.")]
    machine.push()

    await machine.live()

    assert 3 == machine.exit_code
    assert 1 == machine.store.parked


async def test_a_stop_gives_the_command_back_at_the_next_page(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        machine.push()
        await machine.until(lambda: len(machine.archive.files) == 3)
        began = trio.current_time()
        machine.stop.set()
        await machine.until(lambda: machine.exit_code is not None)

    assert trio.current_time() - began < 1
    assert (0, 1) == (machine.exit_code, machine.store.parked)
    again = evolve(machine, stop=Stop(), exit_code=None)
    async with running(again):
        await again.until(lambda: again.store.parked == again.store.running == 0)
    assert 10 == len(machine.archive.files)


async def test_what_hangs_at_a_stop_is_cut_off_and_given_back(
    autojump_clock: MockClock, machine: Machine
) -> None:
    assert isinstance(machine.telegram, SlowGateway)
    machine.telegram.latency = 1_000_000
    async with running(machine):
        machine.push()
        await machine.until(lambda: machine.store.running == 1)
        await wait_all_tasks_blocked()
        began = trio.current_time()
        machine.stop.set()
        await machine.until(lambda: machine.exit_code is not None)

    assert 30 == pytest.approx(trio.current_time() - began, abs=0.1)
    assert (0, 1) == (machine.exit_code, machine.store.parked)


async def test_a_command_that_was_cancelled_before_its_turn_asks_telegram_for_nothing(
    autojump_clock: MockClock, machine: Machine
) -> None:
    command_id = machine.push()
    machine.store.cancel(command_id)

    async with running(machine):
        event = await machine.end_of(command_id)
        await machine.until(lambda: machine.store.running == 0)

    assert (EventKind.FAILED, "cancelled") == (event.event, event.error_type)
    assert [event] == machine.told(command_id)
    assert [] == machine.telegram.requests
    assert [] == machine.store.dead and 0 == machine.store.parked


async def exhausted_command(machine: Machine) -> str:
    """A command that three workers took and never gave up."""
    command_id = machine.push()
    lost = MemoryCommandQueue(machine.store, lease_seconds=1)
    for _ in range(3):
        await lost.claim()
        await trio.sleep(2)
    return command_id


async def test_a_command_that_outlived_its_workers_is_told_to_have_failed_and_buried(
    autojump_clock: MockClock, machine: Machine
) -> None:
    command_id = await exhausted_command(machine)

    async with running(machine):
        event = await machine.end_of(command_id)
        await machine.until(lambda: bool(machine.store.dead))

    assert (EventKind.FAILED, "max_deliveries") == (event.event, event.error_type)
    assert ("@chat", "It was handed out 3 times, and no worker came to its end.") == (
        event.chat,
        event.error,
    )
    assert [event] == machine.told(command_id)
    assert ["max_deliveries"] == [reason for _, reason in machine.store.dead]
    assert [] == machine.telegram.requests


async def test_a_burial_that_could_not_be_told_is_told_by_the_next_worker(
    autojump_clock: MockClock, machine: Machine
) -> None:
    command_id = await exhausted_command(machine)
    machine.sink.away = True
    machine.max_outage = 5

    async with running(machine):
        await machine.stop.wait()
    assert ([], []) == (machine.told(command_id), machine.store.dead)
    later = Machine(machine.telegram, machine.store)
    async with running(later):
        event = await later.end_of(command_id)
        await later.until(lambda: bool(later.store.dead))

    assert "max_deliveries" == event.error_type
    assert 1 == len(machine.store.dead)


async def test_a_cancelled_command_fails_as_cancelled(
    autojump_clock: MockClock, machine: Machine
) -> None:
    assert isinstance(machine.telegram, SlowGateway)
    machine.telegram.latency = 10
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: machine.store.running == 1)
        machine.store.cancel(command_id)
        event = await machine.end_of(command_id)

    assert (EventKind.FAILED, "cancelled") == (event.event, event.error_type)


async def test_a_worker_that_may_have_lost_its_command_stops_writing_and_says_nothing(
    autojump_clock: MockClock,
    machine: Machine,
) -> None:
    assert isinstance(machine.telegram, SlowGateway)
    machine.telegram.latency = 10
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: machine.store.running == 1)
        machine.store.away = True
        await trio.sleep(61)
        asked = len(machine.telegram.requests)
        await trio.sleep(100)

        assert asked == len(machine.telegram.requests)
        assert [] == machine.final(command_id)
        machine.store.away = False
        assert EventKind.COMPLETED is (await machine.end_of(command_id)).event


async def test_a_command_that_went_to_somebody_else_is_let_go(
    autojump_clock: MockClock, machine: Machine
) -> None:
    assert isinstance(machine.telegram, SlowGateway)
    machine.telegram.latency = 10
    thief = MemoryCommandQueue(machine.store, worker_id="thief")
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: machine.store.running == 1)
        for job in machine.store._jobs.values():
            job.lease_until = 0.0  # its lease ended while this worker was asleep
        await thief.claim()
        await trio.sleep(20)
        asked = len(machine.telegram.requests)
        await trio.sleep(30)

        assert asked == len(machine.telegram.requests)
        assert [] == machine.final(command_id)


async def test_events_that_could_not_go_out_go_later_in_order(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        machine.sink.away = True
        command_id = machine.push()
        await machine.until(lambda: len(machine.archive.files) == 10)
        await trio.sleep(30)
        assert [] == machine.sink.events
        assert 1 == machine.store.running
        machine.sink.away = False
        await machine.end_of(command_id)

    kinds = [event.event for event in machine.told(command_id)]
    assert [EventKind.STARTED, *[EventKind.PROGRESS] * 10, EventKind.COMPLETED] == kinds


@pytest.mark.parametrize("away", ["store", "sink", "both"])
async def test_redis_away_for_too_long_stops_the_worker(
    autojump_clock: MockClock, machine: Machine, away: str
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(machine.live)
        await machine.is_ready.wait()
        machine.push()
        await machine.until(lambda: len(machine.archive.files) == 2)
        machine.store.away = away in ("store", "both")
        machine.sink.away = away in ("sink", "both")

    assert 4 == machine.exit_code


async def test_an_unknown_field_is_no_hindrance(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        event = await machine.end_of(machine.push(colour="red"))

    assert EventKind.COMPLETED is event.event


async def test_a_worker_without_redis_lives_and_is_not_ready(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        await trio.sleep(55)
        assert "waiting for commands" == machine.pulses[-1].reason
        machine.store.away = True
        await trio.sleep(100)
        assert (True, False) == (machine.pulses[-1].live, machine.pulses[-1].ready)
        assert "Redis does not answer" == machine.pulses[-1].reason
        machine.store.away = False
        await trio.sleep(55)
        assert machine.pulses[-1].ready

    assert machine.is_stopping


async def test_a_chat_that_another_host_writes_waits_and_holds_no_place(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.concurrency = 1
    elsewhere = Claim(job_id=99, epoch=1, payload=b"", command_id="", deliveries=1)
    await machine.locks.hold(CHAT.id, elsewhere, 600)
    async with running(machine):
        blocked, other = machine.push("@chat"), machine.push("@other")
        assert EventKind.COMPLETED is (await machine.end_of(other)).event
        assert [] == machine.final(blocked)
        assert "chat_busy" in {event.error_type for event in machine.told(blocked)}
        await machine.locks.release(CHAT.id, elsewhere)
        assert EventKind.COMPLETED is (await machine.end_of(blocked)).event

    assert set() == machine.locks.held


async def test_an_alias_and_an_id_are_one_chat(autojump_clock: MockClock, machine: Machine) -> None:
    async with running(machine):
        first = machine.push("@chat")
        second = machine.push(str(CHAT.id), options={"force": True})
        for command_id in (first, second):
            assert EventKind.COMPLETED is (await machine.end_of(command_id)).event

    assert isinstance(machine.telegram, SlowGateway)
    assert 1 == machine.telegram.most_in_one_chat


async def test_sealed_days_need_no_lock(autojump_clock: MockClock, machine: Machine) -> None:
    async with running(machine):
        await machine.end_of(machine.push())
        machine.locks.away = True
        again = machine.push()

        assert EventKind.COMPLETED is (await machine.end_of(again)).event


async def test_a_worker_replaced_on_another_host_seals_nothing_more(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: len(machine.archive.files) == 3)
        machine.archive.replace_writers(10)
        await trio.sleep(30)

        assert 3 == len(machine.archive.files)
        assert [] == machine.final(command_id)


async def test_a_claim_that_took_an_outage_to_get_is_not_taken_for_an_old_one(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        await trio.sleep(3)
        machine.store.away = True
        await trio.sleep(100)
        machine.store.away = False
        command_id = machine.push()

        assert EventKind.COMPLETED is (await machine.end_of(command_id)).event

    assert 1 == len([e for e in machine.told(command_id) if e.event is EventKind.STARTED])
