from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from attrs import evolve

from tgworker.cli.text import event_line, printable, what_is_asked
from tgworker.core.codec import from_json
from tgworker.core.events import Event, EventKind, Status, event_json
from tgworker.core.message import Json
from tgworker.core.model import DayReport, FieldError, Mode

EVENT = Event(
    event=EventKind.STARTED,
    status=Status.RUNNING,
    command_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    chat="@ru_python",
    mode=Mode.DATE,
    params={"date": "2025-11-07"},
    ts=datetime(2025, 11, 9, 12, 34, 56, tzinfo=UTC),
    worker_id="fetcher-1",
)
DAY = DayReport(date(2025, 11, 7), 1, True, "ru_python/2025/discussions_2025-11-07.json")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "started    @ru_python  2025-11-07  (fetcher-1)"),
        (
            {"event": EventKind.PROGRESS, "processed": 1200, "deduplicated": 3},
            "progress   @ru_python  1,200 messages saved, 3 known before so far",
        ),
        (
            {"event": EventKind.PROGRESS, "day": DAY},
            "progress   @ru_python  2025-11-07 sealed: 1 message in "
            "ru_python/2025/discussions_2025-11-07.json",
        ),
        (
            {"event": EventKind.PROGRESS, "day": evolve(DAY, complete=False, messages=2)},
            "progress   @ru_python  2025-11-07 stays open: 2 messages in "
            "ru_python/2025/discussions_2025-11-07.json",
        ),
        (
            {
                "event": EventKind.PROGRESS,
                "status": Status.WAITING,
                "resume_at": datetime(2025, 11, 9, 13, tzinfo=UTC),
                "error": "Telegram asks to wait.",
            },
            "waiting    @ru_python  until 13:00:00Z: Telegram asks to wait.",
        ),
        (
            {"event": EventKind.PROGRESS, "status": Status.WAITING},
            "waiting    @ru_python  : resting",
        ),
        (
            {"event": EventKind.COMPLETED, "status": Status.COMPLETED, "duration_sec": 4.25},
            "completed  @ru_python  0 messages saved, 4.2 s",
        ),
        (
            {"event": EventKind.FAILED, "chat": None, "error_type": "x", "error": "No\x1b[2J"},
            "failed     (no chat)  x: No\N{REPLACEMENT CHARACTER}[2J",
        ),
    ],
)
def test_an_event_is_told_in_one_line(changes: dict[str, object], line: str) -> None:
    assert f"12:34:56Z  0f8fad5b  {line}" == event_line(evolve(EVENT, **changes))


@pytest.mark.parametrize(
    ("mode", "params", "words"),
    [
        (Mode.DATE, {"date": "2025-11-07"}, "2025-11-07"),
        (Mode.RANGE, {"from": "2025-11-01", "to": "2025-11-07"}, "2025-11-01 … 2025-11-07"),
        (Mode.DAYS, {"days": 1}, "yesterday"),
        (Mode.DAYS, {"days": 3}, "the last 3 days"),
        (Mode.FULL, {}, "everything"),
        (None, None, ""),
    ],
)
def test_what_is_asked_is_told_in_words(
    mode: Mode | None, params: dict[str, Json] | None, words: str
) -> None:
    assert words == what_is_asked(evolve(EVENT, mode=mode, params=params))


def test_nothing_that_steers_a_terminal_gets_through() -> None:
    assert "a\ufffd[31mb\ufffdc 🎉 мир" == printable("a\x1b[31mb\nc 🎉 мир")


@pytest.mark.parametrize(
    "event",
    [
        EVENT,
        evolve(EVENT, event=EventKind.PROGRESS, day=DAY, errors=2, resume_at=EVENT.ts),
        evolve(EVENT, mode=None, chat=None, params=None, errors=(FieldError("$.days", "wrong"),)),
    ],
)
def test_events_are_read_back_as_they_were_told(event: Event) -> None:
    assert event == from_json(event_json(event, "1.0.0"), Event)
