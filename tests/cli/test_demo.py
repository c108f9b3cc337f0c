from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_the_demo_shows_a_whole_fetch(start: Callable[..., Any], tmp_path: Path) -> None:
    # Settings of the user's own must not reach the demo's worker.
    own = {"DATA_DIR": "/nowhere", "LEASE_SECONDS": "nonsense", "REDIS_PASSWORD": "another's"}
    program = start("demo", "--folder", "demo", CREDENTIALS_DIRECTORY="/nowhere", **own)

    code, out, err = program.end()

    folder = tmp_path / "demo"
    log = [json.loads(line) for line in (folder / "worker.log").read_text().splitlines()]
    assert (0, "") == (code, err)
    assert 3 == out.count("  completed  ")
    assert 14 == len(list((folder / "data").glob("*/*/discussions_*.json")))
    assert "To look further:" in out
    assert [] == [line for line in log if line["level"] in ("error", "critical")]
    assert "shutdown.end" == log[-1]["event"]


def test_what_is_kept_running_ends_with_ctrl_c(
    on_terminal: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    code, shown = on_terminal(
        *("demo", "--keep", "--folder", "demo"),
        until="Ctrl-C ends it.",
        number=signal.SIGINT,
        NO_COLOR="1",
    )

    assert 0 == code
    assert "━" in shown
    assert "submit @ru_python --days 10 --wait" in shown
    assert "The worker got SIGTERM and has ended" in shown


def test_a_worker_that_dies_fails_the_demo(start: Callable[..., Any]) -> None:
    program = start("demo", "--folder", "demo")
    while not (line := program.line()).startswith("The worker is process"):
        assert None is program.process.poll()

    os.kill(int(line.split()[-1]), signal.SIGKILL)

    code, out, err = program.end()
    assert 1 == code
    assert "Not all went well; see" in err
    assert "To look further:" not in out


@pytest.mark.parametrize("place", ["a 'quoted' folder", "taken"])
def test_a_folder_that_will_not_do_is_told(
    tgworker: Callable[..., Any], tmp_path: Path, place: str
) -> None:
    (tmp_path / "taken").write_text("a file")

    done = tgworker("demo", "--folder", place)

    assert done.exit_code in (1, 2)
    assert "Error:" in done.stderr
