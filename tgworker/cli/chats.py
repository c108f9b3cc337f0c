"""``tgworker chats``: what the account can read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tgworker.account import list_dialogs, open_account
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import plural, printable
from tgworker.cli.whoami import TELEGRAM_SETTINGS
from tgworker.core.account import Dialog
from tgworker.core.codec import to_json
from tgworker.errors import ExitCode
from tgworker.settings import Settings

_EXAMPLES = """
  tgworker chats
  tgworker chats python
  tgworker chats --json | jq -r 'select(.readable) | .id'
"""
_NOTES = """\b
A hundred chats cost one request; the pace and waits of the account are kept. What is listed is
written in commands by its id or @username: tgworker fetch -- -1001234567890 --days 1"""


@click.command(
    cls=Tool, epilog=epilog(_EXAMPLES, (*TELEGRAM_SETTINGS, "REQUESTS_PER_SECOND"), _NOTES)
)
@click.argument("wanted", required=False, metavar="[FILTER]")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines, as it does when it writes to a pipe."
)
@setting_options("TELEGRAM_SESSION", "REQUESTS_PER_SECOND")
def chats(wanted: str | None, as_json: bool) -> int:
    """List the account's chats, the liveliest first; with FILTER those whose title, name or id holds it.

    A chat that is not readable is one that the account was thrown out of, or has left.
    """
    settings = read_settings()
    start_tool_logging(settings)
    return run_tool(partial(_chats, settings, _matcher(wanted), as_json or not sys.stdout.isatty()))


async def _chats(settings: Settings, fits: Callable[[Dialog], bool], as_json: bool) -> int:
    found: list[Dialog] = []
    seen = 0
    with Console(stderr=True).status("Asking Telegram …") as status:
        async with open_account(settings) as gateway:
            async for page in list_dialogs(settings, gateway):
                seen += len(page.dialogs)
                status.update(f"{seen:,} of {page.total:,} chats …")
                chosen = [dialog for dialog in page.dialogs if fits(dialog)]
                if as_json:
                    for dialog in chosen:
                        click.echo(to_json(_told(dialog)))
                found += chosen
    if not as_json:
        _print(found, seen)
    return ExitCode.DONE


def _matcher(wanted: str | None) -> Callable[[Dialog], bool]:
    text = (wanted or "").removeprefix("@").casefold()

    def fits(dialog: Dialog) -> bool:
        chat = dialog.chat
        return any(text in each.casefold() for each in (chat.title, *chat.usernames, str(chat.id)))

    return fits


def _told(dialog: Dialog) -> dict[str, object]:
    chat = dialog.chat
    return {
        "id": chat.id,
        "type": chat.type,
        "username": chat.username,
        "title": chat.title,
        "readable": dialog.readable,
    }


def _print(found: list[Dialog], seen: int) -> None:
    table = Table()
    table.add_column("id", justify="right", no_wrap=True)
    for column in ("type", "username", "title", "readable"):
        table.add_column(column)
    for dialog in found:
        chat = dialog.chat
        name = f"@{chat.username}" if chat.username else ""
        cells = (str(chat.id), chat.type, name, chat.title, "yes" if dialog.readable else "no")
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if found:
        Console().print(table)
    click.echo(f"{plural(len(found), 'chat')} of {seen:,}")
