"""``tgworker whoami``: which account the session is signed in to."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import click

from tgworker.account import open_account, who_is_signed_in
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import printable
from tgworker.core.codec import to_json
from tgworker.errors import ExitCode
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker whoami
  tgworker whoami --json | jq .id
  TELEGRAM_SESSION=sessions/alice.session tgworker whoami
"""
_NOTES = """\b
It asks Telegram once. Exit codes: 1 Telegram can't be reached, or wants a rest; 3 nobody is
signed in, or the account can't work."""
TELEGRAM_SETTINGS = (
    *("TELEGRAM_API_ID", "TELEGRAM_SESSION", "TELEGRAM_SERVER", "TELEGRAM_SERVER_KEY"),
)


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, TELEGRAM_SETTINGS, _NOTES))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object, as it does when it writes to a pipe.",
)
@setting_options("TELEGRAM_SESSION")
def whoami(as_json: bool) -> int:
    """Show who is signed in, in which data center, and with which session file.

    Of the phone number only as much is shown as its owner needs.
    """
    settings = read_settings()
    start_tool_logging(settings)
    return run_tool(partial(_whoami, settings, as_json or not sys.stdout.isatty()))


async def _whoami(settings: Settings, as_json: bool) -> int:
    async with open_account(settings) as gateway:
        me = await who_is_signed_in(settings, gateway)
        told: dict[str, Any] = {
            "id": me.id,
            "name": me.name,
            "username": me.username,
            "phone": me.hidden_phone,
            "data_center": gateway.data_center,
            "session": str(gateway.session_file.absolute()),
        }
    if as_json:
        click.echo(to_json(told))
    else:
        for key, value in told.items():
            click.echo(printable(f"{key.replace('_', ' '):12} {'–' if value is None else value}"))
    return ExitCode.DONE
