"""A claim is kept while it is worked on; who may have lost it stops before anybody else can begin."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from attrs import define, evolve, field
from trio.testing import MockClock

from tgworker.adapters.memory.locks import MemoryChatLocks
from tgworker.adapters.memory.queue import MemoryCommandQueue, MemoryQueueStore
from tgworker.core.model import Chat, ChatType
from tgworker.errors import (
    ChatBusyError,
    CommandCancelledError,
    LeaseLostError,
    OutageError,
    QueueRefusedError,
)
from tgworker.ports import Claim, Renewal
from tgworker.service.lease import Lease
from tgworker.service.outage import Outage
from tgworker.service.tenure import Unshared

CHAT = Chat(-1001, ChatType.SUPERGROUP, "Chat", "chat")


class CountingQueue(MemoryCommandQueue):
    """Counts renewals; each takes ``latency``, or ends in the ``refusal``."""

    renewals = 0
    latency = 0.0
    refusal: QueueRefusedError | None = None

    async def renew(self, claim: Claim) -> Renewal:
        self.renewals += 1
        await trio.sleep(self.latency)
        if self.refusal is not None:
            raise self.refusal
        return await super().renew(claim)


@define
class Desk:
    store: MemoryQueueStore = field(factory=MemoryQueueStore)
    locks: MemoryChatLocks = field(factory=MemoryChatLocks)
    queue: Any = None
    claim: Any = None
    stopped_at: float | None = None

    async def lease(self, *, max_outage: float = 300) -> Lease:
        """Of a command that was claimed at this moment."""
        self.queue = CountingQueue(self.store, lease_seconds=60)
        self.store.push(b"{}")
        since = trio.current_time()
        self.claim = await self.queue.claim()
        return Lease(
            self.claim,
            queue=self.queue,
            locks=self.locks,
            outage=Outage(max_outage),
            sleep=trio.sleep,
            seconds=60,
            since=since,
        )

    async def for_ever(self) -> None:
        """Work that notes when it was stopped."""
        try:
            await trio.sleep_forever()
        finally:
            self.stopped_at = trio.current_time()


@pytest.fixture
def desk() -> Desk:
    return Desk()


@asynccontextmanager
async def held(lease: Lease, work: Callable[[], Any]) -> AsyncIterator[None]:
    """The lease is held meanwhile, for work that would not end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lease.hold, work)
        yield
        nursery.cancel_scope.cancel()


