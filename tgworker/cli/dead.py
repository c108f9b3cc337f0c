"""``tgworker dead``: the commands that were set aside for good, and what is to become of them."""

from __future__ import annotations

import sys
from collections import Counter
from functools import partial

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tgworker.adapters.redis.admin import DeadJob, dead_jobs, drop, retry
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import plural, printable
from tgworker.core.codec import to_json, utc_text
from tgworker.errors import ExitCode, InvalidCommandError, TgworkerError
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker dead
  tgworker dead list --json --limit 1000 | jq -r 'select(.reason == "max_deliveries").command_id'
  tgworker dead retry 0f8fad5b-d9cb-469f-a165-70867728950e
  tgworker dead retry --all
  tgworker dead drop 0f8fad5b-d9cb-469f-a165-70867728950e
"""
_NOTES = """\b
list     show them, the oldest first (this is what it does by itself)
retry    hand them out again, under the same ids, before those that wait; a command that was
         rejected is only rejected again: submit a right one instead
drop     throw them away

\b
A command is dead if it was rejected (invalid_command), or if it was handed out
MAX_DELIVERIES times and no worker came to its end. Exits 1 if there is no such command."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, ("REDIS_URL", "COMMAND_QUEUE"), _NOTES))
@click.argument("action", type=click.Choice(["list", "retry", "drop"]), default="list")
@click.argument("command_id", metavar="[ID]", required=False)
@click.option("--all", "everything", is_flag=True, help="With retry and drop: all there are.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, help="With list: the last N.", metavar="N"
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print JSON; list does, a line for each, when it writes to a pipe.",
)
@setting_options("REDIS_URL", "COMMAND_QUEUE")
def dead(action: str, command_id: str | None, everything: bool, limit: int, as_json: bool) -> int:
    """Show dead commands, hand them out again (retry), or throw them away (drop)."""
    settings = read_settings()
    start_tool_logging(settings)
    if action == "list":
        if command_id is not None or everything:
            raise click.UsageError("list shows all of them: it takes neither an ID nor --all.")
        return run_tool(partial(_list, settings, limit, as_json or not sys.stdout.isatty()))
    if everything is (command_id is not None):
        raise click.UsageError(f"Say what to {action}: one ID, or --all.")
    return run_tool(partial(_settle, settings, action, command_id, as_json))


async def _list(settings: Settings, limit: int, as_json: bool) -> int:
    async with open_redis(settings.redis_url.reveal()) as client:
        jobs = await dead_jobs(client, settings.command_queue, count=limit)
    if as_json:
        for job in jobs:
            click.echo(to_json(_as_json(job)))
    elif jobs:
        Console().print(_table(jobs))
    else:
        click.echo("No command is dead.")
    return ExitCode.DONE


def _as_json(job: DeadJob) -> dict[str, object]:
    return {
        "command_id": job.command_id,
        "died_at": job.died_at,
        "reason": job.reason,
        "deliveries": job.deliveries,
        "payload": job.payload.decode("utf-8", "replace"),
    }


def _table(jobs: list[DeadJob]) -> Table:
    table = Table("since", "reason", "deliveries", "command id", "command")
    for job in jobs:
        cells = (
            utc_text(job.died_at),
            job.reason,
            str(job.deliveries),
            job.command_id,
            job.summary,
        )
        table.add_row(*(Text(printable(cell)) for cell in cells))
    return table


async def _settle(settings: Settings, action: str, command_id: str | None, as_json: bool) -> int:
    async with open_redis(settings.redis_url.reveal()) as client:
        found = await _do(action, client, settings.command_queue, command_id)
    if as_json:
        click.echo(to_json({"action": action, "commands": found.total(), "reasons": found}))
    elif found or command_id is None:
        click.echo(_what_happens(action, found))
    if command_id is not None and not found:
        raise TgworkerError(f"No command {command_id} is dead. These are: tgworker dead list")
    return ExitCode.DONE


async def _do(action: str, client: RedisClient, queue: str, command_id: str | None) -> Counter[str]:
    if action == "retry":
        return await retry(client, queue, command_id)
    return await drop(client, queue, command_id)


def _what_happens(action: str, found: Counter[str]) -> str:
    if not found:
        return "No command is dead."
    commands = plural(found.total(), "command")
    if action == "drop":
        return f"{commands} thrown away."
    line = f"{commands} handed out again, to the next free worker."
    if rejected := found[InvalidCommandError.error_type]:
        line += (
            f" Of these {rejected} had been rejected (invalid_command), and will only be rejected again:"
            " submit what they should say, and drop them."
        )
    return line
