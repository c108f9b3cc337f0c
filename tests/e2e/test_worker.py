"""The main job: a command in Redis becomes day files on disk and events, through real processes and real TCP."""

from __future__ import annotations

import json
import signal
import time
from datetime import date, timedelta
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage
from tgworker.core.schemas import validator

PER_DAY = [0, 1, 99, 100, 101, 271]
WORLD: dict[str, Any] = {
    "seed": 7,
    "chats": [
        {
            "username": "ru_python",
            "title": "Python",
            "type": "supergroup",
            "from": "2025-11-01",
            "to": "2025-11-10",
            "per_day": PER_DAY,
        }
    ],
}
RANGE = {"mode": "range", "from": "2025-11-01", "to": "2025-11-10"}
COUNT = sum((PER_DAY * 2)[:10])


def big_world(per_day: int = 5000) -> dict[str, Any]:
    chat = {"username": "big_chat", "type": "channel", "from": "2025-11-01", "to": "2025-11-01"}
    return {"seed": 3, "chats": [{**chat, "title": "Big", "plain": True, "per_day": [per_day]}]}


BIG = {"chat": "@big_chat", "mode": "date", "date": "2025-11-01"}


@pytest.mark.parametrize("type", ["supergroup", "channel", "forum", "group"])
def test_a_range_becomes_what_the_world_holds(make_stage: MakeStage, type: str) -> None:
    world = {**WORLD, "chats": [{**WORLD["chats"][0], "type": type}]}
    if type == "group":
        world["chats"][0] = {**world["chats"][0], "id": 4242}
        del world["chats"][0]["username"]
    stage = make_stage(world)
    stage.worker()
    chat, folder = ("-4242", "group.4242") if type == "group" else ("@ru_python", "ru_python")

    end = stage.fetch(chat=chat, **RANGE)

    assert ("completed", COUNT, 0) == (end["event"], end["processed"], end["errors"])
    for day in (date(2025, 11, 1) + timedelta(days=n) for n in range(10)):
        artifact = stage.artifact(folder, day)
        assert stage.world.truth(chat.lstrip("@") if type != "group" else -4242, day) == (
            artifact["messages"]
        )
        validator("artifact").validate(artifact)
    index = json.loads((stage.data / folder / "2025" / "index.json").read_bytes())
    validator("index").validate(index)
    assert 10 == len(index["days"])


