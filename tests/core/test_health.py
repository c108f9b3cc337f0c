"""A worker is judged by what moves, and what stands in its way is named."""

from __future__ import annotations

import pytest
from attrs import evolve

from tgworker.core.health import Vitals, Work, judge

WELL = Vitals(started=True)
WORK = Work("c-1", "@ru_python", began_at=0.0, moved_at=100.0)


def test_a_worker_that_waits_is_well() -> None:
    health = judge(WELL, 5000.0, stall_seconds=300)

    assert (True, True, "healthy") == (health.live, health.ready, health.status)
    assert "waiting for commands" == health.reason


def test_a_worker_that_works_says_at_what() -> None:
    other = evolve(WORK, command_id="c-2", chat="@a")

    assert (
        "fetching @a, @ru_python"
        == judge(evolve(WELL, works=(WORK, other)), 110.0, stall_seconds=300).reason
    )


@pytest.mark.parametrize(("now", "live"), [(399.0, True), (400.0, True), (401.0, False)])
def test_work_that_does_not_move_is_hung(now: float, live: bool) -> None:
    health = judge(evolve(WELL, works=(WORK,)), now, stall_seconds=300)

    assert live is health.live
    assert live is health.ready
    assert live or "nothing has moved for 301 s while fetching @ru_python" == health.reason
    assert live or "hung" == health.status


@pytest.mark.parametrize(
    ("vitals", "reason"),
    [
        (Vitals(), "starting"),
        (evolve(WELL, stopping=True), "stopping"),
        (evolve(WELL, redis_away=True), "Redis does not answer"),
        (evolve(WELL, telegram_trouble="Telegram rests"), "Telegram rests"),
        (evolve(WELL, storage_trouble="disk full"), "disk full"),
    ],
)
def test_what_keeps_it_from_working_makes_it_unready_and_not_dead(
    vitals: Vitals, reason: str
) -> None:
    health = judge(vitals, 0.0, stall_seconds=300)

    assert (True, False, reason) == (health.live, health.ready, health.reason)
    assert "degraded" == health.status
