"""What happens becomes numbers, under the names that others rely on."""

from __future__ import annotations

import math
import shutil
import subprocess
from datetime import date

import pytest
from prometheus_client.exposition import generate_latest

from tgworker.core import facts
from tgworker.core.facts import BreakerState, Fact
from tgworker.telemetry.metrics import MOST_CHATS, MOST_KINDS, Metrics
from tgworker.telemetry.sinks.buffer import LineBuffer

CONTRACT = {
    "retries_total": {"target", "reason"},
    "rate_limit_hits_total": {"source", "reason"},
    "last_retry_delay_seconds": {"target"},
    "breaker_state": {"component"},
    "breaker_open_total": {"component"},
    "fetch_duration_seconds_bucket": {"chat", "le"},
    "fetch_lag_seconds": {"chat"},
    "deduplicated_messages_total": {"source"},
    "messages_fetched_total": {"chat"},
    "fetch_errors_total": {"error_type"},
    "command_queue_length": set(),
}

EVERYTHING: tuple[Fact, ...] = (
    facts.RequestEnded("history", 0.2),
    facts.RequestEnded("history", 0.2, "timeout"),
    facts.Retried("history", "timeout", 1.5),
    facts.FloodWaited("messages.getHistory", 30),
    facts.RateChanged(0.5),
    facts.BreakerMoved("telegram", BreakerState.OPEN),
    facts.PageFiled("@chat", 90, 10, 3600.0),
    facts.PageFiled("@chat", 0, 0, None),
    facts.DaySealed("@chat", date(2025, 11, 1), 90, 12345, True, 0.1),
    facts.CommandBegan("c-1", "@chat"),
    facts.CommandEnded("@chat", 100.0),
    facts.CommandEnded(None, 0.0, "invalid_command"),
    facts.CommandLeft("c-1"),
    facts.CommandParked("chat_busy"),
    facts.CommandBuried("max_deliveries"),
    facts.LeaseRenewed(),
    facts.LeaseLost(),
    facts.QueueSeen(7),
    facts.OutboxSeen(3),
    facts.TelegramSeen(True),
    facts.DiskSeen(10**9),
)


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics(version="1.2.3")
    made.dropped_lines("loki", LineBuffer())
    made.gauge("tgworker_event_loop_lag_seconds", "How late the loop is.", lambda: 0.25)
    for fact in EVERYTHING:
        made.note(fact)
    return made


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_every_name_of_the_contract_is_there_with_its_labels(metrics: Metrics) -> None:
    found: dict[str, set[str]] = {}
    for family in metrics.registry.collect():
        for sample in family.samples:
            found.setdefault(sample.name, set(sample.labels))

    assert CONTRACT == {name: found.get(name) for name in CONTRACT}
    ours = {name for name in found if not name.startswith(("tgworker_", "process_"))}
    assert set(CONTRACT) == ours - {"fetch_duration_seconds_count", "fetch_duration_seconds_sum"}


def test_the_numbers_are_what_happened(metrics: Metrics) -> None:
    assert 1 == value(metrics, "retries_total", target="history", reason="timeout")
    assert 1.5 == value(metrics, "last_retry_delay_seconds", target="history")
    hits = {"source": "messages.getHistory", "reason": "flood_wait"}
    assert 1 == value(metrics, "rate_limit_hits_total", **hits)
    assert 30 == value(metrics, "tgworker_flood_wait_seconds_total", source=hits["source"])
    assert 0.5 == value(metrics, "tgworker_request_rate")
    assert 1 == value(metrics, "breaker_state", component="telegram")
    assert 1 == value(metrics, "breaker_open_total", component="telegram")
    assert 90 == value(metrics, "messages_fetched_total", chat="@chat")
    assert 10 == value(metrics, "deduplicated_messages_total", source="archive")
    assert 3600 == value(metrics, "fetch_lag_seconds", chat="@chat")
    assert 1 == value(metrics, "tgworker_artifacts_sealed_total", complete="true")
    assert 12345 == value(metrics, "tgworker_written_bytes_total")
    assert 1 == value(metrics, "tgworker_commands_total", outcome="completed")
    assert 1 == value(metrics, "tgworker_commands_total", outcome="failed")
    assert 1 == value(metrics, "fetch_errors_total", error_type="invalid_command")
    assert 1 == value(metrics, "fetch_duration_seconds_bucket", chat="@chat", le="120.0")
    assert 0 == value(metrics, "fetch_duration_seconds_bucket", chat="@chat", le="60.0")
    requests = "tgworker_request_duration_seconds_count"
    assert 1 == value(metrics, requests, target="history", outcome="ok")
    assert 1 == value(metrics, requests, target="history", outcome="timeout")
    assert 1 == value(metrics, "tgworker_commands_parked_total", reason="chat_busy")
    assert 1 == value(metrics, "tgworker_commands_dead_total", reason="max_deliveries")
    assert 1 == value(metrics, "tgworker_leases_lost_total")
    assert 7 == value(metrics, "command_queue_length")
    assert 3 == value(metrics, "tgworker_outbox_events")
    assert 10**9 == value(metrics, "tgworker_disk_free_bytes")
    assert 0 == value(metrics, "tgworker_log_lines_dropped_total", store="loki")
    assert 0.25 == value(metrics, "tgworker_event_loop_lag_seconds")
    assert 1 == value(metrics, "tgworker_build_info", version="1.2.3")


def test_what_can_only_be_counted_later_is_zero_from_the_start() -> None:
    """An alert on an increase needs something to rise from."""
    metrics = Metrics(version="1")

    assert 0 == value(metrics, "breaker_state", component="telegram")
    assert 0 == value(metrics, "breaker_open_total", component="telegram")
    assert 0 == value(metrics, "tgworker_commands_total", outcome="failed")
    assert 0 == value(metrics, "tgworker_leases_lost_total")


def test_a_disk_that_nobody_has_looked_at_is_not_full() -> None:
    metrics = Metrics(version="1")

    assert math.isnan(value(metrics, "tgworker_disk_free_bytes") or 0)
    metrics.note(facts.DiskSeen(None, "Read-only file system"))
    assert 0 == value(metrics, "tgworker_disk_free_bytes")


def test_however_many_chats_there_are_series_stay_few() -> None:
    metrics = Metrics(version="1")

    for number in range(MOST_CHATS + 50):
        metrics.note(facts.PageFiled(f"@chat{number}", 1, 0, None))
    metrics.note(facts.PageFiled("@chat3", 1, 0, None))

    assert 2 == value(metrics, "messages_fetched_total", chat="@chat3")
    assert 50 == value(metrics, "messages_fetched_total", chat="(other)")


def test_whatever_telegram_calls_its_errors_series_stay_few() -> None:
    metrics = Metrics(version="1")

    for number in range(MOST_KINDS + 50):
        metrics.note(facts.CommandEnded("@chat", 1.0, f"new_error_{number}"))
        metrics.note(facts.RequestEnded("history", 1.0, f"new_error_{number}"))
        metrics.note(facts.CommandParked(f"new_error_{number}"))

    assert 50 <= (value(metrics, "fetch_errors_total", error_type="(other)") or 0) <= 60
    families = metrics.registry.collect()
    most = max(
        len({tuple(s.labels.values()) for s in f.samples if "le" not in s.labels}) for f in families
    )
    assert most <= MOST_KINDS + 20


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_own_linter_has_nothing_to_say(metrics: Metrics) -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=generate_latest(metrics.registry),
        capture_output=True,
        timeout=60,
    )

    assert (0, b"", b"") == (checked.returncode, checked.stdout, checked.stderr)
