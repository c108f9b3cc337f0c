"""A worker is judged by what moves, and what stands in its way is named."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from tgworker.core.health import LEAST_FREE_BYTES, Patience, Signs, Vitals, Work, health_json, judge

WELL = Vitals(started=True)
PATIENCE = Patience(work=300, queue=70, lease=120)
WORK = Work("c-1", "@ru_python", began_at=0.0, moved_at=100.0)


def test_a_worker_that_waits_is_well() -> None:
    health = judge(WELL, 5000.0, PATIENCE)

    assert (True, True, "healthy") == (health.live, health.ready, health.status)
    assert "waiting for commands" == health.reason


def test_a_worker_that_works_says_at_what() -> None:
    other = evolve(WORK, command_id="c-2", chat="@a")

    assert (
        "fetching @a, @ru_python"
        == judge(evolve(WELL, works=(WORK, other)), 110.0, PATIENCE).reason
    )


@pytest.mark.parametrize(("now", "live"), [(399.0, True), (400.0, True), (401.0, False)])
def test_work_that_does_not_move_is_hung(now: float, live: bool) -> None:
    health = judge(evolve(WELL, works=(WORK,)), now, PATIENCE)

    assert live is health.live
    assert live is health.ready
    assert live or "nothing has moved for 301 s while fetching @ru_python" == health.reason
    assert live or "hung" == health.status


@pytest.mark.parametrize(
    ("vitals", "reason"),
    [
        (Vitals(), "starting"),
        (evolve(WELL, stopping=True), "stopping"),
        (evolve(WELL, stopping=True, works=(WORK,)), "stopping; still at @ru_python"),
        (evolve(WELL, redis_away=True), "Redis does not answer"),
        (Vitals(redis_away=True), "Redis does not answer"),
        (evolve(WELL, telegram_failed_at=-100.0), "Telegram did not answer the last time"),
        (evolve(WELL, telegram_trouble="Telegram rests"), "Telegram rests"),
        (evolve(WELL, storage_trouble="disk full"), "disk full"),
        (
            evolve(WELL, disk_free_bytes=LEAST_FREE_BYTES - 1),
            "the disk of the archive is full: 63 MiB are left",
        ),
    ],
)
def test_what_keeps_it_from_working_makes_it_unready_and_not_dead(
    vitals: Vitals, reason: str
) -> None:
    health = judge(vitals, 0.0, PATIENCE)

    assert (True, False, reason) == (health.live, health.ready, health.reason)
    assert "degraded" == health.status


def test_what_was_said_long_ago_says_nothing_of_now() -> None:
    long_ago = evolve(WELL, telegram_failed_at=0.0)

    assert judge(long_ago, 301.0, PATIENCE).ready
    assert judge(evolve(WELL, disk_free_bytes=LEAST_FREE_BYTES), 0.0, PATIENCE).ready


@pytest.mark.parametrize(("now", "live"), [(70.0, True), (71.0, False)])
def test_an_idle_worker_that_does_not_ask_for_commands_is_hung(now: float, live: bool) -> None:
    heard = evolve(WELL, signs=Signs(redis=0.0))

    health = judge(heard, now, PATIENCE)

    assert live is health.live
    assert live or "Redis was last asked for a command 71 s ago" == health.reason


@pytest.mark.parametrize(
    "excuse",
    [
        {"started": False},
        {"stopping": True},
        {"redis_away": True},
        {"works": (evolve(WORK, moved_at=1000.0),)},
        {"signs": Signs()},
    ],
    ids=str,
)
def test_who_has_a_reason_not_to_ask_for_commands_is_not_hung(excuse: dict[str, Any]) -> None:
    heard = evolve(WELL, signs=Signs(redis=0.0))

    assert judge(evolve(heard, **excuse), 1000.0, PATIENCE).live


def test_a_lease_that_nobody_renews_is_hung_even_where_the_work_moves() -> None:
    """Its end should have ended the work."""
    moving = evolve(WORK, moved_at=500.0, leased_at=379.0)

    health = judge(evolve(WELL, works=(moving,)), 500.0, PATIENCE)

    assert not health.live
    assert "the lease for fetching @ru_python was last renewed 121 s ago" == health.reason


def test_a_lease_is_not_missed_while_redis_is_away() -> None:
    """What is done waits to be told then, and its lease is over."""
    done = evolve(WORK, moved_at=500.0, leased_at=0.0)

    assert judge(evolve(WELL, works=(done,), redis_away=True), 500.0, PATIENCE).live


def test_it_tells_how_long_ago_each_thing_showed_that_it_is_there() -> None:
    known = evolve(WELL, signs=Signs(redis=95.0, telegram=98.76), disk_free_bytes=10**9)

    assert {
        "status": "healthy",
        "reason": "waiting for commands",
        "seconds_since": {"redis": 5.0, "telegram": 1.2, "page": None, "lease": None},
        "disk_free_bytes": 10**9,
    } == health_json(judge(known, 100.0, PATIENCE))
