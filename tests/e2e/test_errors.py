"""What goes wrong between a worker and Telegram, seen from outside: the event, the log line, the exit code.

One worker meets it all, one chat after the other: whatever happens with one, it has to go on with the next. What ends a
worker is in `test_accounts`.
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
from tests.e2e.stage import Process, Stage

HISTORY, RESOLVE = "messages.getHistory", "contacts.resolveUsername"
DAY = date(2025, 11, 1)
PER_DAY = 250
CHATS = 50
ONE_DAY = {"mode": "date", "date": str(DAY)}


@pytest.fixture(scope="module")
def stage(shared_stage: MakeStage) -> Stage:
    days = {"from": str(DAY), "to": str(DAY), "per_day": [PER_DAY]}
    chats = [
        {"username": f"chat_{n:02}", "type": "supergroup", "plain": True, **days}
        for n in range(CHATS)
    ]
    return shared_stage({"seed": 11, "chats": chats})


@pytest.fixture(scope="module")
def worker(stage: Stage) -> Iterator[Process]:
    worker = stage.worker(
        BACKOFF_BASE_SECONDS="0.01",
        BACKOFF_MAX_SECONDS="0.2",
        RETRY_MAX_ATTEMPTS="30",
        CIRCUIT_BREAKER_FAILURE_THRESHOLD="1000",
        REQUEST_TIMEOUT_SECONDS="2",
    )
    yield worker
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    assert {"command.failed"} >= {line["event"] for line in worker.errors()}


@pytest.fixture(scope="module")
def numbers() -> Iterator[int]:
    return count()


@pytest.fixture
def chat(stage: Stage, numbers: Iterator[int]) -> Iterator[str]:
    """A chat that nobody has asked for yet; afterwards all is well again."""
    yield f"chat_{next(numbers):02}"
    stage.calm()


def of(lines: list[dict[str, Any]], command_id: str) -> list[dict[str, Any]]:
    return [line for line in lines if line.get("command_id") == command_id]


REFUSALS = [
    (HISTORY, "CHANNEL_PRIVATE", "Let the account in again"),
    (HISTORY, "CHANNEL_INVALID", "Check the id"),
    (HISTORY, "PEER_ID_INVALID", "Check the id"),
    (HISTORY, "CHAT_ADMIN_REQUIRED", "Make the account one"),
    (HISTORY, "SOMETHING_NEW", "https://core.telegram.org/method/messages.getHistory"),
    (RESOLVE, "USERNAME_NOT_OCCUPIED", "Check it"),
    (RESOLVE, "USERNAME_INVALID", "Check it"),
    (RESOLVE, "CHANNEL_PRIVATE", "Let the account in again"),
]


@pytest.mark.parametrize(("method", "name", "advice"), REFUSALS)
def test_a_chat_that_can_not_be_had_fails_at_once_and_says_what_to_do(
    stage: Stage, worker: Process, chat: str, method: str, name: str, advice: str
) -> None:
    stage.faults({"method": method, "chat": chat, "error": name})

    command_id = stage.push(chat=f"@{chat}", **ONE_DAY)
    end = stage.final(command_id)

    assert ("failed", "failed", name.lower()) == (end["event"], end["status"], end["error_type"])
    assert advice in end["error"]
    assert 1 == stage.stats()["faults"]["error"]
    [line] = of(worker.lines("command.failed"), command_id)
    assert ("error", name.lower(), end["error"]) == (
        line["level"],
        line["error_type"],
        line["error"],
    )
    stage.calm()
    again = stage.fetch(chat=f"@{chat}", **ONE_DAY)
    assert ("completed", PER_DAY) == (again["event"], again["processed"])


@pytest.mark.parametrize(
    ("error_type", "fault"),
    [
        ("server", {"error": "INTERNAL"}),
        ("server", {"error": "TIMEOUT"}),
        ("server", {"error": "RPC_CALL_FAIL"}),
        ("network", {"drop": "before"}),
        ("network", {"drop": "after"}),
        ("network", {"garbage": True}),
        ("timeout", {"half_open": True}),
    ],
    ids=str,
)
def test_what_passes_is_asked_for_again_and_loses_nothing(
    stage: Stage, worker: Process, chat: str, error_type: str, fault: dict[str, Any]
) -> None:
    stage.faults({"method": HISTORY, "nth": 2, **fault})

    command_id = stage.push(chat=f"@{chat}", **ONE_DAY)
    end = stage.final(command_id)

    assert ("completed", PER_DAY, 0) == (end["event"], end["processed"], end["errors"])
    assert PER_DAY == stage.check_against_truth(chat)
    assert {next(iter(fault)): 1} == stage.stats()["faults"]
    retries = of(worker.lines("telegram.retry"), command_id)
    assert error_type == retries[0]["error_type"]
    assert {"warning"} == {line["level"] for line in retries}


def test_refused_connections_are_tried_again_until_the_server_is_back(
    stage: Stage, worker: Process, chat: str
) -> None:
    stage.faults({"down_s": 0.3})

    command_id = stage.push(chat=f"@{chat}", **ONE_DAY)
    end = stage.final(command_id)

    assert ("completed", PER_DAY) == (end["event"], end["processed"])
    assert PER_DAY == stage.check_against_truth(chat)
    retries = of(worker.lines("telegram.retry"), command_id)
    assert {"network"} == {line["error_type"] for line in retries}
    assert any("cannot connect to" in line["error"] for line in retries)


@pytest.mark.parametrize("fresh", [False, True], ids=["connected", "connecting"])
@pytest.mark.parametrize("skew", [-600, 600])
def test_a_clock_that_is_minutes_off_is_followed_without_a_word(
    stage: Stage, worker: Process, chat: str, skew: int, fresh: bool
) -> None:
    if fresh:
        stage.faults({"method": RESOLVE, "times": 1, "drop": "before"})
    stage.faults({"clock_skew_s": skew})

    command_id = stage.push(chat=f"@{chat}", **ONE_DAY)
    end = stage.final(command_id)

    assert ("completed", PER_DAY) == (end["event"], end["processed"])
    assert PER_DAY == stage.check_against_truth(chat)
    assert int(fresh) == len(of(worker.lines("telegram.retry"), command_id))


def test_a_salt_that_has_run_out_is_replaced_without_a_word(
    stage: Stage, worker: Process, chat: str
) -> None:
    stage.faults({"method": HISTORY, "every": 2, "times": 2, "bad_salt": True})

    command_id = stage.push(chat=f"@{chat}", **ONE_DAY)
    end = stage.final(command_id)

    assert ("completed", PER_DAY) == (end["event"], end["processed"])
    assert PER_DAY == stage.check_against_truth(chat)
    assert {"bad_salt": 2} == stage.stats()["faults"]
    assert [] == of(worker.lines("telegram.retry"), command_id)


def test_a_page_of_deleted_messages_is_not_the_end(
    stage: Stage, worker: Process, chat: str
) -> None:
    stage.faults({"method": HISTORY, "nth": 2, "as_empty": True})

    end = stage.fetch(chat=f"@{chat}", **ONE_DAY)
    held = [message["id"] for message in stage.artifact(chat, DAY)["messages"]]
    stage.calm()
    whole = stage.fetch(chat=f"@{chat}", **ONE_DAY, options={"force": True})

    there = [message["id"] for message in stage.world.truth(chat, DAY)]
    gone = [id for id in there if id not in held]
    assert ("completed", len(held)) == (end["event"], end["processed"])
    assert 0 < len(gone) <= 100
    assert gone == there[there.index(gone[0]) :][: len(gone)], "one page, no more"
    assert there[-1] == held[-1]
    assert ("completed", len(gone)) == (whole["event"], whole["processed"])
    assert PER_DAY == stage.check_against_truth(chat)


@pytest.fixture
def session(stage: Stage) -> str:
    """The account's, for a process beside the worker."""
    session = stage.folder / "one_shot.session"
    session.write_bytes((stage.folder / "world.env.session").read_bytes())
    return str(session)


