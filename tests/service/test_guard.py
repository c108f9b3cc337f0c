"""The guard paces, waits and retries; whoever asks through it sees only the answer or a reason to give up."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.core.facts import FloodWaited, RateChanged, RequestEnded, Retried
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery
from tgworker.errors import ChatUnavailableError, FloodWaitError, TransientError
from tgworker.ports import UNOBSERVED, FloodLedger, Observer
from tgworker.service.floods import FloodPolicy
from tgworker.service.guard import BreakerPolicy, GuardedGateway, GuardPolicy
from tgworker.service.retry import RetryPolicy
from tgworker.service.stop import Stop, StoppingError

CHAT = Chat(-1001, ChatType.CHANNEL, "Chat", "chat")
REF = ChatRef("chat")
OTHER = Chat(-1002, ChatType.CHANNEL, "Other", "other")
NOW = datetime(2025, 11, 9, 12, tzinfo=UTC)


def guarded(
    telegram: MemoryGateway,
    stop: Stop | None = None,
    *,
    ledgers: Sequence[FloodLedger] = (),
    observer: Observer = UNOBSERVED,
    **policy: Any,
) -> GuardedGateway:
    options = {
        "requests_per_second": 10.0,
        "request_burst": 1,
        "flood": FloodPolicy(jitter=0),
        "breaker": BreakerPolicy(failures=10**6),
        "rng": random.Random(7),
        **policy,
    }
    return GuardedGateway(
        telegram, GuardPolicy(**options), stop or Stop(), now, ledgers=ledgers, observer=observer
    )


def now() -> datetime:
    """The clock on the wall goes with trio's."""
    return NOW + timedelta(seconds=trio.current_time())


@pytest.fixture
def telegram() -> MemoryGateway:
    return MemoryGateway({CHAT: [], OTHER: []})


