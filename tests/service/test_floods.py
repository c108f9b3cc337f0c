"""A flood wait is everybody's: every caller of that method, the next process, another one beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from tests.service.test_guard import CHAT, OTHER, REF, guarded, now, telegram
from tgworker.adapters.memory.floods import MemoryFloodLedger
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.events import Event, Status
from tgworker.core.model import ChatRef, FetchCommand, HistoryQuery, Mode
from tgworker.errors import FloodWaitError, ParkedError
from tgworker.ports import FloodLedger
from tgworker.service.floods import AWAY_SECONDS, FloodPolicy
from tgworker.service.guard import GuardedGateway
from tgworker.service.report import Reporter
from tgworker.service.waiting import waits_told_by

__all__ = ["telegram"]

RESOLVE = "contacts.resolveUsername"
HISTORY = "messages.getHistory"
CHANNELS = "channels.getChannels"


async def test_everybody_waits_for_the_end_of_a_flood_also_who_waited_for_a_turn(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError(RESOLVE, 30)]
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


async def test_after_a_flood_they_come_at_the_rate_and_not_all_at_once(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram, requests_per_second=1.0, adaptive=False)
    telegram.stumbles = [FloodWaitError(RESOLVE, 30)]
    ends: list[float] = []

    async def ask() -> None:
        await gateway.resolve(REF)
        ends.append(trio.current_time())

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ask)

    assert [30, 31, 32, 33] == [pytest.approx(end - began) for end in ends]


async def test_another_method_goes_on(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError(HISTORY, 200)]
    began = trio.current_time()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(gateway.history, CHAT, HistoryQuery())
        await trio.testing.wait_all_tasks_blocked()
        await gateway.resolve(REF)
        assert trio.current_time() - began < 1

    assert trio.current_time() - began >= 200


async def test_of_a_look_up_of_several_requests_only_the_one_that_has_to_rest_does(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.lookups = [CHANNELS, RESOLVE]
    telegram.stumbles = [None, FloodWaitError(RESOLVE, 40)]
    began = trio.current_time()

    await gateway.resolve(REF)

    assert 40 == pytest.approx(trio.current_time() - began, abs=1)
    assert 3 == len(telegram.requests)


async def test_a_look_up_heeds_the_flood_wait_of_each_of_its_requests(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError(RESOLVE, 5000)]
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)
    telegram.lookups = [CHANNELS, CHANNELS]
    assert OTHER == await gateway.resolve(ChatRef("other"))
    telegram.lookups = [CHANNELS, RESOLVE]

    with pytest.raises(ParkedError):
        await gateway.resolve(REF)

    assert 1 + 2 + 1 == len(telegram.requests)


@pytest.mark.parametrize(("seconds", "waited"), [(0, 1), (1, 1), (300, 300)])
async def test_the_wait_is_what_telegram_says_and_at_least_a_second(
    telegram: MemoryGateway, seconds: int, waited: int, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [FloodWaitError(RESOLVE, seconds)]
    began = trio.current_time()

    await guarded(telegram).resolve(REF)

    assert waited == pytest.approx(trio.current_time() - began)


async def test_some_jitter_comes_on_top(telegram: MemoryGateway, autojump_clock: MockClock) -> None:
    telegram.stumbles = [FloodWaitError(RESOLVE, 10)]
    began = trio.current_time()

    await guarded(telegram, flood=FloodPolicy(jitter=5)).resolve(REF)

    assert 10 < trio.current_time() - began <= 15


@pytest.mark.parametrize("seconds", [301, 86400])
async def test_too_long_a_flood_parks_and_later_ones_are_parked_unasked(
    telegram: MemoryGateway, seconds: int, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError(RESOLVE, seconds)]
    ends = now() + timedelta(seconds=seconds)

    with pytest.raises(ParkedError) as caught:
        await gateway.resolve(REF)

    assert ends == caught.value.resume_at
    assert "flood_wait" == caught.value.error_type
    if seconds == 86400:
        await trio.sleep(3600)
        with pytest.raises(ParkedError) as caught:
            await gateway.resolve(ChatRef("other"))
        assert ends == caught.value.resume_at
        assert "82800 s" in str(caught.value)
    assert 1 == len(telegram.requests)


async def test_too_long_a_flood_fails_where_that_is_wished(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [FloodWaitError(RESOLVE, 1000)]
    gateway = guarded(telegram, flood=FloodPolicy(park=False, jitter=0))

    for _ in range(2):
        with pytest.raises(FloodWaitError, match="1000 s"):
            await gateway.resolve(REF)

    assert 1 == len(telegram.requests)


async def test_a_known_chat_is_fetched_while_names_can_not_be_looked_up(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    gateway = guarded(telegram)
    telegram.stumbles = [FloodWaitError(RESOLVE, 60000)]
    telegram.known = {ChatRef("other"): OTHER}
    with pytest.raises(ParkedError):
        await gateway.resolve(REF)

    assert OTHER == await gateway.resolve(ChatRef("other"))
    await gateway.history(OTHER, HistoryQuery())


class TestLedgers:
    """What outlives the process."""

    async def test_the_next_process_waits_for_what_is_left(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        ledger = MemoryFloodLedger()
        telegram.stumbles = [FloodWaitError(RESOLVE, 200)]
        with trio.move_on_after(50):
            await guarded(telegram, ledgers=[ledger]).resolve(REF)
        began = trio.current_time()

        await guarded(telegram, ledgers=[ledger]).resolve(REF)

        assert 150 == pytest.approx(trio.current_time() - began)
        assert 2 == len(telegram.requests)

    async def test_the_next_process_parks_unasked_what_is_too_long(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        ledger = MemoryFloodLedger()
        await ledger.extend(RESOLVE, 1000)

        with pytest.raises(ParkedError) as caught:
            await guarded(telegram, ledgers=[ledger]).resolve(REF)

        assert now() + timedelta(seconds=1000) == caught.value.resume_at
        assert [] == telegram.requests

    async def test_what_one_process_hears_another_knows_soon(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        ledger = MemoryFloodLedger()
        one, two = (guarded(telegram, ledgers=[ledger]) for _ in range(2))
        await two.resolve(REF)
        await ledger.extend(RESOLVE, 100)
        await trio.sleep(5)
        began = trio.current_time()

        await two.resolve(REF)

        assert 95 == pytest.approx(trio.current_time() - began)
        await one.resolve(REF)

    async def test_a_ledger_is_not_asked_for_each_request(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        ledger = MemoryFloodLedger()
        gateway = guarded(telegram, ledgers=[ledger], requests_per_second=100)

        for _ in range(1000):  # in ten seconds
            await gateway.resolve(REF)

        assert 18 <= ledger.calls <= 21

    async def test_a_ledger_that_is_away_stops_nothing_and_is_told_later(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        away, here = MemoryFloodLedger(away=True), MemoryFloodLedger()
        gateway = guarded(telegram, ledgers=[away, here])
        telegram.stumbles = [None, FloodWaitError(RESOLVE, 5000)]
        await gateway.resolve(REF)
        with pytest.raises(ParkedError):
            await gateway.resolve(REF)
        assert 5000 == pytest.approx(await here.rest(RESOLVE))
        away.away = False
        assert 0 == await away.rest(RESOLVE)
        await trio.sleep(AWAY_SECONDS)

        with pytest.raises(ParkedError):
            await gateway.resolve(REF)

        assert 5000 - AWAY_SECONDS == pytest.approx(await away.rest(RESOLVE))

    async def test_a_ledger_that_never_answers_costs_a_second_now_and_then(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        class Silent:
            async def rest(self, method: str) -> float:
                await trio.sleep_forever()
                raise AssertionError("unreachable")

            async def extend(self, method: str, seconds: float) -> None:
                raise AssertionError("it is left alone")

        silent: FloodLedger = Silent()
        gateway = guarded(telegram, ledgers=[silent])
        telegram.stumbles = [None, FloodWaitError(RESOLVE, 3)]
        began = trio.current_time()

        for _ in range(2):
            await gateway.resolve(REF)

        assert 4 == pytest.approx(trio.current_time() - began, abs=0.2)


class TestTelling:
    """A command says what it waits for."""

    async def waiting(self, gateway: GuardedGateway, progress_interval: float) -> list[Event]:
        events: list[Event] = []

        async def tell(event: Event) -> None:  # noqa: ASYNC124  # a Reporter awaits what it tells
            events.append(event)

        command = FetchCommand(REF, Mode.FULL)
        reporter = Reporter(command, "c", "w", now, tell, tell, progress_interval)
        with waits_told_by(reporter):
            await gateway.resolve(REF)
        return events

    async def test_a_wait_longer_than_the_progress_interval_is_told(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        telegram.stumbles = [FloodWaitError(RESOLVE, 30)]
        resume_at = now() + timedelta(seconds=30)

        (event,) = await self.waiting(guarded(telegram), progress_interval=5)

        assert (Status.WAITING, resume_at) == (event.status, event.resume_at)
        assert "flood_wait" == event.error_type
        assert f"Telegram asks to wait 30 s before the next {RESOLVE}." == event.error

    async def test_a_shorter_one_is_not(
        self, telegram: MemoryGateway, autojump_clock: MockClock
    ) -> None:
        telegram.stumbles = [FloodWaitError(RESOLVE, 5)]

        assert [] == await self.waiting(guarded(telegram), progress_interval=5)