async def test_a_lease_is_renewed_four_times_in_its_time(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()

    async def work() -> None:
        await trio.sleep(604)

    await lease.hold(work)

    assert 40 == desk.queue.renewals
    assert 1 == desk.store.running


@pytest.mark.parametrize("away_since", [0, 1, 14, 16, 40])
async def test_work_stops_ten_seconds_before_the_lease_ends(
    autojump_clock: MockClock, desk: Desk, away_since: float
) -> None:
    lease = await desk.lease()
    began = trio.current_time()

    async def cut_the_line() -> None:
        await trio.sleep(away_since)
        desk.store.away = True

    async with trio.open_nursery() as nursery:
        nursery.start_soon(cut_the_line)
        with pytest.raises(LeaseLostError):
            await lease.hold(desk.for_ever)

    assert desk.stopped_at is not None
    renewed = away_since // 15 * 15
    assert renewed + 50 == pytest.approx(desk.stopped_at - began, abs=0.01)


async def test_a_renewal_that_hangs_does_not_keep_the_work_going(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    desk.queue.latency = 1000
    began = trio.current_time()

    with pytest.raises(LeaseLostError):
        await lease.hold(desk.for_ever)

    assert 50 == pytest.approx(desk.stopped_at - began)


async def test_a_short_outage_costs_nothing(autojump_clock: MockClock, desk: Desk) -> None:
    lease = await desk.lease()

    async def short_outage() -> None:
        await trio.sleep(10)
        desk.store.away = True
        await trio.sleep(37)
        desk.store.away = False

    async with held(lease, desk.for_ever):
        await short_outage()
        await trio.sleep(100)
        assert desk.stopped_at is None


async def test_with_a_redis_that_refuses_the_lease_runs_out_in_good_order(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    desk.queue.refusal = QueueRefusedError("The password was changed.")

    with pytest.raises(LeaseLostError):
        await lease.hold(desk.for_ever)

    assert desk.stopped_at is not None


async def test_work_that_fails_fails_as_it_is(autojump_clock: MockClock, desk: Desk) -> None:
    lease = await desk.lease()

    async def fail() -> None:
        await trio.lowlevel.checkpoint()
        raise ValueError("as it is")

    with pytest.raises(ValueError, match="as it is"):
        await lease.hold(fail)


async def test_a_chat_is_locked_and_renewed_while_it_is_written(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()

    async def work() -> None:
        async with lease.writing(CHAT) as fence:
            assert fence == 1
            await trio.sleep(500)
            assert {CHAT.id} == desk.locks.held

    await lease.hold(work)

    assert set() == desk.locks.held


async def test_a_chat_that_somebody_writes_is_busy(autojump_clock: MockClock, desk: Desk) -> None:
    lease = await desk.lease()
    await desk.locks.hold(CHAT.id, evolve(desk.claim, job_id=99), 60)

    with pytest.raises(ChatBusyError):
        async with lease.writing(CHAT):
            raise AssertionError("nobody else may come in")

    assert {CHAT.id} == desk.locks.held


async def test_a_lock_that_went_to_somebody_else_ends_the_work(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()

    async def work() -> None:
        async with lease.writing(CHAT):
            await desk.locks.release(CHAT.id, desk.claim)
            await desk.locks.hold(CHAT.id, evolve(desk.claim, job_id=99), 600)
            await desk.for_ever()

    with pytest.raises(ChatBusyError):
        await lease.hold(work)

    assert desk.stopped_at is not None
    assert {CHAT.id} == desk.locks.held
    assert 1 == desk.store.running


async def test_a_renewal_begun_under_one_chat_says_nothing_of_the_next(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    desk.queue.latency = 0.2

    async def work() -> None:
        async with lease.writing(CHAT):
            await trio.sleep(15.1)  # the renewal of the fifteenth second is under way
        async with lease.writing(evolve(CHAT, id=-1002)):
            await trio.sleep(5)

    await lease.hold(work)

    assert set() == desk.locks.held


async def test_a_cancelled_work_unlocks_its_chat(autojump_clock: MockClock, desk: Desk) -> None:
    lease = await desk.lease()

    async def work() -> None:
        async with lease.writing(CHAT):
            await desk.for_ever()

    async with held(lease, work):
        await trio.sleep(1)
        assert {CHAT.id} == desk.locks.held

    assert set() == desk.locks.held


async def test_a_lock_whose_reply_was_lost_is_given_back_all_the_same(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    desk.locks.lose_replies = 1
    with trio.move_on_after(0.05):  # less than the rest before it is tried again
        async with lease.writing(CHAT):
            raise AssertionError("there was no answer")

    assert set() == desk.locks.held


async def test_a_lock_that_can_not_be_given_back_ends_by_itself(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    async with lease.writing(CHAT):
        desk.locks.away = True

    assert {CHAT.id} == desk.locks.held
    await trio.sleep(60)
    assert set() == desk.locks.held


async def test_a_lock_outlasts_an_outage_but_not_too_long_a_one(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease(max_outage=20)
    desk.locks.away = True
    with pytest.raises(OutageError):
        async with lease.writing(CHAT):
            pass
    began = trio.current_time()

    async with trio.open_nursery() as nursery:

        async def come_back() -> None:
            await trio.sleep(10)
            desk.locks.away = False

        nursery.start_soon(come_back)
        async with lease.writing(CHAT):
            assert 10 <= trio.current_time() - began <= 16


async def test_a_seal_asks_only_if_the_last_word_is_old(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()

    for _ in range(100):
        await lease.confirm()
    assert 0 == desk.queue.renewals
    await trio.sleep(16)
    for _ in range(100):
        await lease.confirm()

    assert 1 == desk.queue.renewals


async def test_a_seal_after_a_long_sleep_finds_that_the_command_went_elsewhere(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    await trio.sleep(61)
    other = MemoryCommandQueue(desk.store)
    assert isinstance(await other.claim(), Claim)

    with pytest.raises(LeaseLostError):
        await lease.confirm()


async def test_a_seal_finds_that_the_command_was_cancelled(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    await trio.sleep(20)
    desk.store.cancel(desk.claim.command_id)

    with pytest.raises(CommandCancelledError):
        await lease.confirm()


async def test_without_an_answer_a_seal_relies_on_what_is_left_of_the_lease(
    autojump_clock: MockClock, desk: Desk
) -> None:
    lease = await desk.lease()
    await trio.sleep(20)
    desk.queue.latency = 1000
    began = trio.current_time()

    await lease.confirm()
    assert 2 == pytest.approx(trio.current_time() - began)

    await trio.sleep(30)
    with pytest.raises(LeaseLostError, match="in time"):
        await lease.confirm()


async def test_work_that_nobody_shares_is_always_ours() -> None:
    tenure = Unshared()
    async with tenure.writing(CHAT) as fence:
        await tenure.confirm()

    assert fence is None