def test_a_one_shot_run_tells_of_each_chat_that_can_not_be_had_and_exits_1(
    stage: Stage, chat: str, numbers: Iterator[int], session: str
) -> None:
    chats = [f"chat_{next(numbers):02}" for _ in REFUSALS]
    refused = dict(zip(chats, REFUSALS, strict=True))
    stage.faults(
        *({"method": m, "chat": chat, "error": name} for chat, (m, name, _) in refused.items())
    )

    run = stage.run(
        *("fetch", *chats, chat, "--date", str(DAY), "--json"), TELEGRAM_SESSION=session
    )

    assert 1 == run.wait()
    failed = {line["chat"]: line["error_type"] for line in run.lines("failed")}
    assert {f"@{chat}": name.lower() for chat, (_, name, _) in refused.items()} == failed
    assert [f"@{chat}"] == [line["chat"] for line in run.lines("completed")]
    told = [json.loads(line) for line in run.stderr.read_text().splitlines()]
    assert failed == {
        line["chat"]: line["error_type"]
        for line in told
        if ("command.failed", "error") == (line["event"], line["level"])
    }


def test_what_does_not_pass_fails_the_command_and_a_one_shot_run_exits_1(
    stage: Stage, chat: str, session: str
) -> None:
    stage.faults({"method": HISTORY, "chat": chat, "error": "INTERNAL"})

    run = stage.run(
        *("fetch", chat, "--date", str(DAY), "--json"),
        TELEGRAM_SESSION=session,
        RETRY_MAX_ATTEMPTS="2",
        BACKOFF_BASE_SECONDS="0.01",
    )

    assert 1 == run.wait()
    end = run.lines()[-1]
    assert ("failed", "server") == (end["event"], end["error_type"])
    [line] = [json.loads(line) for line in run.stderr.read_text().splitlines() if "failed" in line]
    assert ("command.failed", "error", "server") == (
        line["event"],
        line["level"],
        line["error_type"],
    )
    assert 2 == stage.requests()
