"""While Telegram is down it is left alone, and commands rest instead of failing."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.service.test_guard import CHAT, OTHER, REF, guarded, now, telegram
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.core.facts import BreakerMoved, BreakerState
from tgworker.core.model import ChatRef, HistoryQuery
from tgworker.errors import ChatUnavailableError, FloodWaitError, ParkedError, TransientError
from tgworker.service.guard import BreakerPolicy
from tgworker.service.retry import RetryPolicy
from tgworker.service.stop import Stop, StoppingError

__all__ = ["telegram"]

POLICY = BreakerPolicy(failures=3, window=30, open_seconds=60)
CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def down(times: int) -> list[TransientError]:
    return [TransientError("No answer.") for _ in range(times)]


@pytest.mark.parametrize("attempts", [3, 5])
async def test_it_opens_in_the_middle_of_the_tries_or_with_the_last_and_parks(
    telegram: MemoryGateway, attempts: int, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [*down(9)]
    gateway = guarded(telegram, breaker=POLICY, retry=RetryPolicy(max_attempts=attempts))

    with pytest.raises(ParkedError) as caught:
        await gateway.resolve(REF)

    assert now() + timedelta(seconds=60) == caught.value.resume_at
    assert "breaker_open" == caught.value.error_type
    assert "Telegram does not answer; the next try is in 60 s. No answer." == str(caught.value)
    assert 3 == len(telegram.requests)


async def test_while_it_is_open_nothing_is_asked_for_and_then_one_probe_closes_it(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    observer = MemoryObserver()
    telegram.stumbles = [*down(3)]
    gateway = guarded(telegram, breaker=POLICY, observer=observer)
    with capture_logs() as logs:
        with pytest.raises(ParkedError):
            await gateway.resolve(REF)
        await trio.sleep(30)
        with pytest.raises(ParkedError, match="in 30 s"):
            await gateway.history(CHAT, HistoryQuery())
        assert 3 == len(telegram.requests)
        await trio.sleep(30)

        assert CHAT == await gateway.resolve(REF)

    moves = [fact.state for fact in observer.of(BreakerMoved)]
    assert [CLOSED, OPEN, HALF_OPEN, CLOSED] == moves
    names = [line["event"] for line in logs if line["event"].startswith("breaker.")]
    assert ["breaker.opened", "breaker.half_open", "breaker.closed"] == names


async def test_a_probe_that_fails_keeps_it_open_for_the_whole_time_again(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [*down(4)]
    gateway = guarded(telegram, breaker=POLICY)
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    await trio.sleep(60)

    with pytest.raises(ParkedError) as caught:
        await gateway.resolve(REF)

    assert now() + timedelta(seconds=60) == caught.value.resume_at
    assert 4 == len(telegram.requests)


async def test_a_rest_of_less_than_a_second_is_waited_for(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [*down(3)]
    gateway = guarded(telegram, breaker=POLICY)
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    await trio.sleep(59.5)

    assert CHAT == await gateway.resolve(REF)


@pytest.mark.parametrize("well_again", [True, False])
async def test_the_others_wait_for_the_probe_and_heed_what_it_finds(
    telegram: MemoryGateway, well_again: bool, autojump_clock: MockClock
) -> None:
    class Slow(MemoryGateway):
        async def _ask(self, request: ChatRef | HistoryQuery) -> None:
            await trio.sleep(3)
            await super()._ask(request)

    slow = Slow(telegram.histories)
    slow.stumbles = [*down(3 if well_again else 4)]
    gateway = guarded(slow, breaker=POLICY, requests_per_second=100)
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    await trio.sleep(60)
    began = trio.current_time()
    ends: list[tuple[float, bool]] = []

    async def ask() -> None:
        try:
            await gateway.resolve(REF)
        except ParkedError:
            ends.append((trio.current_time() - began, False))
        else:
            ends.append((trio.current_time() - began, True))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(ask)

    took = [3, 6, 6] if well_again else [3, 3, 3]
    assert [(pytest.approx(seconds, abs=0.1), well_again) for seconds in took] == ends
    assert (6 if well_again else 4) == len(slow.requests)


async def test_a_probe_that_is_cancelled_makes_room_for_the_next(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    class Deaf(MemoryGateway):
        deaf = False

        async def _ask(self, request: ChatRef | HistoryQuery) -> None:
            if self.deaf:
                await trio.sleep_forever()
            await super()._ask(request)

    deaf = Deaf(telegram.histories)
    deaf.stumbles = [*down(3)]
    gateway = guarded(deaf, breaker=POLICY)
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    await trio.sleep(60)
    deaf.deaf = True

    async with trio.open_nursery() as nursery:
        with trio.move_on_after(5):
            nursery.start_soon(gateway.resolve, REF)
            await trio.testing.wait_all_tasks_blocked()
            deaf.deaf = False
            async with trio.open_nursery() as others:
                others.start_soon(gateway.resolve, REF)
                await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert CHAT == await gateway.resolve(REF)


@pytest.mark.parametrize(
    "answer",
    [
        ChatUnavailableError("private"),
        FloodWaitError("contacts.resolveUsername", 1),
        None,
    ],
)
async def test_an_answer_of_any_kind_shows_that_telegram_is_there(
    telegram: MemoryGateway,
    answer: ChatUnavailableError | FloodWaitError | None,
    autojump_clock: MockClock,
) -> None:
    gateway = guarded(telegram, breaker=POLICY)
    telegram.stumbles = [*down(2), answer]
    with suppress(ChatUnavailableError):
        await gateway.resolve(REF)
    telegram.stumbles = [*down(2)]

    assert CHAT == await gateway.resolve(REF)


async def test_a_stop_ends_the_wait_for_a_probe(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    class Deaf(MemoryGateway):
        async def _ask(self, request: ChatRef | HistoryQuery) -> None:
            await super()._ask(request)
            await trio.sleep_forever()

    deaf, stop = Deaf(telegram.histories), Stop()
    deaf.stumbles = [*down(3)]
    gateway = guarded(deaf, stop, breaker=POLICY)
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    await trio.sleep(60)

    async def wait() -> None:
        with pytest.raises(StoppingError):
            await gateway.resolve(REF)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(gateway.resolve, REF)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        stop.set()


async def test_a_thing_that_telegram_always_stumbles_over_fails_and_lets_the_others_go_on(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [TransientError("INTERNAL", error_type="server") for _ in range(10)]
    gateway = guarded(telegram, breaker=POLICY, retry=RetryPolicy(max_attempts=5))
    for _ in range(3):
        with pytest.raises(ParkedError):
            await gateway.history(CHAT, HistoryQuery())
        await trio.sleep(60)

    with pytest.raises(TransientError, match="INTERNAL"):
        await gateway.history(CHAT, HistoryQuery())

    assert [] == telegram.stumbles
    await gateway.history(OTHER, HistoryQuery())


async def test_a_line_that_is_down_never_fails_a_command(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [*down(100)]
    gateway = guarded(telegram, breaker=POLICY)

    for _ in range(98):
        with pytest.raises(ParkedError):
            await gateway.history(CHAT, HistoryQuery())
        await trio.sleep(60)

    await gateway.history(CHAT, HistoryQuery())
