"""The guard paces, waits and retries; whoever asks through it sees only the answer or a reason to give up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
import trio
from trio.testing import MockClock

from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.model import Chat, ChatRef, ChatType
from tgworker.errors import ChatUnavailableError, FloodWaitError, ParkedError, TransientError
from tgworker.service.guard import GuardedGateway, GuardPolicy
from tgworker.service.stop import Stop, StoppingError

CHAT = Chat(-1001, ChatType.CHANNEL, "Chat", "chat")
REF = ChatRef("chat")
NOW = datetime(2025, 11, 9, 12, tzinfo=UTC)


def guarded(
    telegram: MemoryGateway, stop: Stop | None = None, **policy: float | int | bool
) -> GuardedGateway:
    options = {"requests_per_second": 10.0, "request_burst": 1, "flood_wait_jitter": 0.0, **policy}
    rng = random.Random(7)
    return GuardedGateway(
        telegram,
        GuardPolicy(rng=rng, **options),  # type: ignore[arg-type]  # a test's free choice of fields
        stop or Stop(),
        lambda: NOW,
    )


@pytest.fixture
def telegram() -> MemoryGateway:
    return MemoryGateway({CHAT: []})


async def test_requests_keep_the_rate(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    gateway = guarded(telegram, requests_per_second=2.0, request_burst=3)
    began = trio.current_time()

    for _ in range(7):
        await gateway.resolve(REF)

    assert 2.0 == pytest.approx(trio.current_time() - began)


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
        await guarded(telegram, retry_max_attempts=4).resolve(REF)

    assert 4 == len(telegram.requests)


async def test_so_long_and_no_longer(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    telegram.stumbles = [TransientError("reset") for _ in range(1000)]
    gateway = guarded(telegram, retry_max_attempts=1000, retry_max_elapsed=60.0, backoff_base=10.0)
    began = trio.current_time()

    with pytest.raises(TransientError):
        await gateway.resolve(REF)

    assert 60 <= trio.current_time() - began <= 71


async def test_what_no_retry_helps_against_is_raised_at_once(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    with pytest.raises(ChatUnavailableError):
        await guarded(telegram).resolve(ChatRef("nobody"))

    assert 1 == len(telegram.requests)


async def test_everybody_waits_for_the_end_of_a_flood(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError("contacts.resolveUsername", 30)]
    ends: list[float] = []

    async def ask() -> None:
        await gateway.resolve(REF)
        ends.append(trio.current_time())

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)

    assert all(end - began >= 30 for end in ends)
    assert 4 == len(telegram.requests)


async def test_a_flood_of_no_seconds_is_one_second(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [FloodWaitError("contacts.resolveUsername", 0)]
    began = trio.current_time()

    await guarded(telegram).resolve(REF)

    assert trio.current_time() - began >= 1


async def test_too_long_a_flood_parks(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    telegram.stumbles = [FloodWaitError("messages.getHistory", 301)]

    with pytest.raises(ParkedError) as caught:
        await guarded(telegram, flood_wait_max=300.0).resolve(REF)

    assert NOW + timedelta(seconds=301) == caught.value.resume_at
    assert "flood_wait" == caught.value.error_type


async def test_too_long_a_flood_fails_where_that_is_wished(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [FloodWaitError("messages.getHistory", 301)]

    with pytest.raises(FloodWaitError):
        await guarded(telegram, park_long_floods=False).resolve(REF)


@pytest.mark.parametrize(
    "stumble", [FloodWaitError("messages.getHistory", 200), TransientError("reset"), None]
)
async def test_a_stop_ends_every_wait(
    telegram: MemoryGateway,
    stumble: FloodWaitError | TransientError | None,
    autojump_clock: MockClock,
) -> None:
    stop = Stop()
    slow = {"requests_per_second": 0.001} if stumble is None else {"backoff_base": 1000.0}
    gateway = guarded(telegram, stop, backoff_max=1000.0, **slow)
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
