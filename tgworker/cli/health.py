"""``tgworker health``: for a container's health check, and for people who look in."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, setting_options
from tgworker.cli.text import printable
from tgworker.errors import ExitCode
from tgworker.telemetry.health_file import read_health_file

_EXAMPLES = """
  tgworker health
  docker exec worker tgworker health
  HEALTHCHECK CMD tgworker health      # in a Dockerfile
"""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES))
@setting_options("HEALTH_FILE")
def health() -> int:
    """Say in one line how the worker of this host is, from the file it keeps.

    Exit code 0: it lives, even if it can do nothing at the moment (Redis is away, Telegram rests), which no restart
    would help. 1: it hangs, has ended, or never began.
    """
    told = read_health_file(read_settings().health_file, datetime.now(UTC))
    click.echo(printable(told.line))
    return ExitCode.DONE if told.alive else ExitCode.FAILED
