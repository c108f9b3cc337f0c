"""Spans reach a collector as OTLP, and one that is slow, broken or absent costs spans and nothing else."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest
import trio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from structlog.testing import capture_logs

from tests.telemetry.store import Store, open_store
from tgworker.background import open_background
from tgworker.core import facts
from tgworker.core.tracing import TraceContext
from tgworker.errors import ParkedError, SettingsError, StorageError
from tgworker.instruments import open_instruments
from tgworker.service.outage import Outage
from tgworker.settings import Settings, load_settings
from tgworker.telemetry import tracing
from tgworker.telemetry.tracing import TraceTarget, Tracing, keep_tracing, make_sampler

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = TraceContext(f"00-{TRACE_ID}-00f067aa0ba902b7-01", "rojo=00f067aa0ba902b7")


@pytest.fixture
def collector() -> Iterator[Store]:
    with open_store() as server:
        server.answers = [200]
        yield server


def target(url: str, sampler: str = "parentbased_always_on", ratio: float = 1.0) -> TraceTarget:
    return TraceTarget(
        url, {"authorization": "Bearer t"}, {"service.name": "s"}, make_sampler(sampler, ratio)
    )


@asynccontextmanager
async def open_tracing(target: TraceTarget) -> AsyncIterator[Tracing]:
    async with open_background() as tasks:
        yield await tasks.start(keep_tracing, target)


def spans(collector: Store) -> list[Span]:
    """All that were taken, in the order they ended."""
    return [
        span
        for body in collector.bodies
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes(told: Any) -> dict[str, Any]:
    values = {pair.key: pair.value for pair in told.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


async def test_pieces_of_work_are_spans_inside_each_other(collector: Store) -> None:
    async with open_tracing(target(collector.url)) as observer:
        with observer.span("command", PARENT, chat="@ru_python", limit=None) as told:
            async with trio.open_nursery() as nursery:  # other tasks belong to it as well

                async def page() -> None:
                    with observer.span("page"):
                        await trio.lowlevel.checkpoint()

                nursery.start_soon(page)

    page_span, command = spans(collector)
    assert "/v1/traces" == collector.paths[0]
    assert "application/x-protobuf" == collector.types[0]
    assert ("page", "command") == (page_span.name, command.name)
    assert command.span_id == page_span.parent_span_id
    assert {TRACE_ID} == {span.trace_id.hex() for span in (page_span, command)}
    assert "00f067aa0ba902b7" == command.parent_span_id.hex()
    assert {"tgworker.chat": "@ru_python"} == attributes(command)
    assert told is not None
    assert f"00-{TRACE_ID}-{command.span_id.hex()}-01" == told.traceparent
    assert "rojo=00f067aa0ba902b7" == told.tracestate


async def test_a_command_without_a_context_begins_a_trace_of_its_own(collector: Store) -> None:
    async with open_tracing(target(collector.url)) as observer:
        with observer.span("command") as first, observer.span("page"):
            pass
        with observer.span("command") as second:
            pass

    assert first is not None and second is not None
    assert first.trace_id != second.trace_id
    assert b"" == spans(collector)[1].parent_span_id


async def test_facts_are_told_of_the_span_they_fall_into(collector: Store) -> None:
    async with open_tracing(target(collector.url)) as observer:
        observer.note(facts.QueueSeen(3))
        with observer.span("command"):
            with observer.span("page"):
                observer.note(facts.RequestEnded("history", 0.1, "network"))
                observer.note(facts.Retried("history", "network", 0.5))
                observer.note(facts.FloodWaited("messages.getHistory", 7.0))
                observer.note(facts.RequestEnded("history", 0.1))
                observer.note(facts.PageFiled("@c", 60, 1, None))
                observer.note(facts.PageFiled("@c", 40, 0, None))
            with observer.span("seal"):
                day = date(2025, 11, 7)
                observer.note(facts.DaySealed("@c", day, 271, 5000, True, 0.1))
            observer.note(facts.CommandEnded("@c", 1.0, "storage", "c1", "The disk is full."))

    page, seal, command = spans(collector)
    assert {"tgworker.saved": 100, "tgworker.deduplicated": 1} == attributes(page)
    assert ["request_failed", "retry", "flood_wait"] == [event.name for event in page.events]
    assert 7.0 == attributes(page.events[2])["wait_seconds"]
    assert {"tgworker.outcome": "failed", "error.type": "storage"} == attributes(command)
    assert (Status.STATUS_CODE_ERROR, "The disk is full.") == (
        command.status.code,
        command.status.message,
    )
    assert {"tgworker.messages": 271, "tgworker.bytes": 5000} == attributes(seal)


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (facts.CommandEnded("@c", 1.0), {"tgworker.outcome": "completed"}),
        (
            facts.CommandParked("flood_wait"),
            {"tgworker.outcome": "parked", "tgworker.reason": "flood_wait"},
        ),
    ],
)
async def test_what_ends_well_or_rests_is_no_error(
    collector: Store, fact: facts.Fact, said: dict[str, str]
) -> None:
    async with open_tracing(target(collector.url)) as observer:
        with observer.span("command"):
            observer.note(fact)

    (command,) = spans(collector)
    assert said == attributes(command)
    assert Status.STATUS_CODE_UNSET == command.status.code


async def test_an_error_that_ends_a_span_is_its_error_and_a_rest_is_not(collector: Store) -> None:
    async with open_tracing(target(collector.url)) as observer:
        with pytest.raises(StorageError), observer.span("seal"):
            raise StorageError("The disk is full.")
        with pytest.raises(ParkedError), observer.span("page"):
            raise ParkedError("Later.", resume_at=datetime.now(UTC))
        with pytest.raises(ValueError, match="secret"), observer.span("page"):
            raise ValueError("secret")

    seal, *others = spans(collector)
    assert (Status.STATUS_CODE_ERROR, "The disk is full.") == (
        seal.status.code,
        seal.status.message,
    )
    assert "storage" == attributes(seal)["error.type"]
    assert [Status.STATUS_CODE_UNSET] * 2 == [span.status.code for span in others]
    assert b"secret" not in b"".join(collector.bodies)


@pytest.mark.parametrize(
    ("sampler", "ratio", "parent", "kept"),
    [
        ("always_off", 1.0, PARENT, 0),
        ("parentbased_always_off", 1.0, PARENT, 1),
        ("parentbased_always_on", 1.0, TraceContext(PARENT.traceparent[:-1] + "0"), 0),
        ("traceidratio", 0.0, PARENT, 0),
        ("parentbased_traceidratio", 1.0, None, 1),
    ],
)
async def test_what_is_kept_is_the_samplers_choice_and_all_is_passed_on(
    collector: Store, sampler: str, ratio: float, parent: TraceContext | None, kept: int
) -> None:
    async with open_tracing(target(collector.url, sampler, ratio)) as observer:
        with observer.span("command", parent) as told:
            observer.note(facts.CommandEnded("@c", 1.0))

    assert kept == len(spans(collector))
    assert told is not None
    assert kept == int(told.traceparent[-1], 16) & 1


def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_a_collector_that_is_away_is_told_of_once_and_stops_nothing(
    configure: Callable[..., Any], collector: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = configure(level="DEBUG")
    monkeypatch.setattr(tracing, "REQUEST_SECONDS", 0.05)
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    collector.answers = [400, 400, 400, 200]

    async with open_tracing(target(collector.url)) as observer:
        for count in range(1, 5):
            with observer.span("command"):
                pass
            await trio.to_thread.run_sync(collector.wait_for, count)

    away, back = (line for line in lines.parsed if line["event"].startswith("traces."))
    assert ("traces.collector_away", "warning") == (away["event"], away["level"])
    assert "400" in away["error"]
    assert ("traces.collector_back", 3) == (back["event"], back["dropped"])
    assert not [line for line in lines.parsed if "opentelemetry" in line.get("logger", "")]
    assert logging.getLogger("opentelemetry").propagate


async def test_a_stop_waits_a_bounded_time_for_a_collector_that_hangs_or_is_not_there(
    collector: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "FLUSH_SECONDS", 0.05)
    collector.hold.clear()
    with capture_logs() as lines:
        for url in (collector.url, free_url()):
            async with open_tracing(target(url)) as observer:
                with observer.span("command"):
                    pass

    assert [] == collector.bodies
    assert 2 == [line["event"] for line in lines].count("traces.cut_off")


def settings(**environ: str) -> Settings:
    return load_settings({"METRICS_MODE": "off", "WORKER_ID": "w", **environ})


async def test_the_settings_say_where_spans_go_and_as_what(collector: Store) -> None:
    chosen = settings(
        OTEL_EXPORTER_OTLP_ENDPOINT=f"{collector.url}/",
        OTEL_EXPORTER_OTLP_HEADERS="authorization=Bearer%20t",
        OTEL_RESOURCE_ATTRIBUTES="team=blue,service.version=9",
    )
    async with open_instruments(chosen, Outage(0), []) as instruments:
        with instruments.observer.span("command"):
            pass

    (body,) = collector.bodies
    (resource,) = ExportTraceServiceRequest.FromString(body).resource_spans
    said = attributes(resource.resource)
    assert ["/v1/traces"] == collector.paths
    assert "Bearer t" == collector.headers[0]["authorization"]
    assert ("telegram-fetcher", "w", "blue", "9") == (
        said["service.name"],
        said["service.instance.id"],
        said["team"],
        said["service.version"],
    )


async def test_a_name_of_its_own_goes_before_the_services(collector: Store) -> None:
    chosen = settings(
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
        OTEL_SERVICE_NAME="fetcher-eu",
        OTEL_RESOURCE_ATTRIBUTES="service.name=other",
    )
    async with open_instruments(chosen, Outage(0), []) as instruments:
        with instruments.observer.span("command"):
            pass

    (resource,) = ExportTraceServiceRequest.FromString(collector.bodies[0]).resource_spans
    assert "fetcher-eu" == attributes(resource.resource)["service.name"]


async def test_without_the_libraries_the_start_is_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "tgworker.telemetry.tracing")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    chosen = settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    with pytest.raises(SettingsError, match=r"pip install 'tgworker\[otel\]'"):
        async with open_instruments(chosen, Outage(0), []):
            pass


async def test_a_variable_that_the_library_refuses_stops_the_start_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "-1")
    chosen = settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    with pytest.raises(SettingsError, match="max_queue_size must be"):
        async with open_instruments(chosen, Outage(0), []):
            pass


def test_who_does_not_trace_imports_nothing_for_it() -> None:
    ours = ("opentelemetry", "google.protobuf")
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys, tgworker.app; print([m for m in sys.modules if m.startswith({ours})])",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert "[]\n" == ran.stdout
