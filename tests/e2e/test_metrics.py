"""What a real Prometheus and a real Pushgateway are told of a run with faults is what really happened."""

from __future__ import annotations

import signal
import subprocess
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.e2e.prometheus import Sample, open_prometheus, open_pushgateway
from tests.e2e.stage import Stage
from tests.e2e.test_watching import DAYS, WORLD

HISTORY = "messages.getHistory"
AGAIN = {**DAYS, "options": {"force": True}}
NOBODY = {**DAYS, "chat": "@nobody_here"}
SETTINGS = {
    "METRICS_MODE": "both",
    "HTTP_PORT": "0",
    "PUSH_INTERVAL_SECONDS": "1",
    "SERVICE_NAME": "fetcher",
    "FETCH_CONCURRENCY": "1",
    "FLOOD_WAIT_JITTER_SECONDS": "0",
    "BACKOFF_BASE_SECONDS": "0.01",
    "CIRCUIT_BREAKER_FAILURE_THRESHOLD": "2",
    "CIRCUIT_BREAKER_OPEN_TIMEOUT_SECONDS": "0.5",
}


def stumble(nth: int) -> dict[str, Any]:
    return {"method": HISTORY, "nth": nth, "error": "INTERNAL"}


@pytest.mark.expects_errors
def test_prometheus_counts_what_the_simulator_counted(
    make_stage: MakeStage, tmp_path: Path
) -> None:
    """Every name of the contract has the value it should, as scraped and as pushed; what was pushed goes at the end."""
    stage = make_stage(WORLD)
    stage.faults({"method": HISTORY, "nth": 1, "error": "FLOOD_WAIT_4"}, stumble(3))
    with open_pushgateway() as pushgateway:
        worker = stage.worker(**SETTINGS, PUSHGATEWAY_URL=pushgateway)
        url = worker.wait_line("http.listening")["url"]
        with open_prometheus(tmp_path, url.removeprefix("http://")) as prometheus:
            prometheus.wait_for("up == 1")
            ids = [stage.push(**command) for command in (DAYS, AGAIN, NOBODY)]
            # The first one waits for the flood's end, and the others in the list.
            prometheus.wait_for("command_queue_length == 2")
            assert 2 == stage.redis.llen("tg_commands")
            ends = [stage.final(command_id) for command_id in ids]
            stage.faults(stumble(1), stumble(2))  # two in a row open the breaker
            ends.append(stage.fetch(**AGAIN))
            prometheus.wait_for('tgworker_commands_total{outcome="completed"} == 3')
            prometheus.wait_for("command_queue_length == 0")
            found = prometheus.query('{job="tgworker"}')
            pushed = get(f"{pushgateway}/metrics")
            check_by_promtool(get(f"{url}/metrics"))
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait()

        assert (
            'messages_fetched_total{chat="@ru_python",instance="fetcher-1",job="fetcher"}' in pushed
        )
        assert "messages_fetched_total" not in get(f"{pushgateway}/metrics")
    assert ["completed", "completed", "failed", "completed"] == [end["status"] for end in ends]
    expected = counted(stage, ends)
    assert expected == {sample: found.get(sample) for sample in expected}
    assert {name for name, *_ in found} >= {
        *("retries_total", "rate_limit_hits_total", "last_retry_delay_seconds", "breaker_state"),
        *("breaker_open_total", "fetch_duration_seconds_bucket", "fetch_lag_seconds"),
        *("deduplicated_messages_total", "messages_fetched_total", "fetch_errors_total"),
        "command_queue_length",
    }
    assert 0 < found["last_retry_delay_seconds", "history"] <= 0.02
    (newest,) = (
        stage.world.truth("ru_python", day)[-1] for day in stage.world.days("ru_python")[-1:]
    )
    assert found["fetch_lag_seconds", "@ru_python"] == pytest.approx(age(newest["date"]), abs=120)
    spent = sum(end["duration_sec"] for end in ends if end["chat"] == "@ru_python")
    assert spent == pytest.approx(found["fetch_duration_seconds_sum", "@ru_python"], abs=0.5)
    assert 0 < found["tgworker_disk_free_bytes",]
    assert 0 <= found["tgworker_event_loop_lag_seconds",]


def test_a_run_that_ends_before_its_second_push_leaves_its_counts(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    days = ("--from", DAYS["from"], "--to", DAYS["to"])
    push = {"METRICS_MODE": "push", "PUSH_INTERVAL_SECONDS": "600", "SERVICE_NAME": "fetcher"}
    with open_pushgateway() as pushgateway:
        run = stage.run("fetch", "@ru_python", *days, **push, PUSHGATEWAY_URL=pushgateway)
        assert 0 == run.wait()
        left = get(f"{pushgateway}/metrics")

    labels = 'instance="fetcher-1",job="fetcher"'
    assert f'messages_fetched_total{{chat="@ru_python",{labels}}} 150' in left
    # What alerts know a worker by, and would miss.
    assert "tgworker_live{" not in left


def counted(stage: Stage, ends: list[dict[str, Any]]) -> dict[Sample, float]:
    """What the simulator counted, and what was told and written, under the names of the metrics."""
    outcomes = Counter((entry["method"], entry["outcome"]) for entry in stage.log())
    assert stage.requests(HISTORY) == sum(
        count for (method, _), count in outcomes.items() if method == HISTORY
    )
    messages = sum(
        len(stage.world.truth("ru_python", day)) for day in stage.world.days("ru_python")
    )
    artifacts = [file.stat().st_size for file in stage.data.glob("**/discussions_*.json")]
    requests = "tgworker_request_duration_seconds_count"
    assert 3 == outcomes[HISTORY, "INTERNAL"] and 3 == len(artifacts)
    assert messages == sum(end["processed"] for end in ends)
    assert 2 * messages <= sum(end["deduplicated"] for end in ends)
    return {
        # The last one opens the breaker, and the command waits instead.
        ("retries_total", "server", "history"): outcomes[HISTORY, "INTERNAL"] - 1,
        ("rate_limit_hits_total", "flood_wait", HISTORY): outcomes[HISTORY, "FLOOD_WAIT_4"],
        ("tgworker_flood_wait_seconds_total", HISTORY): 4,
        ("breaker_state", "telegram"): 0,
        ("breaker_open_total", "telegram"): 1,
        ("tgworker_commands_parked_total", "breaker_open"): 1,
        ("fetch_duration_seconds_count", "@ru_python"): 3,
        ("fetch_duration_seconds_count", "@nobody_here"): 1,
        ("fetch_errors_total", "username_not_occupied"): outcomes[
            "contacts.resolveUsername", "USERNAME_NOT_OCCUPIED"
        ],
        ("messages_fetched_total", "@ru_python"): messages,
        ("deduplicated_messages_total", "archive"): sum(end["deduplicated"] for end in ends),
        ("command_queue_length",): stage.redis.llen("tg_commands"),
        (requests, "ok", "history"): outcomes[HISTORY, "ok"],
        (requests, "server", "history"): outcomes[HISTORY, "INTERNAL"],
        (requests, "flood_wait", "history"): outcomes[HISTORY, "FLOOD_WAIT_4"],
        ("tgworker_artifacts_sealed_total", "true"): 3 * len(artifacts),
        ("tgworker_written_bytes_total",): 3 * sum(artifacts),
        ("tgworker_live",): 1,
        ("tgworker_ready",): 1,
    }


def check_by_promtool(metrics: str) -> None:
    """What Prometheus' own linter has to say of all that a worker shows. It comes with the server."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics, text=True, capture_output=True, timeout=60
    )
    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def age(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
