"""``tgworker health`` tells by its exit code whether the worker is alive, and by a line why."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import Result


def write(file: Path, status: str, age: float = 0.0) -> None:
    ts = datetime.now(UTC) - timedelta(seconds=age)
    told = {"status": status, "ts": ts.isoformat(), "reason": "waiting for commands"}
    file.write_text(json.dumps(told))


@pytest.mark.parametrize(
    ("status", "age", "code", "line"),
    [
        ("healthy", 0, 0, "healthy: waiting for commands"),
        ("degraded", 55, 0, "degraded: waiting for commands"),
        ("stopped", 0, 1, "stopped: waiting for commands"),
        ("hung", 0, 1, "hung: waiting for commands"),
        ("healthy", 70, 1, "the worker has not been heard of for 70 s; it was healthy: waiting"),
    ],
)
def test_the_exit_code_says_whether_a_restart_would_help(
    tgworker: Callable[..., Result], tmp_path: Path, status: str, age: float, code: int, line: str
) -> None:
    write(tmp_path / "healthy", status, age)

    result = tgworker("health", HEALTH_FILE=str(tmp_path / "healthy"))

    assert code == result.exit_code
    assert result.output.startswith(line)
    assert 1 == len(result.output.splitlines())


def test_no_worker_is_no_health(tgworker: Callable[..., Result], tmp_path: Path) -> None:
    result = tgworker("health", "--health-file", str(tmp_path / "none"))

    assert 1 == result.exit_code
    assert f"no worker: {tmp_path}/none: No such file or directory\n" == result.output


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"status":1,"reason":2,"ts":3}', "\x00"])
def test_a_file_of_something_else_is_no_health(
    tgworker: Callable[..., Result], tmp_path: Path, text: str
) -> None:
    (tmp_path / "healthy").write_text(text)

    result = tgworker("health", HEALTH_FILE=str(tmp_path / "healthy"))

    assert 1 == result.exit_code
    assert "was not written by a worker" in result.output
