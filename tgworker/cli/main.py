"""``tgworker``: the group that all commands hang on."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import click

from tgworker import __version__
from tgworker.cli.border import Tool

_COMMANDS = (
    *("run", "fetch", "submit", "listen", "status", "cancel", "dead", "verify", "health", "doctor"),
    *("login", "whoami", "chats", "simulate", "demo"),
)


class _LazyGroup(click.Group):
    """Imports a command when it is asked for: ``--version`` should not wait for what only a worker needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        return _command(name)


def _command(name: str) -> Tool:
    with _kept_for_good():
        command: Tool = getattr(importlib.import_module(f"tgworker.cli.{name}"), name)
    return command


@contextmanager
def _kept_for_good() -> Iterator[None]:
    """What is made here, the libraries' hundreds of thousands of objects, is never looked through for garbage.

    That would take a sixth of the start, and then a tenth of the work.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
First steps, without a Telegram account and without Redis:
  tgworker demo

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
