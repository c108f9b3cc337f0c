"""``tgworker login``: sign in, look whether that is done, take a login over, sign out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import trio

from tgworker.account import open_account, who_is_signed_in
from tgworker.adapters.telegram.errors import LOGIN_IS_OVER
from tgworker.adapters.telegram.login import (
    check_login,
    open_login,
    read_login,
    read_string_login,
    sign_in_by_code,
    sign_in_by_qr,
    write_login,
)
from tgworker.adapters.telegram.session_file import open_session, remove_session, session_file_of
from tgworker.cli.answers import Answers, CodeFile, Lines
from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import printable
from tgworker.core.account import Account
from tgworker.errors import AccountUnusableError, ExitCode, SettingsError
from tgworker.settings import Secret, Settings

_EXAMPLES = """
  tgworker login                                   # asks for what it needs
  tgworker login --qr                              # scan it with the phone
  tgworker login --code-file /run/tgworker/code    # without a terminal
  tgworker login --check && tgworker run
  tgworker login --import old.session
  tgworker login --logout
"""
_SETTINGS = (
    *("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEGRAM_PHONE", "TELEGRAM_PASSWORD"),
    *("TELEGRAM_SESSION", "TELEGRAM_SERVER", "TELEGRAM_SERVER_KEY"),
)
_NOTES = """\b
Without a terminal the answers may be piped in, a line each: what is not set of phone, code and
second password. A session that is signed in stays so. Exit codes: 0 signed in, 1 the answers
were wrong, or Telegram can't be reached or wants a rest, 2 bad settings, 3 nobody can sign in
(--check: nobody is)."""


class _Secrets:
    """What was answered: no log line shows it from then on."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: list[str] = []

    def keep(self, secret: str) -> None:
        self._known.append(secret)
        start_tool_logging(self._settings, secrets=self._known)


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, _SETTINGS, _NOTES))
@click.option("--qr", is_flag=True, help="Show a QR code to scan, instead of asking for a code.")
@click.option(
    "--code-file",
    type=click.Path(path_type=Path),
    help="Wait for this file, and read the code from it; it is removed then.",
)
@click.option("--check", is_flag=True, help="Only say whether somebody is signed in; ask nothing.")
@click.option("--logout", is_flag=True, help="Sign out, and delete the session file.")
@click.option(
    "--import",
    "source",
    metavar="FILE",
    help="Take over a session file of Telethon's, or a string session in a text file (- for stdin).",
)
@setting_options("TELEGRAM_SESSION")
def login(qr: bool, code_file: Path | None, check: bool, logout: bool, source: str | None) -> int:
    """Sign in to the Telegram account that the worker uses, and keep that in the session file.

    It asks for the phone number (TELEGRAM_PHONE), the code that Telegram sends, and the second password
    (TELEGRAM_PASSWORD) if the account has one. Whoever has the session file is signed in: keep it to yourself.
    """
    ways = [name for name, used in _used(qr, code_file, check, logout, source) if used]
    if len(ways) > 1:
        raise click.UsageError(f"Only one of {', '.join(ways)} at a time.")
    settings = read_settings()
    start_tool_logging(settings)
    secrets = _Secrets(settings)
    lines = Lines(secrets.keep)
    if check:
        return run_tool(partial(_check, settings))
    if logout:
        return run_tool(partial(_log_out, settings))
    if source is not None:
        return run_tool(partial(_import, settings, source, lines))
    answers = Answers(lines, None if code_file is None else CodeFile(code_file, secrets.keep))
    return run_tool(partial(_sign_in, settings, answers, qr))


def _used(*options: object) -> zip[tuple[str, object]]:
    names = ("--qr", "--code-file", "--check", "--logout", "--import")
    return zip(names, options, strict=True)


