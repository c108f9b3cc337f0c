"""Where errors become sentences and exit codes."""

from __future__ import annotations

from typing import Any

import click

from tgworker.cli.text import printable
from tgworker.core.codec import utc_text
from tgworker.errors import (
    AccountUnusableError,
    ExitCode,
    FloodWaitError,
    InvalidCommandError,
    OutageError,
    ParkedError,
    QueueRefusedError,
    QueueUnavailableError,
    SettingsError,
    TgworkerError,
)

_EXIT_CODES: dict[type[TgworkerError], ExitCode] = {
    SettingsError: ExitCode.BAD_SETTINGS,
    InvalidCommandError: ExitCode.BAD_SETTINGS,
    QueueRefusedError: ExitCode.BAD_SETTINGS,
    AccountUnusableError: ExitCode.ACCOUNT_UNUSABLE,
    QueueUnavailableError: ExitCode.REDIS_AWAY,
    OutageError: ExitCode.REDIS_AWAY,
}


def exit_code_of(error: TgworkerError) -> ExitCode:
    """What a process that could not go on because of `error` exits with."""
    for kind, code in _EXIT_CODES.items():
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


class Tool(click.Command):
    """A command that ends with one message on stderr, and the right exit code, whatever of ours it raises.

    Its callback returns the exit code.
    """

    def __init__(self, name: str | None, **options: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        super().__init__(name, context_settings=settings, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            exit_code = super().invoke(ctx)
        except TgworkerError as error:
            click.echo(f"Error: {_message(error)}", err=True)
            exit_code = exit_code_of(error)
        ctx.exit(int(exit_code))


def _message(error: TgworkerError) -> str:
    lines = [printable(line) for line in _sentences(error)]
    if len(lines) == 1:
        return lines[0]
    return "\n".join((f"{len(lines)} problems", *(f"  {line}" for line in lines)))


def _sentences(error: TgworkerError) -> list[str]:
    if isinstance(error, InvalidCommandError):
        return [f"{each.path} {each.message}" for each in error.errors]
    if isinstance(error, ParkedError) and error.error_type == FloodWaitError.error_type:
        return [f"{error} Try again at {utc_text(error.resume_at)}."]
    return str(error).splitlines() or [type(error).__name__]
