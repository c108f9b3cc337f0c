from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any

import pytest

from tgworker.core.events import Event


@pytest.fixture
def last_line(start: Callable[..., Any], redis_url: str) -> Callable[..., list[dict[str, Any]]]:
    """Listen until the first `count` lines are there, then interrupt; gives them."""

    def listen(*args: str, count: int) -> list[dict[str, Any]]:
        program = start("listen", *args, REDIS_URL=redis_url)
        lines = [json.loads(program.line()) for _ in range(count)]
        code, _, err = program.end(signal.SIGINT)
        assert (0, "") == (code, err)
        return lines

    return listen


def test_who_comes_late_catches_up(
    last_line: Callable[..., list[dict[str, Any]]], worker: Any, story: Callable[..., list[Event]]
) -> None:
    worker.tell(*story())

    lines = last_line("--since", "10m", count=3)

    assert ["started", "progress", "completed"] == [line["event"] for line in lines]


def test_a_line_says_where_to_go_on_after_it(
    last_line: Callable[..., list[dict[str, Any]]], worker: Any, story: Callable[..., list[Event]]
) -> None:
    worker.tell(*story())
    first = last_line("--since", "0", count=1)[0]

    (second,) = last_line("--since", first["log_id"], count=1)

    assert "progress" == second["event"]


def test_one_command_can_be_followed_alone(
    last_line: Callable[..., list[dict[str, Any]]], worker: Any, story: Callable[..., list[Event]]
) -> None:
    worker.tell(*story("a"), *story("b"), *story("c"))

    lines = last_line("--since", "0", "--command", "b", count=3)

    assert ["b"] * 3 == [line["command_id"] for line in lines]


def test_without_since_it_tells_what_comes(
    start: Callable[..., Any], worker: Any, redis_url: str, story: Callable[..., list[Event]]
) -> None:
    worker.tell(*story("old"))
    program = start("listen", REDIS_URL=redis_url)
    while not any("xread" in each["cmd"] for each in worker.client.client_list()):
        assert None is program.process.poll()

    worker.tell(*story("new"))

    assert "new" == json.loads(program.line())["command_id"]
    assert 0 == program.end(signal.SIGTERM)[0]


def test_on_a_terminal_events_are_sentences(
    on_terminal: Callable[..., tuple[int, str]],
    worker: Any,
    redis_url: str,
    story: Callable[..., list[Event]],
) -> None:
    worker.tell(*story())

    code, shown = on_terminal(
        *("listen", "--since", "0"), REDIS_URL=redis_url, until="completed", number=signal.SIGINT
    )

    assert 0 == code
    assert "12:34:56Z  0f8fad5b  completed  @ru_python  271 messages saved, 4.2 s" in shown


def test_a_since_that_means_nothing_is_bad_usage(
    tgworker: Callable[..., Any], redis_url: str
) -> None:
    done = tgworker("listen", "--since", "tomorrow", REDIS_URL=redis_url)

    assert 2 == done.exit_code
    assert "--since: must be 0 (all there is), 10m" in done.stderr


def test_without_redis_it_exits_4(tgworker: Callable[..., Any]) -> None:
    assert 4 == tgworker("listen", REDIS_URL="redis://127.0.0.1:1").exit_code
