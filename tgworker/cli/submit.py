"""``tgworker submit``, and by itself ``tgworker-submit``: hand a command in."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import click
import orjson
import trio

from tgworker.adapters.redis import producer
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.events import RedisEventReader
from tgworker.cli.border import Tool
from tgworker.cli.days import build_command, chosen_mode, day_options
from tgworker.cli.following import entry_id, open_log, server_time
from tgworker.cli.help import REDIS_SETTINGS, epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.views import open_view
from tgworker.core.commands import command_payload
from tgworker.core.events import EventKind
from tgworker.core.model import FetchCommand
from tgworker.errors import ExitCode
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker submit @ru_python --days 3
  tgworker submit https://t.me/ru_python --date 2025-11-07 --wait
  tgworker submit -- -1001234567890 --from 2025-11-01 --to 2025-11-07   # after --: an id
  id=$(tgworker submit ru_python --full) && tgworker listen --since 0 --command "$id"
"""
_NOTES = """\b
With --wait it exits 0 when the command is completed, 1 when it failed or --timeout
passed. Ctrl-C (130) ends the waiting only: the command goes on."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, REDIS_SETTINGS, _NOTES))
@click.argument("chat")
@day_options
@click.option("--wait", is_flag=True, help="Show how it goes on stderr, until it has ended.")
@click.option("--timeout", type=click.FloatRange(min=0), help="With --wait: so many seconds.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: the id, then events.")
@setting_options("REDIS_URL", "COMMAND_QUEUE", "EVENT_CHANNEL")
def submit(chat: str, wait: bool, timeout: float | None, as_json: bool, **options: Any) -> int:
    """Hand a fetch command in: which chat, and which days of it.

    CHAT is @name, name, https://t.me/name, t.me/c/<id> or a numeric id. Days are UTC days. The command is
    checked here as a worker would check it; its id is printed on stdout.
    """
    settings = read_settings()
    start_tool_logging(settings)
    mode = chosen_mode(options)
    if mode is None:
        raise click.UsageError("Say which days: --date, --days, --from with --to, or --full.")
    today = datetime.now(UTC).date()
    command = build_command(chat, mode, options, today=today, command_id=str(uuid4()))
    seconds = timeout if timeout is not None else float("inf")
    return run_tool(partial(_submit, settings, command, seconds if wait else None, as_json))


async def _submit(
    settings: Settings, command: FetchCommand, wait_seconds: float | None, as_json: bool
) -> int:
    async with open_redis(settings.redis_url.reveal()) as client:
        # Taken before the push: no event can be older.
        since = entry_id(await server_time(client))
        payload = command_payload(command, timestamp=datetime.now(UTC))
        command_id = await producer.submit(client, settings.command_queue, payload)
        click.echo(orjson.dumps({"command_id": command_id}) if as_json else command_id)
        if wait_seconds is None:
            return ExitCode.DONE
        try:
            with trio.move_on_after(wait_seconds):
                return await _wait(client, settings.event_channel, command_id, since, as_json)
        except trio.Cancelled:
            _say_goodbye("Interrupted", command_id, since)
            raise
        _say_goodbye(f"No end after {wait_seconds:g} s", command_id, since)
        return ExitCode.FAILED


def _say_goodbye(why: str, command_id: str, since: str) -> None:
    click.echo(
        f"{why}; the command goes on. Follow it with:\n"
        f"  tgworker listen --command {command_id} --since {since}",
        err=True,
    )


async def _wait(
    client: RedisClient, channel: str, command_id: str, since: str, as_json: bool
) -> int:
    """Show the command's events until its last one, which gives the exit code."""
    with open_view(sys.stderr) as show:
        async with open_log(RedisEventReader(client, channel), since) as log:
            while True:
                told = await anext(log)
                if told.event.command_id != command_id:
                    continue
                if as_json:
                    click.echo(told.raw)
                else:
                    show(told.event)
                if told.event.event is EventKind.COMPLETED:
                    return ExitCode.DONE
                if told.event.event is EventKind.FAILED:
                    return ExitCode.FAILED
