"""Telegram gives less than it has, silently: over the wire, that is noticed, made good, or told with numbers."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage

HISTORY = "messages.getHistory"
DAYS = {"from": "2025-11-01", "to": "2025-11-03"}
SHORT_DAY = date(2025, 11, 2)
WORLD = {
    "seed": 5,
    "chats": [
        {"username": "verified", "type": "supergroup", "per_day": [40], **DAYS},
        {"id": 4777001, "title": "Verified", "type": "group", "per_day": [40], **DAYS},
    ],
}
WANTED = {"chat": "@verified", "mode": "range", **DAYS, "options": {"verify": True}}


def hidden(stage: Stage, **which: Any) -> dict[str, Any]:
    """A fault by which three messages of the second day are not given."""
    messages = stage.world.truth("verified", SHORT_DAY)
    return {"method": HISTORY, "hide": [messages[n]["id"] for n in (5, 6, 30)], **which}


def row(stage: Stage) -> dict[str, Any]:
    index = json.loads((stage.data / "verified" / "2025" / "index.json").read_bytes())
    return next(each for each in index["days"] if each["date"] == str(SHORT_DAY))


def test_a_day_that_was_silently_short_once_is_made_good(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker()
    stage.faults(hidden(stage, times=1))

    end = stage.fetch(**WANTED)

    assert ("completed", 120) == (end["event"], end["processed"])
    assert 120 == stage.check_against_truth("verified")
    (short,) = worker.lines("day.short")
    assert (str(SHORT_DAY), 40, 37) == (short["date"], short["expected"], short["got"])

    stage.calm()
    end = stage.fetch(chat=-4777001, mode="range", **DAYS, options={"verify": True})

    assert ("completed", 120) == (end["event"], end["processed"])
    assert 1 == len(worker.lines("day.short"))
    assert [] == worker.lines("verify.unavailable")
    # Found by the dialogs; three pages' worth of reading, and four probes.
    assert stage.requests() <= 3 + 3 + 4


@pytest.mark.expects_errors
def test_a_day_that_stays_short_is_incomplete_and_stays_open(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.faults(hidden(stage))

    plain = stage.run("fetch", "verified", "--from", DAYS["from"], "--to", DAYS["to"], "--verify")

    assert 1 == plain.wait()
    end = next(line for line in reversed(plain.lines()) if line.get("event") == "failed")
    assert "incomplete" == end["error_type"]
    assert [{"date": str(SHORT_DAY), "expected": 40, "got": 37}] == end["incomplete"]
    assert 1 == end["errors"] and "40 messages on 2025-11-02, but gave 37" in end["error"]
    assert (False, 40, 37) == (
        row(stage)["complete"],
        row(stage)["expected"],
        row(stage)["messages"],
    )
    stage.check_against_truth("verified", [date(2025, 11, 1), date(2025, 11, 3)])

    stage.calm()
    again = stage.run("fetch", "verified", "--from", DAYS["from"], "--to", DAYS["to"])

    assert 0 == again.wait()
    assert 120 == stage.check_against_truth("verified")
    assert (True, None) == (row(stage)["complete"], row(stage).get("expected"))


def test_a_worker_may_be_set_to_compare_all_it_fetches(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker(VERIFY_COMPLETENESS="always")
    stage.faults(hidden(stage, times=1))

    end = stage.fetch(chat="@verified", mode="range", **DAYS)

    assert "completed" == end["event"]
    assert 120 == stage.check_against_truth("verified")
    assert 1 == len(worker.lines("day.short"))
