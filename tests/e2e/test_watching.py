"""Whoever watches a worker sees what it does: metrics, health, systemd, log stores."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import MakeStage
from tests.telemetry.store import open_store

WORLD: dict[str, Any] = {
    "seed": 7,
    "chats": [
        {
            "username": "ru_python",
            "title": "Python",
            "type": "supergroup",
            "from": "2025-11-01",
            "to": "2025-11-03",
            "per_day": [120, 0, 30],
        }
    ],
}
DAYS = {"chat": "@ru_python", "mode": "range", "from": "2025-11-01", "to": "2025-11-03"}


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def samples(text: str) -> dict[tuple[str, ...], float]:
    """Each sample by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.settimeout(30)
        yield receiver


@pytest.mark.expects_errors
def test_what_a_worker_did_stands_in_its_metrics(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    stage.faults(
        {"method": "messages.getHistory", "nth": 1, "error": "FLOOD_WAIT_1"},
        {"method": "messages.getHistory", "nth": 3, "error": "INTERNAL"},
    )
    with open_store() as logs:
        worker = stage.worker(
            METRICS_MODE="scrape",
            HTTP_PORT="0",
            FLOOD_WAIT_JITTER_SECONDS="0",
            BACKOFF_BASE_SECONDS="0.01",
            VICTORIA_LOGS_URL=logs.url,
            SERVICE_NAME="fetcher",
        )
        url = worker.wait_line("http.listening")["url"]
        assert 200 == get(f"{url}/readyz")[0]
        done = stage.fetch(**DAYS)
        stage.fetch(**{**DAYS, "chat": "@nobody_here"})
        found = samples(get(f"{url}/metrics")[1])
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait()
        shipped = logs.lines()

    assert 150 == done["processed"] == found["messages_fetched_total", "@ru_python"]
    assert 3 == found["tgworker_artifacts_sealed_total", "true"]
    assert 1 == found["tgworker_commands_total", "completed"]
    assert 1 == found["tgworker_commands_total", "failed"]
    assert 1 == found["fetch_errors_total", "username_not_occupied"]
    assert 1 == found["fetch_duration_seconds_count", "@ru_python"]
    assert 0 == found[("command_queue_length",)]
    assert 0 == found["breaker_state", "telegram"]
    events = [line["event"] for line in shipped]
    assert {"worker.ready", "command.completed", "shutdown.end"} <= set(events)
    failed = next(line for line in shipped if line["event"] == "command.failed")
    assert ("ERROR", "fetcher", "@nobody_here") == (
        failed["level"],
        failed["service"],
        failed["channel"],
    )


def test_at_debug_each_step_of_a_command_is_told_with_how_long_it_took(
    make_stage: MakeStage,
) -> None:
    """Received, parsed, connected, files read and written; then how the worker ended, and after what."""
    stage = make_stage(WORLD)
    worker = stage.worker(LOG_LEVEL="DEBUG")
    command_id = stage.push(**DAYS)
    stage.final(command_id)
    stage.fetch(**{**DAYS, "to": "2025-11-04"})
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()

    of_command = [line for line in worker.lines() if line.get("command_id") == command_id]
    told = [line["event"] for line in of_command]
    steps = ["command.claimed", "command.received", "command.parsed", "command.planned"]
    assert steps == [event for event in told if event in steps]
    assert {"telegram.asked", "page.filed", "file.appended", "file.written"} <= set(told)
    assert {"from": "2025-11-01", "to": "2025-11-03"} == _only(of_command, "command.parsed")[
        "params"
    ]
    sealed = [line for line in of_command if line["event"] == "day.sealed"]
    assert [("2025-11-01", 120), ("2025-11-02", 0), ("2025-11-03", 30)] == [
        (line["date"], line["message_count"]) for line in sealed
    ]
    assert {"@ru_python"} == {line["chat"] for line in sealed}
    assert stage.env["TELEGRAM_SERVER"] == worker.wait_line("telegram.connected")["address"]
    written = {Path(line["path"]).name for line in worker.lines("file.written")}
    assert {"discussions_2025-11-01.json", "index.json", "progress.json", "chat.json"} <= written
    assert "index.json" in {Path(line["path"]).name for line in worker.lines("file.read")}
    timed = [line for line in worker.lines() if line["event"].startswith("file.")]
    assert all(line["duration_ms"] >= 0 and line["bytes"] > 0 for line in timed)
    begun, waited, end = (
        worker.wait_line(f"shutdown.{what}") for what in ("begin", "waited", "end")
    )
    assert "SIGTERM" == begun["reason"]
    assert 0 <= waited["duration_ms"]
    assert worker.lines("command.claimed")[-1]["command_id"] == end["last_command_id"]


def _only(lines: list[dict[str, Any]], event: str) -> dict[str, Any]:
    (line,) = (line for line in lines if line["event"] == event)
    return line


def test_systemd_and_a_health_check_follow_a_worker_from_start_to_stop(
    make_stage: MakeStage, systemd: socket.socket, tmp_path: Path
) -> None:
    stage = make_stage(WORLD)
    worker = stage.worker(NOTIFY_SOCKET=systemd.getsockname(), WATCHDOG_USEC="300000")
    told = [systemd.recv(500).decode() for _ in range(4)]

    assert "READY=1" in told
    assert "WATCHDOG=1\nSTATUS=waiting for commands" in told
    health = json.loads((tmp_path / "healthy").read_bytes())
    assert ("healthy", "fetcher-1") == (health["status"], health["worker"])
    asked = subprocess.run(
        [sys.executable, "-m", "tgworker", "health"],
        env={**os.environ, "HEALTH_FILE": str(tmp_path / "healthy")},
        capture_output=True,
        timeout=60,
    )
    assert (0, b"healthy: waiting for commands\n") == (asked.returncode, asked.stdout)
    worker.signal(signal.SIGTERM)
    assert 0 == worker.wait()
    told = []
    while not told or not told[-1].startswith("STOPPING=1"):
        told.append(systemd.recv(500).decode())
    assert "EXTEND_TIMEOUT_USEC=40000000" in told[-1]


def test_a_worker_whose_event_loop_is_blocked_gives_no_sign_of_life(
    make_stage: MakeStage, systemd: socket.socket
) -> None:
    stage = make_stage(WORLD)
    blocker = stage.folder / "sitecustomize.py"
    # A stand-in for a bug: at the signal, the loop's own thread does not come back.
    blocker.write_text(
        "import signal, time\n" "signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))\n"
    )
    worker = stage.worker(
        PYTHONPATH=f"{stage.folder}:{os.getcwd()}",
        NOTIFY_SOCKET=systemd.getsockname(),
        WATCHDOG_USEC="900000",
        METRICS_MODE="scrape",
        HTTP_PORT="0",
    )
    url = worker.wait_line("http.listening")["url"]
    while "WATCHDOG=1" not in systemd.recv(500).decode():
        pass

    worker.signal(signal.SIGUSR1)
    systemd.settimeout(0.9)  # the watchdog's time: systemd would kill it now
    with pytest.raises(TimeoutError):
        while True:
            systemd.recv(500)
    with pytest.raises(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=0.5):
        pass