def test_the_same_command_again_costs_no_request_and_changes_no_byte(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(WORLD)
    stage.worker()
    stage.fetch(chat="@ru_python", **RANGE)
    before, asked = stage.hashes(), stage.stats()["total"]
    assert 10 == len(before)

    again = stage.fetch(chat="https://t.me/Ru_Python", **RANGE)

    assert ("completed", 0) == (again["event"], again["processed"])
    assert asked == stage.stats()["total"]
    assert before == stage.hashes()
    assert COUNT == stage.check_against_truth("ru_python")


SPANS = [(1, 10), (3, 3), (4, 4), (9, 10), (10, 10)]
"""Of days with counts around whole pages, at the chat's beginning, in its middle and at its end."""


def test_a_batch_costs_three_requests_more_than_its_pages_at_most(make_stage: MakeStage) -> None:
    """From a process that has just started and knows the chat; whatever Telegram is asked for counts."""
    per_day = [1, 30, 99, 100, 101, 250, 271, 300, 20, 500]
    chat = {**WORLD["chats"][0], "per_day": per_day, "plain": True}
    stage = make_stage({**WORLD, "chats": [chat]})
    met = stage.run("fetch", "ru_python", "--date", "2025-10-20")
    assert 0 == met.wait()

    for first, last in SPANS:
        stage._http("POST", "/reset")
        days = ("--from", f"2025-11-{first:02}", "--to", f"2025-11-{last:02}")
        batch = ("--strategy", "batch")
        run = stage.run("fetch", "ru_python", *days, *batch, DATA_DIR=f"{first}-{last}")
        assert 0 == run.wait()

        count = sum(per_day[first - 1 : last])
        assert stage.stats()["total"] <= -(-count // 100) + 3, (first, last)


def test_strategies_and_formats_hold_the_same_messages(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker()
    stage.fetch(chat="@ru_python", strategy="batch", **RANGE)
    reference = stage.hashes()
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    json_data = stage.data

    stage.data = stage.folder / "per_day"
    worker = stage.worker()
    stage.fetch(chat="@ru_python", strategy="per_day", **RANGE)
    assert reference == stage.hashes()
    worker.signal(signal.SIGTERM)
    worker.wait()

    stage.data = stage.folder / "jsonl"
    stage.worker(ARTIFACT_FORMAT="jsonl")
    stage.fetch(chat="@ru_python", strategy="sequential", **RANGE)
    for path in sorted(json_data.glob("*/*/discussions_*.json")):
        lines = (stage.data / path.relative_to(json_data)).with_suffix(".jsonl").read_bytes()
        messages = [json.loads(line) for line in lines.splitlines()]
        assert all(m.pop("schema_version") == "1.0.0" for m in messages)
        assert all(m.pop("timezone") == "UTC" for m in messages)
        assert json.loads(path.read_bytes())["messages"] == messages


FAULTS = {
    "short pages": [{"method": "messages.getHistory", "every": 2, "short": 37}],
    "short pages that lose their oldest": [
        {"method": "messages.getHistory", "every": 3, "short": 10, "short_end": "oldest"}
    ],
    "repeated pages": [{"method": "messages.getHistory", "every": 3, "repeat": True}],
    "empty pages": [{"method": "messages.getHistory", "every": 4, "empty": True}],
    "ids out of order": [{"method": "messages.getHistory", "every": 2, "shuffle": True}],
    "dropped connections": [
        {"method": "messages.getHistory", "every": 5, "drop": "before"},
        {"method": "messages.getHistory", "every": 7, "drop": "after"},
    ],
    "errors": [{"method": "messages.getHistory", "every": 4, "error": "INTERNAL"}],
    "a flood wait": [{"method": "messages.getHistory", "nth": 3, "error": "FLOOD_WAIT_1"}],
}


@pytest.mark.parametrize("kind", FAULTS)
def test_an_unreliable_telegram_loses_nothing(make_stage: MakeStage, kind: str) -> None:
    chat = WORLD["chats"][0]
    twin = {**chat, "username": "twin_chat", "type": "channel"}
    stage = make_stage({**WORLD, "chats": [chat, twin], "faults": FAULTS[kind]})
    stage.worker(FLOOD_WAIT_JITTER_SECONDS="0", BACKOFF_BASE_SECONDS="0.01")

    ids = [
        stage.push(chat="@ru_python", strategy="batch", **RANGE),
        stage.push(chat="@twin_chat", strategy="per_day", **RANGE),
    ]

    for command_id, folder in zip(ids, ("ru_python", "twin_chat"), strict=True):
        end = stage.final(command_id)
        assert ("completed", COUNT) == (end["event"], end["processed"])
        assert COUNT == stage.check_against_truth(folder)
    assert stage.stats()["faults"]


def test_a_killed_worker_costs_a_page_at_most(make_stage: MakeStage) -> None:
    stage = make_stage(big_world())
    worker = stage.worker()
    stage.fetch(**BIG)
    reference, undisturbed = stage.hashes(), stage.requests()
    worker.signal(signal.SIGTERM)
    worker.wait()
    stage.data = stage.folder / "killed"
    stage.faults({"method": "messages.getHistory", "delay_ms": 20})
    worker = stage.worker(LEASE_SECONDS="15", PROGRESS_INTERVAL_SECONDS="0")
    command_id = stage.push(**BIG)
    part = stage.data / "big_chat" / "2025" / ".discussions_2025-11-01.part.jsonl"
    wait_until(lambda: part.exists() and part.stat().st_size > 500_000)

    worker.signal(signal.SIGKILL)
    assert -signal.SIGKILL == worker.wait()
    assert not list(stage.data.glob("**/discussions_*"))
    expire_leases(stage)
    stage.worker()

    end = stage.final(command_id)
    assert ("completed", 5000) == (end["event"], end["processed"])
    assert reference == stage.hashes()
    assert stage.requests() - undisturbed <= undisturbed + 1
    assert not part.exists()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL])
def test_a_limit_holds_however_a_worker_ends(make_stage: MakeStage, sign: signal.Signals) -> None:
    """What it saved counts, what a killed one had no time to note included."""
    stage = make_stage(big_world(2000))
    stage.faults({"method": "messages.getHistory", "delay_ms": 30})
    worker = stage.worker()
    command_id = stage.push(**BIG, limit=1500)
    part = stage.data / "big_chat" / "2025" / ".discussions_2025-11-01.part.jsonl"
    wait_until(lambda: part.exists() and part.stat().st_size > 200_000)
    worker.signal(sign)
    worker.wait()
    expire_leases(stage)
    stage.worker()
    end = stage.final(command_id)

    assert ("completed", 1500) == (end["event"], end["processed"])
    artifact = json.loads((part.parent / "discussions_2025-11-01.json").read_bytes())
    assert 1500 == artifact["message_count"] == len(artifact["messages"])


def test_a_terminated_worker_parks_its_command_and_the_next_one_finishes_it(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(big_world())
    worker = stage.worker()
    stage.fetch(**BIG)
    reference, undisturbed = stage.hashes(), stage.requests()
    worker.signal(signal.SIGTERM)
    worker.wait()
    stage.data = stage.folder / "terminated"
    stage.faults({"method": "messages.getHistory", "delay_ms": 50})
    worker = stage.worker()
    command_id = stage.push(**BIG)
    part = stage.data / "big_chat" / "2025" / ".discussions_2025-11-01.part.jsonl"
    wait_until(lambda: part.exists() and part.stat().st_size > 200_000)

    asked = stage.requests()
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()

    assert stage.requests() <= asked + 2  # the page in hand, and one that was asked for meanwhile
    assert part.read_bytes().endswith(b"}\n")
    assert 1 == stage.redis.zcard("{tg_commands}:parked")
    progress = json.loads((stage.data / "progress.json").read_bytes())
    validator("progress").validate(progress)
    assert [command_id] == [command["command_id"] for command in progress["commands"]]
    stage.worker()
    end = stage.final(command_id)
    assert ("completed", 5000) == (end["event"], end["processed"])
    assert reference == stage.hashes()
    assert stage.requests() - undisturbed <= undisturbed + 2
    assert not json.loads((stage.data / "progress.json").read_bytes())["commands"]


def test_a_command_that_ended_elsewhere_is_no_open_work_any_more(make_stage: MakeStage) -> None:
    """Another data folder got it; the one where it began learns of that at the next start."""
    stage = make_stage(big_world())
    began, elsewhere = stage.data, stage.folder / "elsewhere"
    stage.faults({"method": "messages.getHistory", "delay_ms": 1000, "times": 1})
    worker = stage.worker()
    command_id = stage.push(**BIG)
    wait_until(lambda: stage.requests() == 1)
    for data in (elsewhere, began):
        worker.signal(signal.SIGTERM)
        worker.wait()
        stage.data = data
        worker = stage.worker()
        assert "completed" == stage.final(command_id)["event"]

    assert [command_id] == worker.wait_line("progress.tidied")["command_ids"]
    assert not json.loads((began / "progress.json").read_bytes())["commands"]


def test_a_second_signal_ends_the_worker_at_once(make_stage: MakeStage) -> None:
    stage = make_stage(big_world(200))
    stage.faults({"method": "messages.getHistory", "delay_ms": 20_000})
    worker = stage.worker()
    stage.push(**BIG)
    worker.wait_line("command.claimed")
    wait_until(lambda: stage.requests() == 1)

    worker.signal(signal.SIGTERM)
    worker.wait_line("shutdown.begin")
    worker.signal(signal.SIGINT)

    assert 130 == worker.wait()


BAD = [
    b"\xff\xfe",
    b"{not json",
    b"[1]",
    b'"text"',
    json.dumps({"command": "fetch", "chat": "@x" * 40_000}).encode(),
    b'{"command":"fetch","chat":"@ru_python","options":' + b"[" * 90 + b"]" * 90 + b"}",
    b'{"command":"fetch","mode":"date","date":"2025-11-07"}',
    b'{"command":"fetch","chat":7.5,"mode":"date","date":"2025-11-07"}',
    b'{"command":"dance","chat":"@ru_python"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"week"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"full","strategy":"fast"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"date","date":"2025-02-30"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"range","from":"2025-11-07","to":"2025-11-01"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"date","date":"2999-01-01"}',
    b'{"command":"fetch","chat":"@ru_python","mode":"days","days":0}',
    b'{"command":"fetch","chat":"@ru_python","mode":"days","days":3661}',
    b'{"command":"fetch","chat":"@ru_python","mode":"days","days":true}',
    b'{"command":"fetch","chat":"@ru_python","mode":"full","date":"2025-11-07"}',
    b'{"command":"fetch","chat":"../x","mode":"full"}',
    b'{"command":"fetch","chat":"a/b","mode":"full"}',
    b'{"command":"fetch","chat":"a\\u0000b","mode":"full"}',
    b'{"command":"fetch","chat":"","mode":"full"}',
]


def test_every_bad_command_is_rejected_and_the_worker_goes_on(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker()
    stage.redis.rpush("tg_commands", *BAD)

    end = stage.fetch(chat="@ru_python", mode="date", date="2025-11-02")

    assert "completed" == end["event"]
    rejected = []
    for event in stage.events():
        if event["command_id"] == end["command_id"] and event["event"] == "completed":
            break
        validator("event").validate(event)
        if event.get("error_type") == "invalid_command":
            rejected.append(event)
    # Two places work side by side, so the good command may overtake the last bad one.
    worker.wait_line("command.rejected", len(BAD))
    assert len(BAD) - 2 <= len(rejected) <= len(BAD)
    for event in rejected:
        assert "failed" == event["event"]
        assert event["errors"] and all(e["path"].startswith("$") for e in event["errors"])
        assert all(e["message"] for e in event["errors"])
    assert sorted(BAD) == sorted(dead_payloads(stage))
    assert ["ru_python"] == [path.parent.name for path in stage.data.glob("*/chat.json")]


def test_the_legacy_form_means_yesterday(make_stage: MakeStage) -> None:
    world = json.loads(json.dumps(WORLD))
    world["chats"][0].update({"from": "-3d", "to": "today", "per_day": [5, 6, 7, 8]})
    stage = make_stage(world)
    stage.worker()
    yesterday = stage.world.days("ru_python")[-2]

    end = stage.fetch(chat="ru_python", days_back=1, strategy="auto", requested_by="user_123")

    assert ("completed", 7) == (end["event"], end["processed"])
    assert stage.world.truth("ru_python", yesterday) == (
        stage.artifact("ru_python", yesterday)["messages"]
    )


def test_today_stays_open_and_full_reaches_it(make_stage: MakeStage) -> None:
    world = json.loads(json.dumps(WORLD))
    world["chats"][0].update({"from": "-3d", "to": "today", "per_day": [5, 6, 7, 8]})
    stage = make_stage(world)
    stage.worker()
    *before, today = stage.world.days("ru_python")

    end = stage.fetch(chat="ru_python", mode="full")

    assert "completed" == end["event"]
    stage.check_against_truth("ru_python", before)
    # A world that reaches to the present lays today's messages before the moment it was made.
    ids = [message["id"] for message in stage.world.truth("ru_python", today)]
    assert ids == [message["id"] for message in stage.artifact("ru_python", today)["messages"]]
    assert not stage.artifact("ru_python", today)["complete"]
    asked = stage.requests()
    assert 0 == stage.fetch(chat="ru_python", mode="date", date=str(today))["processed"]
    assert stage.requests() - asked <= 2


@pytest.mark.expects_errors
def test_a_chat_that_is_not_there_fails_and_the_worker_goes_on(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.worker()

    end = stage.fetch(chat="@nobody_here", **RANGE)

    assert ("failed", "username_not_occupied") == (end["event"], end["error_type"])
    assert end["error"].startswith("Nobody has this username.")
    assert "completed" == stage.fetch(chat="@ru_python", **RANGE)["event"]
    assert ["ru_python"] == [path.name for path in stage.data.iterdir() if path.is_dir()]


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def expire_leases(stage: Stage) -> None:
    """As if the lease of the killed worker had ended by now."""
    for member in stage.redis.zrange("{tg_commands}:lease", 0, -1):
        stage.redis.zadd("{tg_commands}:lease", {member: 1})


def dead_payloads(stage: Stage) -> list[bytes]:
    numbers = [int(n) for n in stage.redis.lrange("{tg_commands}:dead", 0, -1)]
    return [stage.redis.hget(f"{{tg_commands}}:job:{n}", "payload") or b"" for n in numbers]
