"""Events as the contract writes them."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.events import Event, EventKind, Status, event_json, legacy_events
from tgworker.core.message import Json
from tgworker.core.model import DayReport, FieldError, Mode

PROGRESS = Event(
    event=EventKind.PROGRESS,
    status=Status.RUNNING,
    command_id="c1",
    chat="@ru_python",
    mode=Mode.RANGE,
    params={"from": "2025-11-01", "to": "2025-11-07"},
    ts=datetime(2025, 11, 9, 12, 34, 56, 789000, UTC),
    worker_id="fetcher-1",
    processed=271,
    duration_sec=42.50049,
    day=DayReport(date(2025, 11, 7), 271, True, "ru_python/2025/discussions_2025-11-07.json"),
)
FAILED = evolve(
    PROGRESS,
    event=EventKind.FAILED,
    status=Status.FAILED,
    day=None,
    error_type="network",
    error="Connection timeout",
)


def test_an_event_is_what_the_contract_shows_byte_for_byte() -> None:
    assert (
        b'{"event":"progress","schema_version":"1.0.0","command_id":"c1","chat":"@ru_python",'
        b'"mode":"range","params":{"from":"2025-11-01","to":"2025-11-07"},"processed":271,'
        b'"errors":0,"duration_sec":42.5,"status":"running","ts":"2025-11-09T12:34:56Z",'
        b'"worker_id":"fetcher-1","deduplicated":0,"day":{"date":"2025-11-07","messages":271,'
        b'"complete":true,"file":"ru_python/2025/discussions_2025-11-07.json"}}'
    ) == event_json(PROGRESS, "1.0.0")


def test_a_rejected_command_has_nulls_and_says_what_is_wrong() -> None:
    event = evolve(
        FAILED,
        chat=None,
        mode=None,
        params=None,
        processed=0,
        error_type="invalid_command",
        errors=(FieldError("$.days", "must be at least 1"),),
    )

    said = json.loads(event_json(event, "1.0.0"))

    assert (None, None, None) == (said["chat"], said["mode"], said["params"])
    assert [{"path": "$.days", "message": "must be at least 1"}] == said["errors"]
    assert ("invalid_command", "Connection timeout") == (said["error_type"], said["error"])
    assert "day" not in said


def test_times_are_told_in_utc() -> None:
    there = timezone(timedelta(hours=3))
    event = evolve(
        PROGRESS,
        status=Status.WAITING,
        ts=PROGRESS.ts.astimezone(there),
        resume_at=datetime(2025, 11, 9, 16, 0, tzinfo=there),
    )

    said = json.loads(event_json(event, "1.0.0"))

    assert "2025-11-09T12:34:56Z" == said["ts"]
    assert "2025-11-09T13:00:00Z" == said["resume_at"]


@given(
    st.builds(
        Event,
        event=st.sampled_from(EventKind),
        status=st.sampled_from(Status),
        command_id=st.none() | st.text(),
        chat=st.none() | st.text(),
        mode=st.none() | st.sampled_from(Mode),
        worker_id=st.text(),
        params=st.none() | st.dictionaries(st.text(), st.integers(0, 99) | st.text()),
        ts=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),
        resume_at=st.none(),
        processed=st.integers(0, 2**53),
        deduplicated=st.integers(0, 2**53),
        errors=st.integers(0, 99),
        duration_sec=st.floats(0, 1e9),
    )
)
def test_every_event_is_an_object_with_all_fields_that_always_are_there(event: Event) -> None:
    said = json.loads(event_json(event, "1.0.0"))

    assert {"event", "chat", "mode", "params", "errors", "deduplicated", "ts"} <= set(said)
    for line in legacy_events(event, data_dir="data", service="s"):
        assert said["worker_id"] == json.loads(line)["worker_id"]


def test_a_written_day_is_a_fetch_complete() -> None:
    (line,) = legacy_events(PROGRESS, data_dir="data/", service="telegram-fetcher")

    assert {
        "event": "fetch_complete",
        "chat": "ru_python",
        "date": "2025-11-07",
        "message_count": 271,
        "file_path": "data/ru_python/2025/discussions_2025-11-07.json",
        "duration_seconds": 42.5,
        "timestamp": "2025-11-09T12:34:56.789000",
        "service": "telegram-fetcher",
        "worker_id": "fetcher-1",
    } == json.loads(line)


@pytest.mark.parametrize(
    ("params", "day"),
    [
        ({"date": "2025-11-03"}, "2025-11-03"),
        ({"days": 3}, "2025-11-08"),
        ({"from": "2025-11-01", "to": "2025-11-07"}, "2025-11-07"),
        ({}, None),
        (None, None),
    ],
)
def test_a_failed_command_is_a_fetch_failed_of_its_last_day(
    params: dict[str, Json] | None, day: str | None
) -> None:
    (line,) = legacy_events(evolve(FAILED, params=params), data_dir="data", service="s")

    said = json.loads(line)
    assert ("fetch_failed", "ru_python") == (said["event"], said["chat"])
    assert (day, "Connection timeout") == (said["date"], said["error"])


def test_a_command_that_failed_on_a_day_is_a_fetch_failed_of_that_day() -> None:
    (line,) = legacy_events(evolve(FAILED, day=PROGRESS.day), data_dir="data", service="s")

    assert "2025-11-07" == json.loads(line)["date"]


@pytest.mark.parametrize("kind", [EventKind.STARTED, EventKind.COMPLETED, EventKind.PROGRESS])
def test_other_events_mean_nothing_to_the_older_form(kind: EventKind) -> None:
    assert [] == legacy_events(evolve(PROGRESS, event=kind, day=None), data_dir="d", service="s")
