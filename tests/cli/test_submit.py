from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tgworker.core.commands import parse_command
from tgworker.core.events import Event
from tgworker.core.model import ChatRef, Mode, Strategy

TODAY = datetime.now(UTC).date()
TOMORROW = str(TODAY + timedelta(days=2))


@pytest.mark.parametrize(
    ("args", "params"),
    [
        (["--date", "2025-11-07"], {"date": "2025-11-07"}),
        (["--days", "3"], {"days": 3}),
        (
            ["--from", "2025-11-01", "--to", "2025-11-07"],
            {"from": "2025-11-01", "to": "2025-11-07"},
        ),
        (["--full"], {}),
    ],
)
def test_it_pushes_the_command_and_prints_its_id(
    tgworker: Callable[..., Any],
    worker: Any,
    redis_url: str,
    args: list[str],
    params: dict[str, Any],
) -> None:
    done = tgworker("submit", "https://t.me/Ru_Python", *args, REDIS_URL=redis_url)

    command = worker.take()
    assert (0, f"{command['command_id']}\n") == (done.exit_code, done.stdout)
    assert UUID(command["command_id"])
    assert "@ru_python" == command["chat"]
    assert params == {key: command[key] for key in params}
    parsed = parse_command(json.dumps(command).encode(), today=TODAY)
    assert (ChatRef("ru_python"), params) == (parsed.chat, parsed.params)


def test_a_command_is_part_of_what_submits_it(
    tgworker: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    traced = {"TRACEPARENT": parent, "TRACESTATE": "rojo=1"}
    tgworker("submit", "@ru_python", "--full", REDIS_URL=redis_url, **traced)

    command = worker.take()

    assert (parent, "rojo=1") == (command["traceparent"], command["tracestate"])


def test_every_option_reaches_the_worker(
    tgworker: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    how = ["--strategy", "per_day", "--limit", "50", "--force"]
    tgworker("submit", "--days", "2", *how, "--", "-1001234567890", REDIS_URL=redis_url)

    command = parse_command(json.dumps(worker.take()).encode(), today=TODAY)

    assert ChatRef(id=-1001234567890) == command.chat
    assert (Mode.DAYS, Strategy.PER_DAY) == (command.mode, command.strategy)
    assert (50, True) == (command.limit, command.force)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["../x", "--days", "1"], ["CHAT must be"]),
        (["ru_python", "--days", "0"], ["--days must be a whole number from 1 to 3660 (it is 0)"]),
        (["ru_python", "--days", "many"], ["--days must be a whole number", '(it is "many")']),
        (["ru_python", "--days", "9" * 5000], ["--days must be a whole number"]),
        (["ru_python", "--date", "2025-02-30"], ["--date must be a day that exists"]),
        (["ru_python", "--date", TOMORROW], ["--date must not lie in the future"]),
        (["ru_python", "--from", "2025-11-01"], ["--to is missing"]),
        (
            ["ru_python", "--from", "2025-11-07", "--to", "2025-11-01"],
            ["--from must not lie after --to (2025-11-01), and is 2025-11-07"],
        ),
        (["ru_python", "--date", "$.to"], ["--date must be a day", '"$.to"']),
        (["ru_python", "--full", "--strategy", "fast"], ["--strategy must be auto, batch"]),
        (
            ["ru_python", "--full", "--limit", "-1"],
            ["--limit must be a whole number of at least 1"],
        ),
        (
            ["a/b", "--days", "x", "--limit", "y"],
            ["3 problems", "CHAT must be", "--days must be", "--limit must be"],
        ),
        (["ru_python"], ["Say which days: --date"]),
        (["ru_python", "--full", "--days", "1"], ["in one way only"]),
        (["ru_python", "--from", "2025-11-01", "--date", "2025-11-01"], ["in one way only"]),
        ([], ["Missing argument 'CHAT'"]),
    ],
)
def test_a_wrong_command_is_never_pushed(
    tgworker: Callable[..., Any], worker: Any, redis_url: str, args: list[str], words: list[str]
) -> None:
    done = tgworker("submit", *args, REDIS_URL=redis_url)

    assert (2, "") == (done.exit_code, done.stdout)
    assert [] == [each for each in words if each not in done.stderr]
    assert 0 == worker.client.llen("tg_commands")


