"""Chats that belong together, and chats that are renamed, through real processes: every folder holds the truth."""

from __future__ import annotations

import json
import signal
from datetime import date, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage
from tests.e2e.test_worker import wait_until

CLUB_ID = 4555111
WORLD: dict[str, Any] = {
    "seed": 11,
    "users": 9,
    "chats": [
        {"username": "news", "title": "News", "type": "channel", "per_day": [30]}
        | {"from": "2025-11-01", "to": "2025-11-04", "comments": "News_Talk"},
        {"username": "news_talk", "title": "Talk", "type": "supergroup", "per_day": [120, 40]}
        | {"from": "2025-11-01", "to": "2025-11-06"},
        {"id": CLUB_ID, "title": "Club", "type": "group", "per_day": [110, 20]}
        | {"from": "2025-11-01", "to": "2025-11-04"},
        {"username": "club", "title": "Club", "type": "supergroup", "per_day": [40, 130]}
        | {"from": "2025-11-04", "to": "2025-11-06", "migrated_from": CLUB_ID, "edges": False},
        {"id": 1555000111, "title": "Quiet", "type": "channel", "per_day": [12]}
        | {"from": "2025-11-01", "to": "2025-11-04"},
    ],
}
NEWS = {"chat": "@news", "mode": "range", "from": "2025-11-01", "to": "2025-11-03"}
COMMENTED = {**NEWS, "options": {"comments": True}}
FULL_CHANNEL = "channels.getFullChannel"


def days(first: int, last: int) -> list[date]:
    return [date(2025, 11, 1) + timedelta(days=n) for n in range(first - 1, last)]


def check(stage: Stage, folder: str, chat: str | int, wanted: list[date]) -> int:
    """A folder holds just these days, each equal to what the world holds; returns how many messages."""
    found = sorted(path.stem[-10:] for path in stage.data.glob(f"{folder}/*/discussions_*"))
    assert [str(day) for day in wanted] == found
    artifacts = [stage.artifact(folder, day) for day in wanted]
    assert [stage.world.truth(chat, day) for day in wanted] == [a["messages"] for a in artifacts]
    return sum(artifact["message_count"] for artifact in artifacts)


def pages_of(stage: Stage, chat: str) -> int:
    """How many pages of that chat the simulator was asked for."""
    log = stage._http("GET", "/log")
    return len([c for c in log if (c["method"], c["chat"]) == ("messages.getHistory", chat)])


def chat_file(stage: Stage, folder: str) -> dict[str, Any]:
    return dict(json.loads((stage.data / folder / "chat.json").read_bytes()))


