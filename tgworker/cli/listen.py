"""``tgworker listen``: the events, as they come or from the log."""

from __future__ import annotations

import sys
from functools import partial

import click
import orjson

from tgworker.adapters.redis.connection import open_redis
from tgworker.adapters.redis.events import RedisEventReader
from tgworker.cli.border import Tool
from tgworker.cli.following import SINCE_FORMS, Told, open_log, server_time, since_id
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.views import show_line
from tgworker.errors import ExitCode
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker listen
  tgworker listen --since 10m
  tgworker listen --since 2025-11-07T10:00Z --json | jq -c 'select(.event == "failed")'
  tgworker listen --since 0 --command 0f8fad5b-d9cb-469f-a165-70867728950e
"""
_NOTES = """\b
It reads the log that Redis keeps beside the channel (the stream EVENT_CHANNEL:log), so it
misses nothing while Redis restarts. In JSON each event carries its place as log_id, for
--since. Ctrl-C ends it."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, ("REDIS_URL", "EVENT_CHANNEL"), _NOTES))
@click.option("--since", default="$", help=f"Begin in the past: {SINCE_FORMS}.", show_default="now")
@click.option("--command", "command_id", metavar="ID", help="Only this command's events.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines, as it does when it writes to a pipe."
)
@setting_options("REDIS_URL", "EVENT_CHANNEL")
def listen(since: str, command_id: str | None, as_json: bool) -> int:
    """Show what workers tell: started, progress, completed, failed."""
    settings = read_settings()
    start_tool_logging(settings)
    as_json = as_json or not sys.stdout.isatty()
    code = run_tool(partial(_listen, settings, since, command_id, as_json))
    # Being interrupted is how this ends.
    return ExitCode.DONE if code == ExitCode.SECOND_SIGNAL else code


async def _listen(settings: Settings, since: str, command_id: str | None, as_json: bool) -> int:
    async with open_redis(settings.redis_url.reveal()) as client:
        try:
            place = since_id(since, await server_time(client))
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--since") from None
        reader = RedisEventReader(client, settings.event_channel)
        async with open_log(reader, place) as log:
            async for told in log:
                if command_id in (None, told.event.command_id):
                    _show(told, as_json)
    return ExitCode.DONE


def _show(told: Told, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"log_id": told.id, **orjson.loads(told.raw)}))
    else:
        show_line(told.event, sys.stdout)
