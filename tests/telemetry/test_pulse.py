"""systemd and a container's health check are told how the worker is."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from tgworker.core.health import Health, Work
from tgworker.telemetry.health_file import read_health_file
from tgworker.telemetry.pulse import open_pulse

WELL = Health(
    live=True,
    ready=True,
    reason="waiting for commands",
    seconds_since={"redis": 0.5},
    disk_free_bytes=10**9,
)
STARTING = Health(live=True, ready=False, reason="starting")
STOPPING = Health(live=True, ready=False, reason="stopping; still at @a")
HUNG = Health(live=False, ready=False, reason="nothing has moved for 900 s")


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@tgworker-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        receiver.settimeout(5)
        yield receiver, name


def test_systemd_hears_of_each_step(systemd: tuple[socket.socket, str], tmp_path: Path) -> None:
    """While it starts and stops it asks for the time until it may be late with three beats."""
    receiver, name = systemd
    pulse = open_pulse(tmp_path / "healthy", "w", {"NOTIFY_SOCKET": name})

    pulse.beat(STARTING, [])
    pulse.ready()
    pulse.beat(WELL, [])
    pulse.stopping()
    pulse.beat(STOPPING, [])

    assert [
        "WATCHDOG=1\nSTATUS=starting\nEXTEND_TIMEOUT_USEC=30000000",
        "READY=1",
        "WATCHDOG=1\nSTATUS=waiting for commands",
        "STOPPING=1",
        "WATCHDOG=1\nSTATUS=stopping; still at @a\nEXTEND_TIMEOUT_USEC=30000000",
    ] == [receiver.recv(200).decode() for _ in range(5)]


def test_a_worker_that_hangs_is_not_vouched_for(
    systemd: tuple[socket.socket, str], tmp_path: Path
) -> None:
    receiver, name = systemd
    pulse = open_pulse(tmp_path / "healthy", "w", {"NOTIFY_SOCKET": name})

    with structlog.testing.capture_logs() as lines:
        pulse.beat(HUNG, [])  # before it is ready, when it would be given more time

    assert b"STATUS=nothing has moved for 900 s" == receiver.recv(200)
    assert ["worker.hung"] == [line["event"] for line in lines]
    assert "hung" == json.loads((tmp_path / "healthy").read_bytes())["status"]


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 10.0),
        ({"WATCHDOG_USEC": "15000000"}, 5.0),
        ({"WATCHDOG_USEC": "400000000"}, 10.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 10.0),
        ({"WATCHDOG_USEC": "soon"}, 10.0),
    ],
)
def test_it_beats_thrice_in_a_watchdogs_time(
    tmp_path: Path, environ: dict[str, str], seconds: float
) -> None:
    assert seconds == open_pulse(tmp_path / "healthy", "w", environ).beat_seconds


def test_the_health_file_says_how_it_is_and_what_it_does(tmp_path: Path) -> None:
    pulse = open_pulse(tmp_path / "healthy", "fetcher-1", {})

    pulse.beat(WELL, [Work("c-1", "@ru_python", 0.0, 0.0)])

    told = json.loads((tmp_path / "healthy").read_bytes())
    age = datetime.now(UTC) - datetime.fromisoformat(told.pop("ts"))
    assert 0 <= age.total_seconds() < 60
    assert {
        "status": "healthy",
        "worker": "fetcher-1",
        "reason": "waiting for commands",
        "seconds_since": {"redis": 0.5},
        "disk_free_bytes": 10**9,
        "commands": [{"command_id": "c-1", "chat": "@ru_python"}],
    } == told
    assert ["healthy"] == [path.name for path in tmp_path.iterdir()]


def test_nobody_to_tell_is_a_warning_and_no_more(tmp_path: Path) -> None:
    pulse = open_pulse(tmp_path / "no" / "folder", "w", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})

    with structlog.testing.capture_logs() as lines:
        pulse.beat(WELL, [])

    assert ["health.not_written", "systemd.not_told"] == [line["event"] for line in lines]


def test_a_file_that_can_not_be_written_is_told_once_until_it_can(tmp_path: Path) -> None:
    folder, away = tmp_path / "folder", tmp_path / "away"
    folder.mkdir()
    pulse = open_pulse(folder / "healthy", "w", {})

    def told_of_two_beats() -> list[str]:
        with structlog.testing.capture_logs() as lines:
            pulse.beat(WELL, [])
            pulse.beat(WELL, [])
        return [line["event"] for line in lines]

    for _ in range(2):
        folder.rename(away)
        assert ["health.not_written"] == told_of_two_beats()
        away.rename(folder)
        assert [] == told_of_two_beats()


def test_the_last_word_is_that_it_has_ended(tmp_path: Path) -> None:
    pulse = open_pulse(tmp_path / "healthy", "fetcher-1", {})
    pulse.beat(WELL, [])

    pulse.ended()

    told = read_health_file(tmp_path / "healthy", datetime.now(UTC))
    assert (False, "stopped: it has ended", None) == (told.alive, told.line, told.worker)


def test_a_file_that_somebody_else_keeps_is_left_alone(tmp_path: Path) -> None:
    pulse = open_pulse(None, "w", {})

    pulse.beat(WELL, [])
    pulse.ended()

    assert [] == list(tmp_path.iterdir())
