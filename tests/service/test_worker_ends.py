"""Work that does not come to its end: it is stopped, cancelled, given up, or left to another worker."""

from __future__ import annotations

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.service.machine import Machine, SlowGateway, running
from tgworker.adapters.memory.queue import MemoryCommandQueue
from tgworker.core.events import EventKind
from tgworker.errors import (
    AccountUnusableError,
)
from tgworker.service.stop import Stop


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
