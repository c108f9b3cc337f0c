"""``tgworker health``: for a container's health check, and for people who look in."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import orjson

from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, setting_options
from tgworker.cli.text import printable
from tgworker.errors import ExitCode

OLDEST_SECONDS = 60.0
"""The worker writes its file every ten seconds; so long it may be held up."""

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
    well, line = look(read_settings().health_file, datetime.now(UTC))
    click.echo(printable(line))
    return ExitCode.DONE if well else ExitCode.FAILED


def look(file: Path, now: datetime) -> tuple[bool, str]:
    """Whether the worker that keeps this file is alive, and a line that says why."""
    try:
        told: Any = orjson.loads(file.read_bytes())
        status, reason = str(told["status"]), str(told["reason"])
        age = (now - datetime.fromisoformat(told["ts"])).total_seconds()
    except OSError as error:
        return False, f"no worker: {file}: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return False, f"{file} was not written by a worker"
    if age > OLDEST_SECONDS:
        return False, f"the worker has not been heard of for {age:.0f} s; it was {status}: {reason}"
    return status != "hung", f"{status}: {reason}"
