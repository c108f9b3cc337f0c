"""The options that say what to fetch, shared by ``submit`` and ``fetch``, and the command they make."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

import click

from tgworker.core.commands import OPTIONS, parse_command
from tgworker.core.model import FetchCommand, FieldError, Mode
from tgworker.errors import InvalidCommandError

F = TypeVar("F", bound=Callable[..., Any])

_NUMBER = re.compile(r"-?[0-9]{1,15}")
_OPTION_OF = {
    "$.chat": "CHAT",
    "$.date": "--date",
    "$.days": "--days",
    "$.from": "--from",
    "$.to": "--to",
    "$.strategy": "--strategy",
    "$.limit": "--limit",
}


def day_options(function: F) -> F:
    """Which days, and how. Values are texts: the command's own check judges them, all at once."""
    options = (
        click.option(
            "--date", "date", metavar="DAY", help="One day, YYYY-MM-DD; today is allowed."
        ),
        click.option("--days", metavar="N", help="The N whole days before today; 1 is yesterday."),
        click.option("--from", "first", metavar="DAY", help="The first day of a range."),
        click.option("--to", "last", metavar="DAY", help="The last day of that range."),
        click.option("--full", is_flag=True, help="From the first message to now."),
        click.option(
            "--strategy",
            metavar="NAME",
            help="auto, batch, per_day or sequential; the files are the same.",
        ),
        click.option("--limit", metavar="N", help="At most N messages, the oldest ones."),
        click.option(
            "--refresh", is_flag=True, help="Fetch sealed days again, for edits and deletions."
        ),
        click.option(
            "--force", is_flag=True, help="Fetch sealed days again, trusting Telegram's form alone."
        ),
        click.option("--verify", is_flag=True, help="Compare each day with Telegram's own count."),
        click.option(
            "--comments", is_flag=True, help="Of a channel: also the group of its posts' comments."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


def chosen_mode(options: Mapping[str, Any]) -> Mode | None:
    """Which way the days are named; None: not at all.

    Raises:
        click.UsageError: in more ways than one.
    """
    given = {
        Mode.DATE: options["date"] is not None,
        Mode.DAYS: options["days"] is not None,
        Mode.RANGE: options["first"] is not None or options["last"] is not None,
        Mode.FULL: bool(options["full"]),
    }
    chosen = [mode for mode, is_given in given.items() if is_given]
    if len(chosen) > 1:
        raise click.UsageError(
            "Say which days in one way only: --date, --days, --from with --to, or --full."
        )
    return chosen[0] if chosen else None


def build_command(
    chat: str, mode: Mode, options: Mapping[str, Any], *, today: date, **more: str
) -> FetchCommand:
    """The command that the options mean, checked as a worker would check it; `more` goes into it as it is.

    It is part of what the environment says this process is part of.
    Source: https://opentelemetry.io/docs/specs/otel/context/env-carriers/

    Raises:
        InvalidCommandError: with all that is wrong, named by option.
    """
    fields: dict[str, Any] = {"command": "fetch", "chat": chat, "mode": mode}
    of_mode = {
        Mode.DATE: {"date": options["date"]},
        Mode.DAYS: {"days": _number(options["days"])},
        Mode.RANGE: {"from": options["first"], "to": options["last"]},
        Mode.FULL: {},
    }
    fields |= of_mode[mode]
    fields |= {"strategy": options["strategy"], "limit": _number(options["limit"]), **more}
    fields |= {name: os.environ.get(name.upper()) or None for name in ("traceparent", "tracestate")}
    fields["options"] = {name: True for name in OPTIONS if options[name]} or None
    given = {name: value for name, value in fields.items() if value is not None}
    try:
        return parse_command(json.dumps(given).encode(), today=today)
    except InvalidCommandError as error:
        raise InvalidCommandError([_by_option(each) for each in error.errors]) from None


def _by_option(error: FieldError) -> FieldError:
    """What is in brackets is the user's own."""
    sentence, bracket, value = error.message.partition("(")
    for path, option in _OPTION_OF.items():
        sentence = sentence.replace(path, option)
    return FieldError(_OPTION_OF.get(error.path, error.path), f"{sentence}{bracket}{value}")


def _number(text: str | None) -> int | str | None:
    """What is no number stays a text, and is refused as one."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else text
