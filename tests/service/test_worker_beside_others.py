"""A worker is not alone: Redis goes away, its commands go to others, and others write its chats."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from tests.service.conftest import CHAT
from tests.service.machine import Machine, SlowGateway, running
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.adapters.memory.queue import MemoryCommandQueue
from tgworker.core.events import EventKind, Status
from tgworker.core.facts import CommandParked
from tgworker.ports import Claim


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


async def test_a_command_whose_chat_this_worker_writes_rests_ever_longer_and_says_so_once(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.observer = observer = MemoryObserver()
    assert isinstance(machine.telegram, SlowGateway)
    machine.telegram.latency = 300
    async with running(machine):
        machine.push("@chat")
        second = machine.push("@chat")
        await trio.sleep(200)  # 5, 5, 10, 20, and then 30 seconds each
        assert 10 == observer.facts.count(CommandParked("chat_busy"))
        assert [Status.WAITING] == [event.status for event in machine.told(second)]
        machine.telegram.latency = 0
        assert EventKind.COMPLETED is (await machine.end_of(second)).event


async def test_a_command_that_was_started_says_each_time_that_it_rests(
    autojump_clock: MockClock, machine: Machine
) -> None:
    """Else who follows it would think that it runs."""
    machine.observer = observer = MemoryObserver()
    elsewhere = Claim(job_id=99, epoch=1, payload=b"", command_id="", deliveries=1)
    await machine.locks.hold(CHAT.id, elsewhere, 600)
    async with running(machine):
        blocked = machine.push("@chat")
        await trio.sleep(200)  # 5, 5, 10, 20, and then 30 seconds each
        assert 10 == observer.facts.count(CommandParked("chat_busy"))
        assert [Status.RUNNING, Status.WAITING] * 10 == [e.status for e in machine.told(blocked)]
        await machine.locks.release(CHAT.id, elsewhere)
        assert EventKind.COMPLETED is (await machine.end_of(blocked)).event


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
