"""``tgworker status``: the queue, the workers, the open work, and what the archive holds."""

from __future__ import annotations

import sys
from functools import partial

import click
from rich.console import Console

from tgworker.cli.border import Tool, exit_code_of
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.status_report import look_around
from tgworker.cli.status_text import print_status
from tgworker.core.codec import to_json
from tgworker.errors import ExitCode
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker status
  tgworker status --json | jq .queue.depth
  tgworker status --json | jq -r '.chats[] | [.chat, .last_day] | @tsv'
"""
_NOTES = """\b
It changes nothing, and shows what it can: with Redis away it exits 4 and still shows the
archive."""


@click.command(
    cls=Tool, epilog=epilog(_EXAMPLES, ("REDIS_URL", "COMMAND_QUEUE", "DATA_DIR"), _NOTES)
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object, as it does when it writes to a pipe.",
)
@setting_options("REDIS_URL", "COMMAND_QUEUE", "DATA_DIR")
def status(as_json: bool) -> int:
    """Show what waits, what runs, what rests, what is dead, and how far each chat's archive goes."""
    settings = read_settings()
    start_tool_logging(settings)
    return run_tool(partial(_status, settings, as_json or not sys.stdout.isatty()))


async def _status(settings: Settings, as_json: bool) -> int:
    findings = await look_around(settings)
    if as_json:
        click.echo(to_json(findings.report))
    else:
        print_status(findings.report, Console())
    return next((exit_code_of(error) for error in findings.errors), ExitCode.DONE)
