"""How hard Telegram is used, seen from its side: through real processes, over TCP, in the simulator's log."""

from __future__ import annotations

import shutil
import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage

DAYS = {"from": "2025-11-01", "to": "2025-11-04"}
RANGE = {"mode": "range", "strategy": "per_day", **DAYS}
HISTORY = "messages.getHistory"
PACED = {HISTORY, "contacts.resolveUsername", "channels.getFullChannel"}


def world(*names: str, per_day: int = 40) -> dict[str, Any]:
    chat = {"type": "channel", "per_day": [per_day], "plain": True, **DAYS}
    return {"seed": 5, "chats": [{**chat, "username": name, "title": name} for name in names]}


def log_of(stage: Stage, *methods: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = stage._http("GET", "/log")
    return [entry for entry in entries if entry["method"] in (methods or PACED)]


def calls_inside_flood_waits(stage: Stage) -> list[dict[str, Any]]:
    """The calls of a method that came before its flood wait was over."""
    inside = []
    ends: dict[str, float] = {}
    for entry in log_of(stage):
        if entry["seconds"] < ends.get(entry["method"], 0):
            inside.append(entry)
        name, _, seconds = entry["outcome"].rpartition("_")
        if name.endswith("WAIT"):
            ends[entry["method"]] = entry["seconds"] + max(1, int(seconds))
    return inside


def check_rate(stage: Stage, rate: float, burst: int, chats: int = 1) -> None:
    """No window of time saw more than burst and rate allow.

    Each of the chats that are fetched at once may have a request on its way, which was sent before the window began.
    """
    log = log_of(stage)
    for n, first in enumerate(log):
        for count, last in enumerate(log[n:], start=1):
            assert count <= burst + chats + rate * (last["seconds"] - first["seconds"])


def waits(stage: Stage, command_id: str) -> list[dict[str, Any]]:
    """The events in which a command says that it waits."""
    return [event for event in stage.events_of(command_id) if event["status"] == "waiting"]


def first_wait(stage: Stage, command_id: str) -> dict[str, Any]:
    """The first of these events, as soon as it is there: what the log says is told a moment later."""
    for event in stage.events():
        if event["command_id"] == command_id and event["status"] == "waiting":
            return event
    raise AssertionError("unreachable")


def expire_leases(stage: Stage) -> None:
    """As if the lease of the killed worker had ended by now."""
    for member in stage.redis.zrange("{tg_commands}:lease", 0, -1):
        stage.redis.zadd("{tg_commands}:lease", {member: 1})


def test_a_flood_wait_outlives_a_kill_and_holds_in_another_worker(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    """Both are ready before it comes: how long a process takes to start must not matter."""
    stage = make_stage(world("news"))
    stage.faults({"method": HISTORY, "nth": 2, "error": "FLOOD_WAIT_5"})
    workers = {}
    for name in ("fetcher-1", "fetcher-2"):
        session = (
            tmp_path / f"{name}.session"
        )  # of the same account, and without the other's memory
        shutil.copy(stage.env["TELEGRAM_SESSION"], session)
        workers[name] = stage.worker(
            TELEGRAM_SESSION=str(session),
            WORKER_ID=name,
            REDIS_BLOCK_SECONDS="0.2",
            FLOOD_WAIT_JITTER_SECONDS="0",
            PROGRESS_INTERVAL_SECONDS="1",
        )
    command_id = stage.push(chat="@news", **RANGE)
    first = workers.pop(first_wait(stage, command_id)["worker_id"])
    line = first.wait_line("telegram.flood_wait")
    assert (HISTORY, 5, command_id) == (line["method"], line["wait_seconds"], line["command_id"])
    first.signal(signal.SIGKILL)
    first.wait()
    expire_leases(stage)

    [(other, second)] = workers.items()
    assert "completed" == stage.final(command_id)["event"]

    remembered = second.wait_line("telegram.flood_remembered")
    assert HISTORY == remembered["method"]
    assert 0 < remembered["wait_seconds"] <= 5
    told, *again = waits(stage, command_id)
    assert "flood_wait" == told["error_type"]
    rest = datetime.fromisoformat(told["resume_at"]) - datetime.fromisoformat(told["ts"])
    assert 4 < rest.total_seconds() <= 5
    assert [other] == [event["worker_id"] for event in again]
    assert [] == calls_inside_flood_waits(stage)
    assert 160 == stage.check_against_truth("news")
    second.signal(signal.SIGTERM)
    assert 0 == second.wait()


def test_a_one_shot_run_remembers_in_its_session(make_stage: MakeStage) -> None:
    stage = make_stage(world("news"))
    stage.faults({"method": HISTORY, "nth": 2, "error": "FLOOD_WAIT_600"})
    args = ("fetch", "@news", "--from", DAYS["from"], "--to", DAYS["to"], "--json")

    for _ in range(2):
        run = stage.run(*args, REDIS_URL="redis://127.0.0.1:1")

        assert 1 == run.wait()
        end = run.lines()[-1]
        assert ("waiting", "flood_wait") == (end["status"], end["error_type"])
        assert 2 == stage.requests(HISTORY)


def test_a_wait_that_is_too_long_parks_and_the_next_command_does_not_even_ask(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(world("news", "board"))
    stage.faults({"method": HISTORY, "error": "FLOOD_WAIT_86400"})
    worker = stage.worker(FETCH_CONCURRENCY="1")

    commands = [stage.push(chat=chat, **RANGE) for chat in ("@news", "@board")]

    for command_id in commands:
        event = first_wait(stage, command_id)
        rest = datetime.fromisoformat(event["resume_at"]) - datetime.fromisoformat(event["ts"])
        assert "flood_wait" == event["error_type"]
        assert 86390 < rest.total_seconds() <= 86406
    assert 1 == stage.requests(HISTORY)
    assert 1 == len(worker.lines("telegram.flood_wait"))
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    assert 2 == stage.redis.zcard("{tg_commands}:parked")


@pytest.mark.expects_errors
def test_a_wait_that_is_too_long_fails_where_that_is_wished(make_stage: MakeStage) -> None:
    stage = make_stage(world("news"))
    stage.faults({"method": HISTORY, "error": "FLOOD_WAIT_600"})
    worker = stage.worker(FLOOD_WAIT_STRATEGY="fail")

    end = stage.fetch(chat="@news", **RANGE)

    assert ("failed", "flood_wait") == (end["event"], end["error_type"])
    assert f"Telegram asks to wait 600 s before the next {HISTORY}." == end["error"]
    assert "flood_wait" == worker.wait_line("command.failed")["error_type"]
    assert 1 == stage.requests(HISTORY)


def test_every_kind_of_wait_is_kept_and_the_rate_gives_way(make_stage: MakeStage) -> None:
    stage = make_stage(world("news"))
    kinds = ["FLOOD_WAIT_0", "FLOOD_PREMIUM_WAIT_1", "SLOWMODE_WAIT_1"]
    stage.faults(
        *({"method": HISTORY, "nth": 1 + n, "times": 1, "error": e} for n, e in enumerate(kinds))
    )
    worker = stage.worker(FLOOD_WAIT_JITTER_SECONDS="0")

    assert "completed" == stage.fetch(chat="@news", **RANGE)["event"]

    assert [1, 1, 1] == [line["wait_seconds"] for line in worker.lines("telegram.flood_wait")]
    rates = [line["requests_per_second"] for line in worker.lines("telegram.pace")]
    assert [500, 250, 125] == rates
    assert [] == calls_inside_flood_waits(stage)
    assert set(kinds) <= {entry["outcome"] for entry in log_of(stage)}


def test_the_rate_is_kept_and_shared_by_the_chats(make_stage: MakeStage) -> None:
    stage = make_stage(world("news", "board", per_day=1300))
    rate, burst = 8, 3
    stage.worker(
        REQUESTS_PER_SECOND=str(rate), REQUEST_BURST=str(burst), RATE_LIMIT_STRATEGY="fixed"
    )

    # One day each, so that between its pages a chat has nothing to do but wait for its turn.
    day = {"mode": "date", "date": DAYS["from"]}
    commands = [stage.push(chat=chat, **day) for chat in ("@news", "@board")]
    assert {"completed"} == {stage.final(command_id)["event"] for command_id in commands}

    check_rate(stage, rate, burst, chats=2)
    chats = [entry["chat"] for entry in log_of(stage, HISTORY)]
    ends = [len(chats) - chats[::-1].index(chat) for chat in ("@news", "@board")]
    together = chats[max(map(chats.index, ("@news", "@board"))) : min(ends)]
    assert len(together) > 10
    assert abs(together.count("@news") - together.count("@board")) <= 3


def test_a_rough_world_gives_what_it_holds_and_no_call_comes_too_early(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(world("news", per_day=400))
    stage.faults(
        {"method": HISTORY, "every": 5, "error": "FLOOD_WAIT_1"},
        {"method": HISTORY, "probability": 0.1, "seed": 2, "drop": "before"},
        {"method": HISTORY, "probability": 0.1, "seed": 3, "error": "INTERNAL"},
    )
    rate, burst = 20, 2
    stage.worker(
        REQUESTS_PER_SECOND=str(rate),
        REQUEST_BURST=str(burst),
        RATE_LIMIT_STRATEGY="fixed",
        FLOOD_WAIT_JITTER_SECONDS="0",
        BACKOFF_BASE_SECONDS="0.01",
    )

    assert "completed" == stage.fetch(chat="@news", **RANGE)["event"]

    outcomes = {entry["outcome"] for entry in log_of(stage, HISTORY)}
    assert {"ok", "FLOOD_WAIT_1", "INTERNAL"} < outcomes
    assert [] == calls_inside_flood_waits(stage)
    check_rate(stage, rate, burst)
    assert 1600 == stage.check_against_truth("news")


def test_the_breaker_opens_while_telegram_is_down_and_every_command_is_done_after_it(
    make_stage: MakeStage,
) -> None:
    stage = make_stage(world("news", "board"))
    worker = stage.worker(
        # One at a time, so that no error meets a request that was under way when the breaker opened.
        FETCH_CONCURRENCY="1",
        CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS="1.5",
        BACKOFF_BASE_SECONDS="0.01",
    )

    for chat in ("@news", "@board"):  # known, each probe is for a page: a look-up would succeed
        stage.fetch(chat=chat, mode="date", date=DAYS["from"])
    stage._http("POST", "/reset")
    stage.faults({"method": HISTORY, "error": "INTERNAL", "times": 6})

    commands = [stage.push(chat=chat, **RANGE) for chat in ("@news", "@board")]
    assert {"completed"} == {stage.final(command_id)["event"] for command_id in commands}

    for command_id in commands:
        assert {"breaker_open"} == {event["error_type"] for event in waits(stage, command_id)}
    moves = [line["event"] for line in worker.lines() if line["event"].startswith("breaker.")]
    opening = ["breaker.opened", "breaker.half_open"]
    assert [*opening, *opening, "breaker.closed"] == moves
    assert {"breaker_open"} == {line["error_type"] for line in worker.lines("command.parked")}
    log = log_of(stage, HISTORY)
    assert 6 == [entry["outcome"] for entry in log].count("INTERNAL")
    assert log[5]["seconds"] - log[4]["seconds"] >= 1.4
    assert log[6]["seconds"] - log[5]["seconds"] >= 1.4
    assert 160 == stage.check_against_truth("news") == stage.check_against_truth("board")
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()


def test_a_one_shot_run_rests_while_the_breaker_is_open(make_stage: MakeStage) -> None:
    stage = make_stage(world("news"))
    stage.faults({"method": HISTORY, "drop": "before", "times": 6})
    fetch = stage.run(
        *("fetch", "@news", "--from", DAYS["from"], "--to", DAYS["to"], "--json"),
        CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS="1.2",
        BACKOFF_BASE_SECONDS="0.01",
    )

    assert 0 == fetch.wait()

    rests = [line for line in fetch.lines() if line["status"] == "waiting"]
    assert ["breaker_open", "breaker_open"] == [line["error_type"] for line in rests]
    assert 160 == stage.check_against_truth("news")


def test_a_page_that_failed_is_asked_for_again_from_the_same_place(make_stage: MakeStage) -> None:
    stage = make_stage(world("news", per_day=250))
    stage.faults(
        {"method": HISTORY, "nth": 4, "drop": "after"},
        {"method": HISTORY, "nth": 7, "error": "INTERNAL"},
        {"method": HISTORY, "nth": 9, "error": "TIMEOUT"},
    )
    worker = stage.worker(BACKOFF_BASE_SECONDS="0.01")

    assert "completed" == stage.fetch(chat="@news", **{**RANGE, "strategy": "batch"})["event"]

    log = log_of(stage, HISTORY)
    failed = [n for n, entry in enumerate(log) if entry["outcome"] != "ok"]
    assert 3 == len(failed) == len(worker.lines("telegram.retry"))
    for n, entry in enumerate(log[:-1]):
        assert (n in failed) == (entry["args"] == log[n + 1]["args"])
    assert 1000 == stage.check_against_truth("news")
