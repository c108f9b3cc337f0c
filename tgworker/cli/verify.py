"""``tgworker verify``: is everything in the archive as it should be?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial

import click
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tgworker.adapters.archive.chat_folders import find_chats
from tgworker.adapters.archive.disk import storage_errors
from tgworker.adapters.archive.verify import Scope, count_days
from tgworker.adapters.archive.verify import verify as look_through
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import plural, printable
from tgworker.cli.verify_repair import mend, repair_lines
from tgworker.core.chats import parse_chat
from tgworker.core.codec import to_json
from tgworker.core.model import ChatRef
from tgworker.core.verify import Problem
from tgworker.errors import ExitCode, TgworkerError
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker verify
  tgworker verify @ru_python --from 2025-11-01 --to 2025-11-30
  tgworker verify --repair
  tgworker verify --json | jq -r '.problems[] | [.path, .what] | @tsv'
"""
_NOTES = """\b
It reads every artifact and checks it against its schema, its own figures and index.json; it
may run beside workers. Exits 0 if all is well, 1 if there are problems.

\b
--repair makes indexes anew from the artifacts, removes what crashes left behind, and queues
the days that have to be fetched again; what must not be merged it sets aside as *.damaged. Without
Redis it prints the commands to submit. Then 1 means that something is left to be done."""


@click.command(
    cls=Tool, epilog=epilog(_EXAMPLES, ("DATA_DIR", "REDIS_URL", "COMMAND_QUEUE"), _NOTES)
)
@click.argument("chat", required=False)
@click.option(
    "--from",
    "first",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="The first day to look at.",
)
@click.option(
    "--to", "last", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="The last one."
)
@click.option("--repair", "with_repair", is_flag=True, help="Mend what can be mended.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@setting_options("DATA_DIR", "REDIS_URL", "COMMAND_QUEUE")
def verify(chat: str | None, first: date, last: date, with_repair: bool, as_json: bool) -> int:
    """Check every file of the archive, of one CHAT, or of some days."""
    settings = read_settings()
    start_tool_logging(settings)
    scope = Scope(_ref(chat), _day(first, date.min), _day(last, date.max))
    if scope.first > scope.last:
        raise click.UsageError("--from must not lie after --to.")
    return run_tool(partial(_verify, settings, scope, with_repair, as_json))


def _ref(chat: str | None) -> ChatRef | None:
    try:
        return parse_chat(chat) if chat is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="CHAT") from None


def _day(given: date | None, default: date) -> date:
    return default if given is None else date(given.year, given.month, given.day)


async def _verify(settings: Settings, scope: Scope, with_repair: bool, as_json: bool) -> int:
    days, problems = await trio.to_thread.run_sync(_look, settings, scope)
    if not as_json:
        for problem in problems:
            click.echo(printable(f"{problem.path}: {problem.what}. {_first_up(problem.advice)}."))
        found = plural(len(problems), "problem") if problems else "all is well"
        click.echo(f"{plural(days, 'artifact')} read: {found}.")
    mending = await mend(settings, problems) if with_repair and problems else None
    if as_json:
        listed = [_as_json(problem) for problem in problems]
        click.echo(to_json({"artifacts": days, "problems": listed, "repair": mending}))
    elif mending is not None:
        click.echo("\n".join(map(printable, repair_lines(mending))))
    is_well = mending.nothing_left if mending is not None else not problems
    return ExitCode.DONE if is_well else ExitCode.FAILED


def _first_up(text: str) -> str:
    return text if text.startswith("tgworker") else text[:1].upper() + text[1:]


def _as_json(problem: Problem) -> dict[str, object]:
    return {
        "path": problem.path,
        "what": problem.what,
        "remedy": problem.remedy,
        "advice": problem.advice,
        "chat": problem.chat,
        "day": problem.day,
    }


def _look(settings: Settings, scope: Scope) -> tuple[int, list[Problem]]:
    """Blocks; a cancellation ends it at the next day."""
    with storage_errors(settings.data_dir):
        chats = find_chats(settings.data_dir, scope.chat)
        if scope.chat is not None and not chats:
            raise TgworkerError(
                f"The archive in {settings.data_dir} holds nothing of {scope.chat}."
            )
        days = count_days(chats, scope)
        with _open_progress(days) as advance:
            return days, list(look_through(settings.data_dir, scope, advance))


@contextmanager
def _open_progress(days: int) -> Iterator[Callable[[str, date], None]]:
    """A bar, if stderr is a terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as progress:
        task = progress.add_task("", total=days)

        def advance(chat: str, day: date) -> None:
            trio.from_thread.check_cancelled()
            progress.update(task, advance=1, description=f"{chat} {day}")

        yield advance
