"""``tgworker``: the group that all commands hang on."""

from __future__ import annotations

import difflib
import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tgworker import __version__
from tgworker.cli.border import Tool

_OBJECTS = 20_000
"""So many more of them than there were make Python look for garbage; some pages of messages hold fewer."""

_COMMANDS = {
    "run": "Be a worker: take commands from Redis and carry them out.",
    "fetch": "Fetch days of some chats here and now, without Redis.",
    "submit": "Hand a fetch command in: which chat, and which days of it.",
    "listen": "Show what workers tell: started, progress, completed, failed.",
    "status": "Show what waits, runs, rests and is dead, and the archive.",
    "cancel": "Stop a command that waits, rests or runs.",
    "dead": "Show dead commands, hand them out again, or drop them.",
    "verify": "Check every file of the archive, and mend it.",
    "health": "Say in one line how the worker of this host is.",
    "doctor": "Look at all that a worker needs, and say what to mend.",
    "login": "Sign in to the Telegram account that the worker uses.",
    "whoami": "Show who is signed in.",
    "chats": "List the chats that the account can read.",
    "simulate": "Serve chats as a Telegram server would, for tests.",
    "demo": "Show all of it at work, without an account or Redis.",
}
"""With a line each that fits a narrow terminal, so that none has to be imported to be listed."""


class _LazyGroup(click.Group):
    """Imports a command when it is asked for: ``--version`` should not wait for what only a worker needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        return _command(name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        meant = difflib.get_close_matches(args[0], _COMMANDS, 1)
        if meant and args[0] not in _COMMANDS:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {meant[0]!r}?")
        return super().resolve_command(ctx, args)


def _command(name: str) -> Tool:
    with _kept_for_good():
        command: Tool = getattr(importlib.import_module(f"tgworker.cli.{name}"), name)
    return command


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """What is made here, the libraries' hundreds of thousands of objects, is never looked through for garbage.

    That would take a sixth of the start, and then a tenth of the work. And what is made later is looked through less
    often: a page of messages, which goes by itself, would set it off twice, for a twenty-fifth of the work.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.set_threshold(_OBJECTS)
        gc.enable()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
First steps:
  tgworker demo       without a Telegram account and without Redis
  tgworker login      with an account of your own; .env.example has what else to set
  tgworker doctor     if something is wrong

\b
Exit codes: 0 done, 1 the work failed, 2 bad usage or settings, 3 the Telegram account
can't be used, 4 Redis is away, 130 stopped by a second signal.""",
)
@click.version_option(__version__, prog_name="tgworker", message="%(prog)s %(version)s")
def main() -> None:
    """Every message of chosen Telegram chats, one file a day.

    A worker takes commands from a Redis list, fetches whole days through one Telegram account, writes them to disk, and
    tells everyone by events. Settings come from the environment and from .env in the working folder.
    """


def submit() -> None:
    """``tgworker-submit``."""
    _command("submit")()
