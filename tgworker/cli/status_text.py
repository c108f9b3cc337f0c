"""The status as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tgworker.adapters.archive.progress import Progress
from tgworker.cli.archive_summary import ChatSummary
from tgworker.cli.status_report import QueueReport, StatusReport
from tgworker.cli.text import clock_text, printable
from tgworker.core.codec import utc_text


def print_status(report: StatusReport, console: Console) -> None:
    """Every part there is, then what is missing."""
    if report.queue is not None:
        _print_queue(report.queue, console)
    if report.open_work is not None:
        _print_open_work(report.open_work, console)
    if report.chats is not None:
        _print_chats(report.chats, console)
    for problem in report.problems:
        console.print(Text(printable(problem), style="red"), soft_wrap=True)


def _print_queue(queue: QueueReport, console: Console) -> None:
    workers = ", ".join(map(printable, queue.workers)) or "none connected"
    table = _table("Queue", "waiting", "running", "parked", "dead", "workers")
    counts = (queue.depth, queue.running, queue.parked, queue.dead)
    table.add_row(*(f"{count:,}" for count in counts), workers)
    console.print(table)
    lines = [("running", f"lease {job.seconds:.0f} s", job) for job in queue.running_commands]
    lines += [("parked", f"due in {job.seconds:.0f} s", job) for job in queue.parked_commands]
    _print_rows(
        console,
        _table("Commands taken", "state", "", "worker", "deliveries", "command id", "command"),
        (
            (state, when, job.worker_id, str(job.deliveries), job.command_id, job.payload)
            for state, when, job in lines
        ),
    )
    _print_rows(
        console,
        _table("Set aside for good", "since", "reason", "command id", "command"),
        ((utc_text(d.died_at), d.reason, d.command_id, d.payload) for d in queue.dead_commands),
    )


def _print_open_work(work: Progress, console: Console) -> None:
    _print_rows(
        console,
        _table("Commands under way", "since", "chat", "mode", "command id"),
        ((clock_text(c.started_at), c.chat, c.mode, c.command_id) for c in work.commands),
    )
    _print_rows(
        console,
        _table("Days not sealed", "chat", "day", "messages", "last id"),
        (
            (d.chat, str(d.date), f"{d.messages:,}", str(d.last_processed_msg_id or "–"))
            for d in work.days
        ),
    )


def _print_chats(chats: Iterable[ChatSummary], console: Console) -> None:
    rows = [
        (
            *(chat.chat, chat.title, f"{chat.days:,}", str(chat.open_days or "")),
            *(f"{chat.messages:,}", f"{chat.bytes / 1e6:,.1f} MB", str(chat.last_day or "–")),
        )
        for chat in chats
    ]
    columns = ("chat", "title", "days", "open", "messages", "size", "last day")
    _print_rows(console, _table("Archive", *columns), rows)
    if not rows:
        console.print("The archive is empty.")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def _print_rows(console: Console, table: Table, rows: Iterable[Iterable[str]]) -> None:
    """A table without rows is not shown."""
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    if table.row_count:
        console.print(table)
