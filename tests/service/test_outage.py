"""An outage is over when nobody waits for an answer any more, and may last only so long."""

from __future__ import annotations

import pytest
import trio
from attrs import define
from structlog.testing import capture_logs
from trio.testing import MockClock

from tgworker.errors import OutageError, QueueUnavailableError
from tgworker.service.outage import Outage


@define
class Redis:
    """Answers from a moment on."""

    back_at: float
    asked: int = 0

    async def __call__(self) -> str:
        await trio.lowlevel.checkpoint()
        self.asked += 1
        if trio.current_time() < self.back_at:
            raise QueueUnavailableError("away")
        return "answer"


async def test_what_was_not_answered_is_asked_again(autojump_clock: MockClock) -> None:
    outage = Outage(60)
    redis = Redis(trio.current_time() + 30)

    with capture_logs() as logs:
        assert "answer" == await outage.outlast(redis)

    assert not outage.lasts
    assert redis.asked <= 15
    assert ["redis.away", "redis.back"] == [line["event"] for line in logs]


async def test_answers_to_others_do_not_make_it_endless(autojump_clock: MockClock) -> None:
    outage = Outage(60)
    began = trio.current_time()

    async def answered_ever_again() -> None:
        while True:
            await outage.outlast(Redis(0))
            await trio.sleep(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answered_ever_again)
        with pytest.raises(OutageError), capture_logs() as logs:
            await outage.outlast(Redis(began + 1000))
        nursery.cancel_scope.cancel()

    assert 60 <= trio.current_time() - began <= 66
    assert ["redis.away"] == [line["event"] for line in logs]


async def test_who_gives_up_waiting_leaves_no_outage_behind(autojump_clock: MockClock) -> None:
    outage = Outage(60)

    with trio.move_on_after(10):
        await outage.outlast(Redis(trio.current_time() + 1000))

    assert not outage.lasts


async def test_who_comes_late_shares_the_time_that_is_left(autojump_clock: MockClock) -> None:
    outage = Outage(60)
    began = trio.current_time()
    redis = Redis(began + 1000)

    given_up = []

    async def give_up(after: float) -> None:
        await trio.sleep(after)
        with pytest.raises(OutageError):
            await outage.outlast(redis)
        given_up.append(trio.current_time() - began)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(give_up, 0)
        nursery.start_soon(give_up, 50)

    assert all(60 <= moment <= 66 for moment in given_up)