async def test_requests_keep_the_rate(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    gateway = guarded(telegram, requests_per_second=2.0, request_burst=3)
    began = trio.current_time()

    for _ in range(7):
        await gateway.resolve(REF)

    assert 2.0 == pytest.approx(trio.current_time() - began)


async def test_each_request_of_a_look_up_takes_its_own_turn(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=2.0, request_burst=1)
    telegram.lookups = ["messages.getDialogs"] * 5
    began = trio.current_time()

    await gateway.resolve(REF)

    assert 2.0 == pytest.approx(trio.current_time() - began)
    assert 5 == len(telegram.requests)


async def test_a_stumble_in_the_middle_of_a_look_up_repeats_that_request_alone(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.lookups = ["messages.getDialogs"] * 3
    telegram.stumbles = [None, TransientError("reset"), None]

    assert CHAT == await guarded(telegram).resolve(REF)
    assert 4 == len(telegram.requests)


async def test_a_stumble_is_asked_again_and_then_answers(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [TransientError("reset"), TransientError("reset"), None]

    assert CHAT == await guarded(telegram).resolve(REF)
    assert 3 == len(telegram.requests)


async def test_so_many_attempts_and_no_more(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [TransientError("reset") for _ in range(9)]

    with pytest.raises(TransientError, match="reset"):
        await guarded(telegram, retry=RetryPolicy(max_attempts=4)).resolve(REF)

    assert 4 == len(telegram.requests)


async def test_so_long_and_no_longer(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    telegram.stumbles = [TransientError("reset") for _ in range(1000)]
    patience = RetryPolicy(max_attempts=1000, max_elapsed=60.0, backoff_base=10.0)
    gateway = guarded(telegram, retry=patience)
    began = trio.current_time()

    with pytest.raises(TransientError):
        await gateway.resolve(REF)

    assert 60 <= trio.current_time() - began <= 71


async def test_patience_does_not_end_while_telegram_asks_to_wait(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    flood = FloodWaitError("contacts.resolveUsername", 200)
    telegram.stumbles = [TransientError("reset"), flood, TransientError("reset"), flood, None]
    gateway = guarded(telegram, retry=RetryPolicy(max_elapsed=120.0), requests_per_second=0.01)

    assert CHAT == await gateway.resolve(REF)


async def test_what_no_retry_helps_against_is_raised_at_once(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    with pytest.raises(ChatUnavailableError):
        await guarded(telegram).resolve(ChatRef("nobody"))

    assert 1 == len(telegram.requests)


@pytest.mark.parametrize(
    "stumble", [FloodWaitError("messages.getHistory", 200), TransientError("reset"), None]
)
async def test_a_stop_ends_every_wait(
    telegram: MemoryGateway,
    stumble: FloodWaitError | TransientError | None,
    autojump_clock: MockClock,
) -> None:
    stop = Stop()
    rate = 0.001 if stumble is None else 10.0
    patience = RetryPolicy(backoff_base=1000.0, backoff_max=1000.0)
    gateway = guarded(telegram, stop, requests_per_second=rate, retry=patience)
    telegram.stumbles = [stumble]
    began = trio.current_time()

    async def ask_twice() -> None:
        with pytest.raises(StoppingError):
            for _ in range(2):
                await gateway.resolve(REF)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask_twice)
        await trio.testing.wait_all_tasks_blocked()
        stop.set()

    assert began == trio.current_time()


async def test_a_chat_that_is_known_costs_no_turn(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.known = {REF: CHAT}
    gateway = guarded(telegram, requests_per_second=0.001)
    began = trio.current_time()

    assert [CHAT] * 9 == [await gateway.resolve(REF) for _ in range(9)]
    assert began == trio.current_time()
    assert [] == telegram.requests


async def test_a_chat_with_many_requests_keeps_no_other_waiting(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=1.0)
    answered: list[str] = []

    async def ask(chat: Chat) -> None:
        await gateway.history(chat, HistoryQuery())
        answered.append(chat.label)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(ask, CHAT)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            nursery.start_soon(ask, OTHER)

    assert ["@chat", "@other", "@chat", "@other"] == sorted_pairs(answered[1:5])
    assert 10 == len(answered)


def sorted_pairs(labels: list[str]) -> list[str]:
    """Whose turn it is first is not said."""
    return [label for n in range(0, len(labels), 2) for label in sorted(labels[n : n + 2])]


async def test_who_gives_up_waiting_costs_no_turn(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=0.1)
    await gateway.resolve(REF)
    began = trio.current_time()

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(gateway.resolve, REF)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    await gateway.resolve(REF)

    assert 10 == pytest.approx(trio.current_time() - began)
    assert 2 == len(telegram.requests)


async def test_a_turn_that_was_given_to_someone_who_has_just_left_goes_to_the_next(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=0.1)
    await gateway.resolve(REF)
    began = trio.current_time()
    first = trio.CancelScope(deadline=began + 10)  # the very moment its turn comes

    async def ask(scope: trio.CancelScope) -> None:
        with scope:
            await gateway.resolve(REF)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, first)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, trio.CancelScope())

    turns = len(telegram.requests) - 1
    assert 10 * turns == pytest.approx(trio.current_time() - began)


async def test_a_flood_wait_halves_the_rate_and_quiet_brings_it_back(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    observer = MemoryObserver()
    gateway = guarded(telegram, requests_per_second=1.0, observer=observer)
    telegram.stumbles = [FloodWaitError("contacts.resolveUsername", 30)]
    await gateway.resolve(REF)
    began = trio.current_time()

    for _ in range(5):
        await gateway.resolve(REF)

    assert 10 == pytest.approx(trio.current_time() - began)
    await trio.sleep(3600)
    began = trio.current_time()
    for _ in range(6):
        await gateway.resolve(REF)
    assert 5 == pytest.approx(trio.current_time() - began)
    assert [1.0, 0.5, 1.0] == [fact.requests_per_second for fact in observer.of(RateChanged)]


async def test_after_a_flood_wait_there_is_no_burst_until_the_rate_is_back(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=1.0, request_burst=5)
    telegram.stumbles = [FloodWaitError("contacts.resolveUsername", 30)]
    await gateway.resolve(REF)
    ends: list[float] = []

    async def ask() -> None:
        await gateway.resolve(REF)
        ends.append(trio.current_time() - began)

    for rest, expected in ((0, [2, 4, 6, 8]), (3600, [0, 0, 0, 0])):
        await trio.sleep(rest)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(ask)

        assert expected == [pytest.approx(end, abs=0.1) for end in ends[-4:]]


async def test_a_fixed_rate_stays_as_it_is(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=1.0, adaptive=False)
    telegram.stumbles = [FloodWaitError("contacts.resolveUsername", 30)]
    await gateway.resolve(REF)
    began = trio.current_time()

    for _ in range(5):
        await gateway.resolve(REF)

    assert 5 == pytest.approx(trio.current_time() - began)


async def test_whoever_wants_to_know_is_told_of_every_request(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    observer = MemoryObserver()
    gateway = guarded(telegram, observer=observer)
    telegram.stumbles = [TransientError("reset"), FloodWaitError("contacts.resolveUsername", 3)]

    await gateway.resolve(REF)

    ended = [(fact.target, fact.error_type) for fact in observer.of(RequestEnded)]
    assert [("resolve", "network"), ("resolve", "flood_wait"), ("resolve", None)] == ended
    (retried,) = observer.of(Retried)
    assert ("resolve", "network") == (retried.target, retried.reason)
    assert 0 <= retried.wait_seconds <= 0.5
    assert [FloodWaited("contacts.resolveUsername", 3.0)] == observer.of(FloodWaited)


async def test_the_account_and_its_chats_are_asked_for_as_gently_as_messages(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [
        *(TransientError("no answer"), None),
        *(FloodWaitError("messages.getDialogs", 30), None),
    ]
    guard = guarded(telegram)

    me = await guard.me()
    page = await guard.dialogs()

    assert telegram.account == me
    assert [CHAT, OTHER] == [dialog.chat for dialog in page.dialogs]
    assert 4 == len(telegram.requests)
    assert trio.current_time() >= 30
