from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from attrs import evolve

from tgworker.cli.views import open_view
from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import Mode


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")


def shown(events: list[Event], *, with_lines: bool = False) -> str:
    terminal = Terminal()
    with open_view(terminal, with_lines=with_lines) as show:
        for event in events:
            show(event)
    return terminal.getvalue()


def test_elsewhere_than_on_a_terminal_events_are_sentences(
    story: Callable[..., list[Event]],
) -> None:
    stream = io.StringIO()

    with open_view(stream) as show:
        for event in story():
            show(event)

    words = [line.split()[2] for line in stream.getvalue().splitlines()]
    assert ["started", "progress", "completed"] == words


def test_a_command_that_goes_well_ends_with_a_full_bar(story: Callable[..., list[Event]]) -> None:
    text = shown(story())

    assert "@ru_python  2025-11-01 … 2025-11-07" in text
    assert "271 messages" in text
    assert "done" in text


def test_a_failure_is_told_beside_the_bar(story: Callable[..., list[Event]]) -> None:
    assert "failed @ru_python is [b]private" in shown(story(error="@ru_python is [b]private"))


def test_a_wait_is_told_beside_the_bar(story: Callable[..., list[Event]]) -> None:
    started = story()[0]
    waiting = evolve(
        started,
        event=EventKind.PROGRESS,
        status=Status.WAITING,
        resume_at=datetime(2025, 11, 9, 13, tzinfo=UTC),
        error="Flood.",
    )

    assert "waits until 13:00:00Z Flood." in shown([started, waiting])


@pytest.mark.parametrize(
    ("mode", "params"),
    [
        (Mode.DATE, {"date": "2025-11-07"}),
        (Mode.DAYS, {"days": 3}),
        (Mode.FULL, {}),
        (None, None),
    ],
)
def test_there_is_a_bar_for_every_way_to_name_days(
    story: Callable[..., list[Event]], mode: Mode | None, params: dict[str, object] | None
) -> None:
    assert "done" in shown([evolve(event, mode=mode, params=params) for event in story()])


def test_sentences_may_stand_above_the_bars(story: Callable[..., list[Event]]) -> None:
    text = shown(story(), with_lines=True)

    assert "completed  @ru_python  271 messages saved, 4.2 s" in text
    assert "done" in text
