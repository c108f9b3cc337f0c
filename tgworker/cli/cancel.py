"""``tgworker cancel``: stop a command, wherever it is on its way."""

from __future__ import annotations

from functools import partial

import click

from tgworker.adapters.redis import admin
from tgworker.adapters.redis.admin import Cancelling, CommandState
from tgworker.adapters.redis.connection import open_redis
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import printable
from tgworker.core.codec import to_json
from tgworker.errors import ExitCode, TgworkerError
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker cancel 0f8fad5b-d9cb-469f-a165-70867728950e
  id=$(tgworker submit @ru_python --full) && tgworker cancel "$id"
"""
_NOTES = """\b
The command ends like any other that failed: with an event, whose error_type is cancelled.
What it has fetched stays. Exits 1 if there is no such command."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, ("REDIS_URL", "COMMAND_QUEUE"), _NOTES))
@click.argument("command_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@setting_options("REDIS_URL", "COMMAND_QUEUE")
def cancel(command_id: str, as_json: bool) -> int:
    """Stop a command that waits, rests or runs. ID is the whole command_id, as submit printed it."""
    settings = read_settings()
    start_tool_logging(settings)
    return run_tool(partial(_cancel, settings, command_id, as_json))


async def _cancel(settings: Settings, command_id: str, as_json: bool) -> int:
    async with open_redis(settings.redis_url.reveal()) as client:
        found = await admin.cancel(client, settings.command_queue, command_id)
    if as_json:
        click.echo(to_json({"command_id": command_id, "cancelled": found}))
    elif found:
        click.echo("\n".join(printable(_what_happens(each)) for each in found))
    if not found:
        raise TgworkerError(
            f"No command {command_id} waits, rests or runs: it is over, or dead (tgworker dead), or never was."
        )
    return ExitCode.DONE


def _what_happens(found: Cancelling) -> str:
    match found.state:
        case CommandState.WAITING:
            return "It waited. The next free worker reports it as failed (cancelled)."
        case CommandState.PARKED:
            return "It rested. The next free worker reports it as failed (cancelled)."
        case CommandState.RUNNING:
            return (
                f"{found.worker_id} runs it, and stops it when it next renews its lease:"
                " within a quarter of its LEASE_SECONDS."
            )
