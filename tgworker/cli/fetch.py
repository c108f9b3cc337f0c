"""``tgworker fetch``: fetch once, without Redis."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click
import trio
from attrs import evolve

from tgworker.app import run_fetch
from tgworker.cli.border import Tool
from tgworker.cli.days import build_command, chosen_mode, day_options
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, setting_options, start_tool_logging
from tgworker.cli.views import Show, open_view
from tgworker.core.events import event_json
from tgworker.core.model import FetchCommand, FieldError, Mode
from tgworker.core.planning import ONE_DAY
from tgworker.errors import InvalidCommandError
from tgworker.instruments import shipments_of
from tgworker.settings import FetchMode, Settings

_EXAMPLES = """
  tgworker fetch @ru_python --days 3
  tgworker fetch ru_python habr_com --from 2025-11-01 --to 2025-11-07
  FETCH_CHATS=ru_python,habr_com tgworker fetch        # yesterday's messages, for cron
"""
_SETTINGS = (
    *("TELEGRAM_API_ID", "TELEGRAM_SESSION", "DATA_DIR", "ARTIFACT_FORMAT"),
    *("FETCH_CHATS", "FETCH_MODE", "REFRESH_DAYS", "FETCH_STRATEGY", "FETCH_CONCURRENCY"),
    "REQUESTS_PER_SECOND",
)
_NOTES = """\b
Without CHAT it fetches FETCH_CHATS; without any days, those of FETCH_MODE. Exits 0 only if
everything was fetched. What is sealed costs no request, so it may be run again at any time."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, _SETTINGS, _NOTES))
@click.argument("chats", nargs=-1, metavar="[CHAT]...")
@day_options
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines, as it does when it writes to a pipe."
)
@setting_options("DATA_DIR", "ARTIFACT_FORMAT", "REQUESTS_PER_SECOND")
def fetch(chats: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Fetch days of some chats here and now, without Redis and without a worker."""
    settings = read_settings()
    shipments = shipments_of(settings)
    start_tool_logging(settings, [shipment.buffer for shipment in shipments])
    commands = _commands(chats or settings.fetch_chats, settings, options)
    with _ended_by_the_reader(), _open_view(as_json, settings.schema_version) as show:
        return trio.run(run_fetch, settings, commands, show, shipments)


def _commands(
    chats: Iterable[str], settings: Settings, options: dict[str, Any]
) -> list[FetchCommand]:
    """A command for each chat, also where one is named twice.

    Raises:
        InvalidCommandError: with what is wrong with any of them.
        click.UsageError: there is no chat, or the days are named in two ways.
    """
    mode = chosen_mode(options)
    if mode is None:
        mode = Mode.FULL if settings.fetch_mode is FetchMode.FULL else Mode.DAYS
        options = {**options, "days": str(max(1, settings.refresh_days))}
    today = datetime.now(UTC).date()
    refresh_from = today - settings.refresh_days * ONE_DAY if settings.refresh_days else None
    commands: list[FetchCommand] = []
    problems: list[FieldError] = []
    for chat in chats:
        try:
            command = build_command(chat, mode, options, today=today)
        except InvalidCommandError as error:
            problems += error.errors
        else:
            commands.append(evolve(command, refresh_from=refresh_from))
    if problems:
        raise InvalidCommandError(tuple(dict.fromkeys(problems)))
    if not commands:
        raise click.UsageError("Name a chat, or set FETCH_CHATS.")
    return list(dict.fromkeys(commands))


@contextmanager
def _ended_by_the_reader() -> Iterator[None]:
    """Whoever closes the pipe, as ``head`` does, wants no more: click ends quietly at that error, if it comes alone."""
    try:
        yield
    except ExceptionGroup as group:
        closed, others = group.split(BrokenPipeError)
        if closed is None or others is not None:
            raise
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None


@contextmanager
def _open_view(as_json: bool, schema_version: str) -> Iterator[Show]:
    if as_json or not sys.stdout.isatty():
        yield lambda event: click.echo(event_json(event, schema_version))
        return
    with open_view(sys.stdout) as show:
        yield show