def test_bytes_that_are_no_text_are_refused(tgworker: Callable[..., Any]) -> None:
    assert 2 == tgworker("submit", "chat\udcff", "--days", "1").exit_code


def test_waiting_ends_with_0_when_the_command_is_completed(
    tgworker: Callable[..., Any],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    def play(command: dict[str, Any]) -> None:
        worker.tell(*story("someone-else's"), *story(command["command_id"]))

    with worker.at_work(play) as taken:
        done = tgworker("submit", "ru_python", "--days", "1", "--wait", REDIS_URL=redis_url)

    assert (0, f"{taken[0]['command_id']}\n") == (done.exit_code, done.stdout)
    lines = done.stderr.splitlines()
    assert ["started", "progress", "completed"] == [line.split()[2] for line in lines]


def test_waiting_ends_with_1_when_the_command_failed(
    tgworker: Callable[..., Any],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    def play(command: dict[str, Any]) -> None:
        worker.tell(*story(command["command_id"], error="@ru_python is private."))

    with worker.at_work(play):
        done = tgworker("submit", "ru_python", "--full", "--wait", REDIS_URL=redis_url)

    assert 1 == done.exit_code
    assert "chat_unavailable: @ru_python is private." in done.stderr


def test_in_json_the_id_and_the_events_are_lines_on_stdout(
    tgworker: Callable[..., Any],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    with worker.at_work(lambda command: worker.tell(*story(command["command_id"]))) as taken:
        done = tgworker("submit", "ru_python", "--full", "--wait", "--json", REDIS_URL=redis_url)

    head, *events = map(json.loads, done.stdout.splitlines())
    assert {"command_id": taken[0]["command_id"]} == head
    assert ["started", "progress", "completed"] == [event["event"] for event in events]
    assert "" == done.stderr


def test_a_broken_connection_costs_no_event(
    tgworker: Callable[..., Any],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    def play(command: dict[str, Any]) -> None:
        first, *rest = story(command["command_id"])
        worker.tell(first)
        worker.client.client_kill_filter(_type="normal", skipme=True)
        worker.tell(*rest)

    with worker.at_work(play):
        done = tgworker("submit", "ru_python", "--full", "--wait", "--json", REDIS_URL=redis_url)

    assert 0 == done.exit_code
    events = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    assert ["started", "progress", "completed"] == [event["event"] for event in events]


def test_a_timeout_ends_the_waiting_and_not_the_command(
    tgworker: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    waiting = ["--wait", "--timeout", "0.1"]
    done = tgworker("submit", "ru_python", "--full", *waiting, REDIS_URL=redis_url)

    command_id = done.stdout.strip()
    assert 1 == done.exit_code
    assert "No end after 0.1 s; the command goes on" in done.stderr
    assert f"tgworker listen --command {command_id} --since" in done.stderr
    assert command_id == worker.take()["command_id"]


def test_ctrl_c_ends_the_waiting_and_not_the_command(
    start: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    program = start("submit", "ru_python", "--full", "--wait", REDIS_URL=redis_url)
    command_id = program.line().strip()

    code, _, err = program.end(signal.SIGINT)

    assert 130 == code
    assert "Interrupted; the command goes on" in err
    assert command_id == worker.take()["command_id"]


def test_on_a_terminal_waiting_shows_a_bar(
    on_terminal: Callable[..., tuple[int, str]],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    with worker.at_work(lambda command: worker.tell(*story(command["command_id"]))):
        code, shown = on_terminal(
            "submit", "ru_python", "--full", "--wait", REDIS_URL=redis_url, NO_COLOR="1"
        )

    assert 0 == code
    assert "━" in shown and "271 messages" in shown and "done" in shown


def test_without_redis_it_exits_4(tgworker: Callable[..., Any]) -> None:
    done = tgworker("submit", "ru_python", "--full", REDIS_URL="redis://127.0.0.1:1")

    assert (4, "") == (done.exit_code, done.stdout)
    assert done.stderr.startswith("Error: Redis at 127.0.0.1:1 can't be reached")


def test_a_refused_password_exits_2_and_is_not_shown(
    tgworker: Callable[..., Any], redis_url: str
) -> None:
    url = redis_url.replace("redis://", "redis://:hunter2@")

    done = tgworker("submit", "ru_python", "--full", REDIS_URL=url)

    assert 2 == done.exit_code
    assert "password" in done.stderr
    assert "hunter2" not in done.output
