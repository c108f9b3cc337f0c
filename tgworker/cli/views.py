"""Ways to show events: as JSON lines, as sentences, as bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import TextIO, TypeAlias

import click
from attrs import define, field
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from tgworker.cli.text import clock_text, event_line, plural, printable, what_is_asked
from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import Mode

Show: TypeAlias = Callable[[Event], None]


def show_line(event: Event, stream: TextIO) -> None:
    """One event as a sentence, at once."""
    click.echo(event_line(event), file=stream)


@contextmanager
def open_view(stream: TextIO, *, with_lines: bool = False) -> Iterator[Show]:
    """For people: bars on a terminal, sentences elsewhere; `with_lines`: both on a terminal."""
    if not stream.isatty():
        yield lambda event: show_line(event, stream)
        return
    with _open_bars(Console(file=stream), with_lines=with_lines) as show:
        yield show


@contextmanager
def _open_bars(console: Console, *, with_lines: bool) -> Iterator[Show]:
    """A bar for each command that is told of; `with_lines`: each event as a sentence above them."""
    progress = Progress(
        SpinnerColumn(finished_text=" "),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[state]}"),
        console=console,
    )
    bars: dict[str | None, _Bar] = {}
    with progress:

        def show(event: Event) -> None:
            if with_lines:
                console.print(event_line(event), markup=False, highlight=False, soft_wrap=True)
            if event.command_id not in bars:
                bars[event.command_id] = _Bar(progress, _add_task(progress, event))
            bars[event.command_id].show(event)

        yield show


def _add_task(progress: Progress, event: Event) -> TaskID:
    title = printable(f"{event.chat or '(no chat)'}  {what_is_asked(event)}")
    return progress.add_task(title, total=_days_asked(event), figures="", state="")


def _days_asked(event: Event) -> int | None:
    params = event.params or {}
    match event.mode:
        case Mode.DATE:
            return 1
        case Mode.DAYS:
            return int(str(params["days"]))
        case Mode.RANGE:
            first, last = (date.fromisoformat(str(params[name])) for name in ("from", "to"))
            return (last - first).days + 1
        case _:
            return None


@define
class _Bar:
    """One command's bar. It counts days; sealed ones that cost nothing are only seen at the end."""

    progress: Progress
    task: TaskID
    days: set[date] = field(factory=set)

    def show(self, event: Event) -> None:
        if event.day is not None:
            self.days.add(event.day.date)
        self.progress.update(
            self.task,
            completed=len(self.days),
            figures=plural(event.processed, "message"),
            state=_state(event),
        )
        if event.event is EventKind.COMPLETED:
            total = _days_asked(event) or len(self.days) or 1
            self.progress.update(self.task, total=total, completed=total)
        if event.event in (EventKind.COMPLETED, EventKind.FAILED):
            self.progress.stop_task(self.task)


def _state(event: Event) -> str:
    """In the markup of rich."""
    match event.event, event.status:
        case _, Status.WAITING:
            until = f" until {clock_text(event.resume_at)}" if event.resume_at else ""
            return f"[yellow]waits{until}[/] {escape(printable(event.error or ''))}"
        case EventKind.COMPLETED, _:
            return "[green]done[/]"
        case EventKind.FAILED, _:
            return f"[red]failed[/] {escape(printable(event.error or ''))}"
        case _:
            return ""
