"""``tgworker doctor`` beside real programs: what it shows, and what it exits with."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tgworker.cli.doctor import exit_code
from tgworker.doctor.finding import Finding, ok, problem, warning
from tgworker.errors import (
    AccountUnusableError,
    QueueUnavailableError,
    SettingsError,
    StorageError,
)


@pytest.fixture
def settings(start: Callable[..., Any], tmp_path: Path, redis_url: str) -> dict[str, str]:
    """Of a worker that is signed in to a simulator."""
    (tmp_path / "world.json").write_text('{"seed": 1, "users": 2, "chats": []}')
    start("simulate", "--world", "world.json", "--env-file", "sim.env").line()
    lines = (tmp_path / "sim.env").read_text().splitlines()
    told = {key: value.strip("'") for key, value in (line.split("=", 1) for line in lines)}
    return {
        **told,
        "REDIS_URL": redis_url,
        "METRICS_MODE": "off",
        "HEALTH_FILE": str(tmp_path / "healthy"),
        "WORKER_ID": "fetcher-1",
    }


def test_alone_and_beside_a_worker_there_is_no_problem(
    start: Callable[..., Any], settings: dict[str, str]
) -> None:
    def look() -> dict[str, dict[str, str]]:
        code, out, err = start("doctor", **settings).end()
        assert (0, "") == (code, err)
        told = [json.loads(line) for line in out.splitlines()]
        assert {("check", "outcome", "found", "advice")} == {tuple(each) for each in told}
        return {each["check"]: each for each in told}

    alone = look()
    worker = start("run", LOG_FORMAT="json", **settings)
    while "worker.ready" not in worker.line():
        continue
    beside = look()
    worker.end(signal.SIGTERM)

    assert "signed in as" in alone["telegram.login"]["found"]
    assert f"held by process {worker.process.pid}" in beside["telegram.session"]["found"]
    assert "worker fetcher-1 is signed in; healthy" in beside["telegram.login"]["found"]
    assert "connected: fetcher-1" == beside["queue.workers"]["found"]


def test_on_a_terminal_it_shows_areas_in_colour_and_a_verdict(
    on_terminal: Callable[..., tuple[int, str]],
) -> None:
    code, shown = on_terminal("doctor", REDIS_URL="redis://127.0.0.1:1", TELEGRAM_API_ID="1")

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    titles = ("Settings", "This host", "Disk", "Redis and the queue", "Telegram")
    assert 3 == code  # before 4
    assert sorted(plain.index(f"{title}\r\n") for title in titles) == [
        plain.index(f"{title}\r\n") for title in titles
    ]
    assert "\x1b[1;31mPROBLEM" in shown and "\x1b[32mok" in shown
    assert "→ Start it, or mend REDIS_URL." in plain
    assert "2 problems" in plain.splitlines()[-1]
    assert "Waiting for:" in plain


def test_bad_settings_are_told_one_by_one_and_exit_2(tgworker: Callable[..., Any]) -> None:
    done = tgworker("doctor", REDIS_URL="http://x", LEASE_SECONDS="1")

    told = [json.loads(line) for line in done.stdout.splitlines()]
    problems = [each["found"] for each in told if each["outcome"] == "problem"]
    assert 2 == done.exit_code
    assert ["LEASE_SECONDS", "REDIS_URL"] == sorted(found.split()[0] for found in problems)
    assert "Mend it" in told[0]["advice"]


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        ([ok("a", "b"), warning("a", "b", "c")], 0),
        ([problem("a", "b", "c")], 1),
        ([problem("a", "b", "c", StorageError("d"))], 1),
        ([problem("a", "b", "c", QueueUnavailableError("d")), problem("a", "b", "c")], 4),
        (
            [
                problem("a", "b", "c", e)
                for e in (QueueUnavailableError("d"), AccountUnusableError("e"))
            ],
            3,
        ),
        ([problem("a", "b", "c", e) for e in (AccountUnusableError("d"), SettingsError(["e"]))], 2),
        ([warning("a", "b", "c"), Finding("a", ok("a", "b").outcome, "b")], 0),
    ],
)
def test_of_several_problems_the_one_to_mend_first_gives_the_exit_code(
    findings: list[Finding], code: int
) -> None:
    assert code == exit_code(findings)
