"""Whoever watches a worker sees what it does: metrics, health, systemd, log stores."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.conftest import MakeStage
from tests.e2e.stage import PATIENCE
from tests.e2e.supervisor import open_supervisor
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


def samples_of_an_empty_queue(url: str) -> dict[tuple[str, ...], float]:
    """The queue's length is looked at now and then, and may have been seen before the last command was claimed."""
    until = time.monotonic() + PATIENCE
    while (found := samples(get(f"{url}/metrics")[1]))["command_queue_length",] != 0:
        assert time.monotonic() < until, "the metrics never show that no command waits"
        time.sleep(0.05)
    return found


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
        found = samples_of_an_empty_queue(url)
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait()
        shipped = logs.lines()

    assert 150 == done["processed"] == found["messages_fetched_total", "@ru_python"]
    assert 3 == found["tgworker_artifacts_sealed_total", "true"]
    assert 1 == found["tgworker_commands_total", "completed"]
    assert 1 == found["tgworker_commands_total", "failed"]
    assert 1 == found["fetch_errors_total", "username_not_occupied"]
    assert 1 == found["fetch_duration_seconds_count", "@ru_python"]
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


def test_a_supervisor_and_a_health_check_follow_a_worker_from_start_to_stop(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    """It is ready, pings, says what it does, and is given the time that its last page takes."""
    stage = make_stage(WORLD)
    stage.faults({"method": "messages.getHistory", "nth": 2, "delay_ms": 1500})
    name = f"@tgworker-test-{os.getpid()}"
    with open_supervisor(name, watchdog_seconds=3.0, stop_seconds=1.0) as supervisor:
        worker = stage.worker(**supervisor.environ)
        supervisor.follow(lambda: supervisor.ready and supervisor.pings > 2)
        assert "waiting for commands" == supervisor.status
        assert "healthy: waiting for commands" == health(tmp_path / "healthy")
        stage.push(**DAYS)
        supervisor.follow(lambda: "fetching @ru_python" == supervisor.status)
        (command,) = json.loads((tmp_path / "healthy").read_bytes())["commands"]
        assert "@ru_python" == command["chat"]
        while stage.requests() < 2:
            time.sleep(0.01)

        assert 0 == supervisor.stop(worker)

    assert "STATUS=stopping; still at @ru_python" in supervisor.heard
    last_words = supervisor.heard[supervisor.heard.index("STOPPING=1") :]
    assert "EXTEND_TIMEOUT_USEC=3000000" in last_words and "WATCHDOG=1" in last_words
    assert "EXTEND_TIMEOUT_USEC=3000000" in supervisor.heard[: supervisor.heard.index("READY=1")]
    assert ["command.parked"] == [
        line["event"] for line in worker.lines() if line.get("reason") == "stopping"
    ]
    assert "stopped: it has ended" == health(tmp_path / "healthy", code=1)


def health(file: Path, code: int = 0) -> str:
    """What a container's health check says of it."""
    asked = subprocess.run(
        [sys.executable, "-m", "tgworker", "health"],
        env={**os.environ, "HEALTH_FILE": str(file)},
        capture_output=True,
        timeout=60,
    )
    assert code == asked.returncode, asked
    return asked.stdout.decode().removesuffix("\n")


def test_a_worker_that_cannot_reach_telegram_lives_and_is_not_ready(make_stage: MakeStage) -> None:
    """It says why, and what that rests on."""
    stage = make_stage(WORLD)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        server = f"127.0.0.1:{nobody.getsockname()[1]}"
    worker = stage.worker(METRICS_MODE="scrape", HTTP_PORT="0", TELEGRAM_SERVER=server)
    url = worker.wait_line("http.listening")["url"]

    alive, ready = get(f"{url}/healthz"), get(f"{url}/readyz")

    assert (200, 503) == (alive[0], ready[0])
    told = json.loads(ready[1])
    assert ("degraded", "Telegram did not answer the last time") == (told["status"], told["reason"])
    assert 0 <= told["seconds_since"]["redis"] < 60
    assert None is told["seconds_since"]["telegram"]
    assert 0 < told["disk_free_bytes"]


def test_a_worker_whose_event_loop_is_blocked_is_seen_hung_within_the_watchdogs_time(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    """No sign of life comes, a scrape fails, and the log keeps where it hung."""
    stage = make_stage(WORLD)
    blocker = stage.folder / "sitecustomize.py"
    # A stand-in for a bug: at the signal, the loop's own thread does not come back.
    blocker.write_text(
        "import signal, time\n" "signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))\n"
    )
    with open_supervisor(tmp_path / "notify", watchdog_seconds=1.5) as supervisor:
        worker = stage.worker(
            **supervisor.environ,
            PYTHONPATH=f"{stage.folder}:{os.getcwd()}",
            METRICS_MODE="scrape",
            HTTP_PORT="0",
        )
        url = worker.wait_line("http.listening")["url"]
        supervisor.follow(lambda: supervisor.ready and supervisor.pings > 2)

        worker.signal(signal.SIGUSR1)
        with pytest.raises(OSError), urllib.request.urlopen(f"{url}/healthz", timeout=0.3):
            pass
        supervisor.end_when_hung(worker)

    assert -signal.SIGABRT == worker.wait()
    assert "sitecustomize.py" in worker.stderr.read_text()
