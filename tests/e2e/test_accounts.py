"""An account that can't work, or lives elsewhere now, seen from outside: the event, the log line, the exit code.

A worker whose account is unusable ends with 3 and leaves its commands to others. One that Telegram sends to another
data center goes there, and stays.
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from datetime import date
from itertools import count
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import Stage

HISTORY = "messages.getHistory"
DAY = date(2025, 11, 1)
PER_DAY = 250
CHATS = 20
ACCOUNTS = 5
ONE_DAY = {"mode": "date", "date": str(DAY)}
PARKED = "{tg_commands}:parked"
QUICK = {"BACKOFF_BASE_SECONDS": "0.01", "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "1000"}


@pytest.fixture(scope="module")
def whole_stage(shared_stage: MakeStage) -> Stage:
    days = {"from": str(DAY), "to": str(DAY), "per_day": [PER_DAY]}
    chats = [
        {"username": f"chat_{n:02}", "type": "supergroup", "plain": True, **days}
        for n in range(CHATS)
    ]
    more = [word for n in range(ACCOUNTS) for word in ("--env-file", f"account_{n}.env")]
    return shared_stage({"seed": 11, "chats": chats}, *more)


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    """With an empty Redis; afterwards no worker is left, and all is well again."""
    whole_stage.redis.flushall()
    yield whole_stage
    for process in whole_stage.processes[1:]:
        process.close()
    whole_stage.calm()


@pytest.fixture(scope="module")
def chats() -> Iterator[str]:
    """Chats that nobody has asked for yet."""
    return (f"chat_{n:02}" for n in count())


def session(stage: Stage, account: int) -> str:
    return str(stage.folder / f"account_{account}.env.session")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("AUTH_KEY_UNREGISTERED", "tgworker login"),
        ("AUTH_KEY_DUPLICATED", "use it in one place only"),
        ("SESSION_REVOKED", "tgworker login"),
        ("USER_DEACTIVATED_BAN", "recover@telegram.org"),
        ("FROZEN_METHOD_INVALID", "@SpamBot"),
    ],
)
def test_a_worker_whose_account_can_not_work_exits_3_and_leaves_its_command(
    stage: Stage, chats: Iterator[str], name: str, advice: str
) -> None:
    stage.faults({"method": HISTORY, "nth": 2, "error": name})
    command_id = stage.push(chat=f"@{next(chats)}", **ONE_DAY)

    worker = stage.worker()

    assert 3 == worker.wait()
    [line] = worker.errors()
    assert ("account.unusable", "critical", name.lower(), command_id) == (
        line["event"],
        line["level"],
        line["error_type"],
        line["command_id"],
    )
    assert advice in line["error"]
    told = stage.events_of(command_id)
    assert ["started", "progress"] == [event["event"] for event in told][:2]
    assert ("progress", "waiting", name.lower(), line["error"]) == (
        told[-1]["event"],
        told[-1]["status"],
        told[-1]["error_type"],
        told[-1]["error"],
    )
    [job] = stage.redis.zrange(PARKED, 0, -1)
    assert b"0" == stage.redis.hget(f"{{tg_commands}}:job:{int(job)}", "deliveries")
    assert 3 == worker.lines("shutdown.end")[0]["exit_code"]


def test_a_worker_that_starts_with_such_an_account_claims_nothing(stage: Stage) -> None:
    stage.faults({"method": "users.getUsers", "error": "SESSION_REVOKED"})
    command_id = stage.push(chat="@chat_00", **ONE_DAY)

    worker = stage.run("run")

    assert 3 == worker.wait()
    [line] = worker.errors()
    assert ("account.unusable", "critical", "session_revoked", 3) == (
        line["event"],
        line["level"],
        line["error_type"],
        line["exit_code"],
    )
    assert "tgworker login" in line["error"]
    assert 1 == stage.redis.llen("tg_commands")
    assert [] == stage.events_of(command_id)
    assert [] == worker.lines("worker.ready")


@pytest.mark.parametrize(
    ("fault", "error_type"),
    [
        ({"method": "users.getUsers", "error": "USER_DEACTIVATED_BAN"}, "user_deactivated_ban"),
        ({"method": HISTORY, "nth": 2, "error": "SESSION_REVOKED"}, "session_revoked"),
    ],
    ids=["from the start", "in the middle"],
)
def test_a_one_shot_run_with_such_an_account_fails_every_chat_and_exits_3(
    stage: Stage, chats: Iterator[str], fault: dict[str, Any], error_type: str
) -> None:
    stage.faults(fault)

    run = stage.run("fetch", next(chats), next(chats), "--date", str(DAY), FETCH_CONCURRENCY="1")

    assert 3 == run.wait()
    ends = [event for event in run.lines() if event["event"] == "failed"]
    assert [error_type] * 2 == [event["error_type"] for event in ends]
    assert 2 == len({event["chat"] for event in ends})
    [line] = [json.loads(line) for line in run.stderr.read_text().splitlines()]
    assert ("account.unusable", "critical", error_type) == (
        line["event"],
        line["level"],
        line["error_type"],
    )


def test_of_two_workers_one_loses_its_account_and_the_other_does_all_commands(
    stage: Stage, chats: Iterator[str]
) -> None:
    names = [next(chats) for _ in range(4)]
    stage.faults(
        {"method": HISTORY, "nth": 3, "revoke_key": True}, {"method": HISTORY, "delay_ms": 20}
    )
    workers = [
        stage.worker(TELEGRAM_SESSION=session(stage, n), WORKER_ID=f"w-{n}", FETCH_CONCURRENCY="1")
        for n in range(2)
    ]

    ends = [
        stage.final(command_id)
        for command_id in [stage.push(chat=f"@{name}", **ONE_DAY) for name in names]
    ]

    assert [("completed", None)] * 4 == [(e["event"], e.get("error_type")) for e in ends]
    for name in names:
        assert PER_DAY == stage.check_against_truth(name)
    lost, *others = [worker for worker in workers if worker.lines("account.unusable")]
    assert [] == others
    assert 3 == lost.wait()
    [line] = lost.errors()
    assert "auth_key_not_found" == line["error_type"]
    [sound] = [worker for worker in workers if worker is not lost]
    assert 1 == max(line["deliveries"] for line in sound.lines("command.claimed"))
    sound.signal(signal.SIGTERM)
    assert 0 == sound.wait()
    assert [] == sound.errors()


@pytest.mark.parametrize(("account", "name"), [(2, "USER_MIGRATE_4"), (3, "NETWORK_MIGRATE_4")])
def test_a_worker_is_moved_to_another_data_center_and_its_next_start_goes_there_straight(
    stage: Stage, chats: Iterator[str], account: int, name: str
) -> None:
    stage.faults({"method": HISTORY, "dc": 2, "error": name})
    settings = {"TELEGRAM_SESSION": session(stage, account), **QUICK}
    first_chat, second_chat = next(chats), next(chats)

    worker = stage.worker(**settings)
    first = stage.fetch(chat=f"@{first_chat}", **ONE_DAY)
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    moved = stage.requests("auth.importAuthorization")
    stage.faults({"dc": 2, "error": "INTERNAL"})
    restarted = stage.worker(**settings)
    second = stage.fetch(chat=f"@{second_chat}", **ONE_DAY)
    restarted.signal(signal.SIGTERM)

    assert 0 == restarted.wait()
    assert [("completed", PER_DAY)] * 2 == [(e["event"], e["processed"]) for e in (first, second)]
    assert PER_DAY == stage.check_against_truth(first_chat)
    assert [4] == [line["data_center"] for line in worker.lines("telegram.moved")]
    assert (1, 1) == (moved, stage.requests("auth.importAuthorization"))
    assert {"error": 1} == stage.stats()["faults"]
    for process in (worker, restarted):
        assert [] == process.errors() + process.lines("telegram.retry")


def test_a_move_whose_key_exchange_is_spoiled_is_tried_again(
    stage: Stage, chats: Iterator[str]
) -> None:
    stage.faults(
        {"method": HISTORY, "dc": 2, "error": "USER_MIGRATE_4"},
        {"method": "req_pq_multi", "times": 1, "garbage": True},
        {"method": "set_client_DH_params", "times": 1, "garbage": True},
    )
    chat = next(chats)
    worker = stage.worker(TELEGRAM_SESSION=session(stage, 4), **QUICK)

    end = stage.fetch(chat=f"@{chat}", **ONE_DAY)
    worker.signal(signal.SIGTERM)

    assert 0 == worker.wait()
    assert ("completed", PER_DAY) == (end["event"], end["processed"])
    assert PER_DAY == stage.check_against_truth(chat)
    assert {"error": 3, "garbage": 2} == stage.stats()["faults"]
    assert ["network"] * 2 == [line["error_type"] for line in worker.lines("telegram.retry")]
    assert 1 == len(worker.lines("telegram.moved"))
    assert [] == worker.errors()
