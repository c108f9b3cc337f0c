"""The worker as a whole, on the twins of its ports and a clock that jumps: what becomes of a command."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.service.conftest import CHAT, PER_DAY
from tests.service.machine import Machine, SlowGateway, running
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.core.events import EventKind, Status
from tgworker.core.model import ChatRef
from tgworker.core.tracing import TraceContext
from tgworker.errors import (
    ChatUnavailableError,
    FloodWaitError,
    StorageError,
    TransientError,
)
from tgworker.ports import UNOBSERVED, Observer


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


@pytest.mark.parametrize("limit", [None, 301])
async def test_what_an_earlier_delivery_saved_counts(
    autojump_clock: MockClock, machine: Machine, limit: int | None
) -> None:
    """In `processed`, and against the command's limit."""
    flood = FloodWaitError("messages.getHistory", 1000)
    machine.telegram.stumbles = [*[None] * 6, flood, *[None] * 2, flood]
    async with running(machine):
        command_id = machine.push(**({} if limit is None else {"limit": limit}))
        event = await machine.end_of(command_id)

    assert (limit or sum(PER_DAY)) == event.processed
    held = [json.loads(each)["message_count"] for each in machine.archive.files.values()]
    assert event.processed == sum(held)
    told = [event.processed for event in machine.told(command_id)]
    assert sorted(told) == told
    waits = [e for e in machine.told(command_id) if e.status is Status.WAITING]
    assert [True, True] == [event.processed > 0 for event in waits]


async def test_a_command_that_is_cancelled_at_rest_tells_what_it_saved(
    autojump_clock: MockClock, machine: Machine
) -> None:
    machine.telegram.stumbles = [*[None] * 6, FloodWaitError("messages.getHistory", 1000)]
    async with running(machine):
        command_id = machine.push()
        await machine.until(lambda: machine.store.parked == 1)
        machine.store.cancel(command_id)
        event = await machine.end_of(command_id)

    (waiting,) = [e for e in machine.told(command_id) if e.status is Status.WAITING]
    assert ("cancelled", waiting.processed) == (event.error_type, event.processed)
    assert event.processed > 0
    assert {} == machine.archive.commands


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


async def test_an_unknown_field_is_no_hindrance(
    autojump_clock: MockClock, machine: Machine
) -> None:
    async with running(machine):
        event = await machine.end_of(machine.push(colour="red"))

    assert EventKind.COMPLETED is event.event
