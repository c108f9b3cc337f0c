"""A trace goes through a worker: from the command that says what it is part of, through spans, to the events."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.e2e.conftest import MakeStage
from tests.telemetry.store import open_store
from tests.telemetry.test_tracing import attributes, spans

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
WORLD: dict[str, Any] = {
    "seed": 7,
    "chats": [
        {
            "username": "ru_python",
            "title": "Python",
            "type": "supergroup",
            "from": "2025-11-01",
            "to": "2025-11-03",
            "per_day": [120, 0, 230],
        }
    ],
}
DAYS = {"chat": "@ru_python", "mode": "range", "from": "2025-11-01", "to": "2025-11-03"}


@pytest.mark.expects_errors
def test_one_trace_holds_all_that_a_command_led_to(make_stage: MakeStage) -> None:
    stage = make_stage(WORLD)
    with open_store() as collector:
        collector.answers = [200]
        worker = stage.worker(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20verysecret",
        )
        stage.fetch(**DAYS, traceparent=PARENT, tracestate="rojo=1")
        stage.fetch(chat="../x", traceparent=PARENT)
        alone = stage.fetch(**{**DAYS, "chat": "@nobody_here"})
        worker.signal(signal.SIGTERM)
        assert 0 == worker.wait()
        told = spans(collector)

    ours = [span for span in told if span.trace_id.hex() == TRACE_ID]
    names = {span.span_id: span.name for span in ours}
    inside = {(names.get(span.parent_span_id), span.name) for span in ours}
    assert {(None, "command"), ("command", "day"), ("day", "page")} < inside
    assert {("page", "seal"), ("day", "seal")} & inside
    fetched, rejected = (span for span in ours if span.name == "command")
    assert {"00f067aa0ba902b7"} == {s.parent_span_id.hex() for s in (fetched, rejected)}
    assert 3 == sum(span.name == "seal" for span in ours)
    assert 350 == sum(attributes(s).get("tgworker.saved", 0) for s in ours if s.name == "page")
    assert ("completed", "failed") == (
        attributes(fetched)["tgworker.outcome"],
        attributes(rejected)["tgworker.outcome"],
    )

    events = [event for event in stage.logged() if event["command_id"] != alone["command_id"]]
    carried = {event["command_id"]: event["traceparent"] for event in events}
    assert all(carried[event["command_id"]] == event["traceparent"] for event in events)
    expected = {f"00-{TRACE_ID}-{span.span_id.hex()}-01" for span in (fetched, rejected)}
    assert expected == set(carried.values())
    assert {"rojo=1", None} == {event.get("tracestate") for event in events}
    (other,) = (span for span in told if span.name == "command" and span not in ours)
    assert other.trace_id.hex() == alone["traceparent"].split("-")[1] != TRACE_ID
    assert "username_not_occupied" == attributes(other)["error.type"]
    claimed = [line for line in worker.lines("command.completed")]
    assert [TRACE_ID] == [line["trace_id"] for line in claimed]
    assert "verysecret" not in str(worker.lines())