def test_comments_are_the_days_of_the_group_they_are_written_in(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker()

    end = stage.fetch(**COMMENTED)

    posts, comments = check(stage, "news", "news", days(1, 3)), check(
        stage, "news_talk", "news_talk", days(1, 3)
    )
    assert ("completed", posts + comments) == (end["event"], end["processed"])
    copies = [
        message
        for day in days(1, 3)
        for message in stage.artifact("news_talk", day)["messages"]
        if (message["forward_from"] or {}).get("from_id") == stage.world.chat("news").marked_id
    ]
    threads = {
        m["thread_id"] for d in days(1, 3) for m in stage.artifact("news_talk", d)["messages"]
    }
    assert copies and threads & {copy["id"] for copy in copies}
    assert 1 == stage.requests(FULL_CHANNEL)

    asked = stage.stats()["total"]
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    worker = stage.worker()
    again = stage.fetch(**COMMENTED)

    assert ("completed", 0) == (again["event"], again["processed"])
    # The account is checked at the start; nothing else is asked.
    assert asked + 1 == stage.stats()["total"]


def test_a_group_and_what_it_became_are_fetched_by_either(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.worker()

    end = stage.fetch(chat="@club", mode="range", **{"from": "2025-11-02", "to": "2025-11-06"})

    club, group = chat_file(stage, "club"), chat_file(stage, f"group.{CLUB_ID}")
    count = check(stage, "club", "club", days(2, 6))
    count += check(stage, f"group.{CLUB_ID}", -CLUB_ID, days(2, 4))
    assert ("completed", count) == (end["event"], end["processed"])
    assert (-CLUB_ID, club["id"]) == (club["migrated_from"], group["migrated_to"])
    assert 0 == stage.requests(FULL_CHANNEL)

    end = stage.fetch(chat=-CLUB_ID, mode="range", **{"from": "2025-11-01", "to": "2025-11-06"})

    assert "completed" == end["event"]
    assert len(stage.world.truth(-CLUB_ID, date(2025, 11, 1))) == end["processed"]
    check(stage, f"group.{CLUB_ID}", -CLUB_ID, days(1, 4))
    asked = stage.stats()["total"]
    for chat in ("@club", -CLUB_ID):
        end = stage.fetch(chat=chat, mode="range", **{"from": "2025-11-01", "to": "2025-11-06"})
        assert "completed" == end["event"]
    # The supergroup's first day was not commanded before; it is before its beginning, and empty.
    assert stage.stats()["total"] - asked <= 5
    check(stage, "club", "club", days(1, 6))


@pytest.mark.expects_errors
def test_comments_that_cannot_be_read_fail_when_the_channel_is_safe(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.change("news_talk", private=True)
    stage.worker()

    end = stage.fetch(**COMMENTED)

    assert ("failed", "channel_private") == (end["event"], end["error_type"])
    assert "The days of @news are saved" in end["error"]
    assert end["processed"] == check(stage, "news", "news", days(1, 3))


def test_a_worker_that_is_stopped_between_the_two_goes_on_with_the_second(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(WORLD)
    # Slow where the group begins, so that the signal comes in its first page.
    stage.faults({"method": "messages.getHistory", "chat": "news_talk", "delay_ms": 700, "nth": 1})
    worker = stage.worker()
    command = stage.push(**COMMENTED)
    wait_until(lambda: pages_of(stage, "@news_talk"))
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    sealed, asked = stage.hashes("news/**/discussions_*"), pages_of(stage, "@news")

    stage.worker()
    end = stage.final(command)

    assert ("completed", 3) == (end["event"], len(sealed))
    assert sealed == stage.hashes("news/**/discussions_*")
    assert asked == pages_of(stage, "@news")
    check(stage, "news_talk", "news_talk", days(1, 3))
    progress = json.loads((stage.data / "progress.json").read_bytes())
    assert ([], []) == (progress["commands"], progress["days"])


def test_a_second_chat_that_is_busy_parks_the_command(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.faults({"method": "messages.getHistory", "chat": "news_talk", "delay_ms": 2500, "nth": 1})
    stage.worker()
    other = stage.push(chat="@news_talk", mode="date", date="2025-11-01")
    wait_until(lambda: pages_of(stage, "@news_talk"))
    command = stage.push(**COMMENTED)
    waiting = next(event for event in stage.events() if event["status"] == "waiting")
    asked = pages_of(stage, "@news")

    assert {"completed"} == {stage.final(id)["event"] for id in (command, other)}
    assert (command, "chat_busy") == (waiting["command_id"], waiting["error_type"])
    assert asked == pages_of(stage, "@news")
    check(stage, "news", "news", days(1, 3))
    check(stage, "news_talk", "news_talk", days(1, 3))


def test_a_renamed_chat_keeps_its_folder_and_answers_to_both_names(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.worker()
    stage.fetch(**NEWS)
    old = stage.hashes()
    stage.change("news", username="latest", title="Latest")

    # The session has not heard of it: the old name still is the chat, and its page tells the new one.
    unheard = stage.fetch(**{**NEWS, "from": "2025-11-03", "to": "2025-11-04"})
    renamed = stage.fetch(**{**NEWS, "options": {"force": True}, "to": "2025-11-01"})

    assert ("completed", "completed") == (unheard["event"], renamed["event"])
    file = chat_file(stage, "news")
    assert (("news", "News"), ("latest", "Latest")) == tuple(
        (seen["username"], seen["title"]) for seen in file["history"]
    )
    again = stage.artifact("news", date(2025, 11, 1))
    assert {"@latest"} == {again["chat"], *(message["chat"] for message in again["messages"])}
    assert stage.world.truth("latest", date(2025, 11, 1)) == again["messages"]
    untouched = "news/2025/discussions_2025-11-02.json"
    assert old[untouched] == stage.hashes()[untouched]

    by_new = stage.fetch(**{**NEWS, "chat": "https://t.me/Latest"})
    assert ("completed", 0) == (by_new["event"], by_new["processed"])
    assert ["news"] == [path.parent.name for path in stage.data.glob("*/chat.json")]


@pytest.mark.expects_errors
def test_a_name_that_another_chat_has_now_fails_and_mixes_nothing(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.worker()
    stage.fetch(**NEWS)
    before = stage.hashes()
    stage.change("news", username="latest")
    stage.change("news_talk", username="news")
    stage.fetch(**{**NEWS, "chat": "@latest", "from": "2025-11-04", "to": "2025-11-04"})

    end = stage.fetch(**{**NEWS, "to": "2025-11-05"})

    assert ("failed", "chat_identity_changed") == (end["event"], end["error_type"])
    assert before == {path: sha for path, sha in stage.hashes().items() if path in before}


def test_a_channel_without_a_name_keeps_its_folder_when_it_gets_one(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.worker()
    fetch = {"mode": "range", "from": "2025-11-01", "to": "2025-11-02"}
    ways = ["-1001555000111", "t.me/c/1555000111", 1555000111]
    ends = [stage.fetch(chat=chat, **fetch) for chat in ways]
    count = check(stage, "channel.1555000111", -1001555000111, days(1, 2))
    assert [("completed", n) for n in (count, 0, 0)] == [(e["event"], e["processed"]) for e in ends]

    stage.change(1555000111, username="not_quiet")
    end = stage.fetch(chat="@not_quiet", **{**fetch, "to": "2025-11-03"})

    assert "completed" == end["event"]
    assert stage.world.truth("not_quiet", date(2025, 11, 3)) == (
        stage.artifact("channel.1555000111", date(2025, 11, 3))["messages"]
    )
    assert "not_quiet" == chat_file(stage, "channel.1555000111")["username"]