async def _check(settings: Settings) -> int:
    try:
        async with open_account(settings) as gateway:
            _say(f"Signed in: {await who_is_signed_in(settings, gateway)}")
    except AccountUnusableError as error:
        _say(str(error))
        return ExitCode.ACCOUNT_UNUSABLE
    return ExitCode.DONE


async def _log_out(settings: Settings) -> int:
    """Also what Telegram has ended already is cleaned away."""
    file = session_file_of(settings.telegram_session)
    if not file.exists():
        _say(f"Nobody is signed in: there is no session {file}.")
        return ExitCode.DONE
    try:
        async with open_account(settings) as gateway:
            me = await who_is_signed_in(settings, gateway)
            await gateway.log_out()
            _say(f"Signed out: {me}. The session {file} is deleted.")
    except AccountUnusableError as error:
        if error.error_type not in LOGIN_IS_OVER:
            raise
        with open_session(file) as session:
            await trio.to_thread.run_sync(remove_session, session)
        _say(f"Nobody was signed in any more. The session {file} is deleted.")
    return ExitCode.DONE


async def _sign_in(settings: Settings, answers: Answers, qr: bool) -> int:
    if (me := await _present(settings, answers.tell)) is not None:
        _say(f"Signed in already: {me}. To change that: tgworker login --logout")
        return ExitCode.DONE
    with open_session(settings.telegram_session) as session:
        async with open_login(api_hash=_api_hash(settings), **_telegram(settings)) as login:
            password = _known(settings.telegram_password)
            if qr:
                me = await sign_in_by_qr(login, answers, password=password)
            else:
                phone = _known(settings.telegram_phone)
                me = await sign_in_by_code(login, answers, phone=phone, password=password)
            await login.write(session, me)
    _done(settings, me)
    return ExitCode.DONE


async def _import(settings: Settings, source: str, lines: Lines) -> int:
    """Nothing is written before Telegram has said whose login it is."""
    if (me := await _present(settings, _tell)) is not None:
        raise SettingsError(
            [f"TELEGRAM_SESSION is signed in: {me}. First tgworker login --logout, or name another"]
        )
    if source == "-":
        text = await lines.ask("String session", "pipe it in, or name a file", hidden=True)
        guest = read_string_login(text)
    else:
        guest = await trio.to_thread.run_sync(read_login, Path(source))
    with open_session(settings.telegram_session) as session:
        me = await check_login(guest, **_telegram(settings))
        await write_login(session, guest, me)
    _done(settings, me)
    _tell("Don't use the original any more: Telegram ends a login that two programs use at once.")
    return ExitCode.DONE


async def _present(settings: Settings, tell: Callable[[str], None]) -> Account | None:
    """Who is signed in with the session now. A login that is over is told of, and counts as none.

    Raises: AccountUnusableError: somebody is, and can't work; another login would be lost in its place.
    """
    try:
        async with open_account(settings) as gateway:
            return await who_is_signed_in(settings, gateway)
    except AccountUnusableError as error:
        if error.error_type not in LOGIN_IS_OVER:
            raise
        if error.error_type != "not_logged_in":
            tell(f"The session was signed in before. {error}")
        return None


def _telegram(settings: Settings) -> dict[str, Any]:
    """Where Telegram is, and who calls."""
    return {
        "api_id": settings.telegram_api_id,
        "server": settings.telegram_server,
        "server_key": settings.telegram_server_key,
        "request_timeout": settings.request_timeout_seconds,
    }


def _api_hash(settings: Settings) -> str:
    if settings.telegram_api_hash is None:
        raise SettingsError(
            ["TELEGRAM_API_HASH is not set: get it, and the id, at https://my.telegram.org/apps"]
        )
    return settings.telegram_api_hash.reveal()


def _known(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def _done(settings: Settings, me: Account) -> None:
    _say(f"Signed in: {me}. The session is {session_file_of(settings.telegram_session)}")


def _say(text: str) -> None:
    click.echo(printable(text))


def _tell(text: str) -> None:
    click.echo(printable(text), err=True)
