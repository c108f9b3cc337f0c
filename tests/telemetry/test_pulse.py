"""systemd and a container's health check are told how the worker is."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tgworker.telemetry.pulse import open_pulse


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@tgworker-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0", 1))
        receiver.settimeout(5)
        yield receiver, name


def test_systemd_hears_of_each_step(systemd: tuple[socket.socket, str], tmp_path: Path) -> None:
    receiver, name = systemd
    pulse = open_pulse(tmp_path / "healthy", {"NOTIFY_SOCKET": name})

    pulse.ready()
    pulse.beat()
    pulse.stopping()

    told = [receiver.recv(100) for _ in range(4)]
    assert [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"] == told


def test_the_health_file_gets_younger_with_each_beat(tmp_path: Path) -> None:
    file = tmp_path / "healthy"
    pulse = open_pulse(file, {})
    pulse.ready()
    os.utime(file, (0, 0))

    pulse.beat()

    assert file.stat().st_mtime > 0


def test_nobody_to_tell_is_a_warning_and_no_more(tmp_path: Path) -> None:
    pulse = open_pulse(tmp_path / "no" / "folder", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})

    with structlog.testing.capture_logs() as lines:
        pulse.beat()

    assert ["health.not_written", "systemd.not_told"] == [line["event"] for line in lines]
