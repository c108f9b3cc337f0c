"""The monitor knows how the worker is from what happens."""

from __future__ import annotations

from datetime import date

import trio
from trio.testing import MockClock

from tgworker.core import facts
from tgworker.core.facts import BreakerState
from tgworker.service.health import HealthMonitor

BEGAN = facts.CommandBegan("c-1", "@chat")
SEALED = facts.DaySealed("@chat", date(2025, 11, 1), 1, 1, True, 0.1)


def monitor() -> HealthMonitor:
    made = HealthMonitor(redis_away=lambda: False, stall_seconds=300)
    made.started()
    return made


async def test_work_is_live_as_long_as_something_comes_of_it(autojump_clock: MockClock) -> None:
    health = monitor()
    health.note(BEGAN)

    for fact in (facts.RequestEnded("history", 0.1), facts.PageFiled("@chat", 1, 0, None), SEALED):
        await trio.sleep(290)
        assert health.report().live
        health.note(fact)
    await trio.sleep(290)
    health.note(facts.LeaseRenewed())
    await trio.sleep(20)

    assert not health.report().live


async def test_what_is_over_cannot_hang(autojump_clock: MockClock) -> None:
    health = monitor()
    health.note(BEGAN)
    assert ["@chat"] == [work.chat for work in health.works]

    health.note(facts.CommandLeft("c-1"))
    await trio.sleep(10_000)

    assert () == health.works
    assert health.report().ready


async def test_an_open_breaker_makes_it_unready_until_it_is_tried_again() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()

    with health.span("command"):
        health.note(facts.BreakerMoved("telegram", BreakerState.OPEN))
        assert not health.report().ready
        health.note(facts.BreakerMoved("telegram", BreakerState.HALF_OPEN))
        assert health.report().ready


async def test_a_disk_that_refuses_makes_it_unready_until_it_takes_a_day() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()

    health.note(facts.CommandEnded("@chat", 1.0, "storage"))
    assert "the archive can't be written" == health.report().reason
    health.note(SEALED)
    assert health.report().ready


async def test_stopping_and_redis_are_told() -> None:
    await trio.lowlevel.checkpoint()
    away = [True]
    health = HealthMonitor(redis_away=lambda: away[0], stall_seconds=300)
    assert "starting" == health.report().reason

    health.started()
    assert "Redis does not answer" == health.report().reason
    away[0] = False
    assert health.report().ready
    health.stopping()
    assert "stopping" == health.report().reason
