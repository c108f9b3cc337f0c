"""What people change after a day was sealed is taken in, over the wire: nothing that was saved is dropped by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage

PER_DAY = 30
CHAT = "@gazette"
WORLD = {
    "seed": 5,
    "chats": [
        {"username": "gazette", "type": "supergroup", "plain": True}
        | {"from": "-4d", "to": "-1d", "per_day": [PER_DAY]}
    ],
}


@pytest.fixture
def stage(make_stage: MakeStage) -> Iterator[Stage]:
    """With all four days of the chat sealed, before people change anything."""
    stage = make_stage(WORLD)
    sealed = stage.run("fetch", "gazette", "--days", "4")
    assert 0 == sealed.wait()
    assert 4 * PER_DAY == stage.check_against_truth("gazette")
    yield stage


def spoil(stage: Stage, day: date) -> tuple[int, int]:
    """Edit one message of the day and delete another; returns their ids."""
    edited, gone = (stage.world.truth("gazette", day)[n]["id"] for n in (3, 7))
    stage.change("gazette", edit=edited, text="as I said")
    stage.change("gazette", delete=[gone])
    return edited, gone


def check_merged(stage: Stage, day: date, edited: int, gone: int) -> None:
    held = {message["id"]: message for message in stage.artifact("gazette", day)["messages"]}
    there = {message["id"]: message for message in stage.world.truth("gazette", day)}
    assert PER_DAY == len(held)
    assert there == {id: message for id, message in held.items() if id != gone}
    assert ("as I said", True) == (held[edited]["text"], held[edited]["edited"])
    assert held[edited]["edit_date"] is not None
    assert held[gone]["deleted"] and held[gone]["text"]


def counts(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["event"], event["processed"], event.get("updated"), event.get("deleted")


def test_a_command_with_refresh_merges_and_counts_what_people_changed(stage: Stage) -> None:
    day = stage.world.days("gazette")[1]
    before = stage.hashes()
    edited, gone = spoil(stage, day)
    stage.worker()
    again = {"chat": CHAT, "mode": "days", "days": 4}

    unasked = stage.fetch(**again)
    assert ("completed", 0, None, None) == counts(unasked)
    assert before == stage.hashes()
    end = stage.fetch(**again, options={"refresh": True})

    assert ("completed", 0, 1, 1) == counts(end)
    told = [
        event
        for event in stage.events_of(end["command_id"])
        if event.get("day", {}).get("date") == str(day)
    ]
    assert [("progress", 0, 1, 1)] == [counts(event) for event in told]
    check_merged(stage, day, edited, gone)
    after = stage.hashes()
    assert [str(day)] == [path[-15:-5] for path in after if after[path] != before[path]]
    assert ("completed", 0, 0, 0) == counts(stage.fetch(**again, options={"refresh": True}))
    assert after == stage.hashes()


def test_a_one_shot_run_looks_again_at_as_many_days_as_it_is_set_to(stage: Stage) -> None:
    too_old, older, day = stage.world.days("gazette")[:3]
    left_alone = spoil(stage, too_old)
    changed = [(older, *spoil(stage, older)), (day, *spoil(stage, day))]
    before = stage.hashes()

    nightly = stage.run("fetch", FETCH_CHATS="gazette", REFRESH_DAYS="3")

    assert 0 == nightly.wait()
    assert ("completed", 0, 2, 2) == counts(nightly.lines()[-1])
    for each in changed:
        check_merged(stage, *each)
    path = f"gazette/{too_old.year}/discussions_{too_old}.json"
    assert before[path] == stage.hashes()[path]

    all_of_it = stage.run("fetch", FETCH_CHATS="gazette", FETCH_MODE="full", REFRESH_DAYS="4")

    assert 0 == all_of_it.wait()
    assert ("completed", 0, 1, 1) == counts(all_of_it.lines()[-1])
    check_merged(stage, too_old, *left_alone)
