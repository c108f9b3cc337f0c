"""The Telegram account: its session file, whether it is signed in, and what Telegram wants it to leave alone.

While a worker holds the session, nobody else asks Telegram with it: how the login is, that worker knows.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

import trio

from tgworker.adapters.telegram.probe import (
    METHOD,
    Login,
    SessionFile,
    look_at_login,
    look_at_session_file,
    open_copy,
)
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.doctor.clocks import judge_clock
from tgworker.doctor.finding import Finding, ok, problem, skipped, warning
from tgworker.errors import (
    AccountUnusableError,
    FloodWaitError,
    SettingsError,
    TgworkerError,
)
from tgworker.settings import Settings
from tgworker.telemetry.health_file import read_health_file

REPLY_SECONDS = 10.0
_LOG_IN = "Sign in: `tgworker login`."


async def look_at_telegram(settings: Settings, *, offline: bool = False) -> list[Finding]:
    """`offline`: only what this host knows."""
    try:
        file = await trio.to_thread.run_sync(look_at_session_file, settings.telegram_session)
    except TgworkerError as error:
        advice = "Run it as the user of the worker, or mend TELEGRAM_SESSION."
        return [problem("telegram.session", str(error), advice, error)]
    if file.mode is None:
        absent = f"{file.path} is not there"
        return [problem("telegram.session", absent, _LOG_IN, AccountUnusableError(absent))]
    found = [_judge_file(file)]
    try:
        with open_copy(file.path) as session:
            rests = _rests(session.floods(), time.time())
            found.append(_judge_rests(rests))
            if file.holder is not None:
                found += _ask_holder(settings, file.holder)
            elif (reason := _why_not_ask(settings, rests, offline=offline)) is not None:
                found.append(skipped("telegram.login", reason))
            else:
                found += _judge_login(await _ask(settings, session))
    except TgworkerError as error:
        found.append(_judge_error(error))
    return found


def _why_not_ask(settings: Settings, rests: Mapping[str, float], *, offline: bool) -> str | None:
    if offline:
        return "it was told to stay offline"
    if settings.telegram_api_id is None:
        return "TELEGRAM_API_ID is not set"
    return f"Telegram wants {METHOD} left alone" if METHOD in rests else None


async def _ask(settings: Settings, session: TelegramSession) -> Login:
    assert settings.telegram_api_id is not None
    return await look_at_login(
        session,
        api_id=settings.telegram_api_id,
        server=settings.telegram_server,
        server_key=settings.telegram_server_key,
        patience=REPLY_SECONDS,
    )


def _judge_file(file: SessionFile) -> Finding:
    assert file.mode is not None
    if file.mode & 0o077:
        found = (
            f"{file.path} can be read by others (mode {file.mode:04o}): whoever has it is signed in"
        )
        return warning("telegram.session", found, f"chmod 600 {file.path}")
    held = f", held by process {file.holder}" if file.holder is not None else ""
    return ok("telegram.session", f"{file.path} is for its owner only{held}")


def _rests(floods: Mapping[str, tuple[float, float]], now: float) -> dict[str, float]:
    """Seconds that Telegram still wants each method left alone; a clock set back makes none longer than it was."""
    left = {method: min(seconds, ends_at - now) for method, (ends_at, seconds) in floods.items()}
    return {method: seconds for method, seconds in left.items() if seconds > 0}


def _judge_rests(rests: Mapping[str, float]) -> Finding:
    if not rests:
        return ok("telegram.floods", "Telegram asks for no wait")
    waits = ", ".join(f"{method} for {seconds:.0f} s" for method, seconds in sorted(rests.items()))
    advice = (
        "Nothing is to be done: the worker keeps to it. If it is often, lower REQUESTS_PER_SECOND."
    )
    return warning("telegram.floods", f"Telegram wants to be left alone: {waits}", advice)


def _ask_holder(settings: Settings, holder: str) -> list[Finding]:
    """What the worker that holds the session says of itself."""
    told = read_health_file(settings.health_file, datetime.now(UTC))
    unseen = skipped("telegram.clock", f"process {holder} holds the session")
    if told.worker is None:
        reason = f"process {holder} holds the session, and tells nothing: {told.line}"
        return [skipped("telegram.login", reason), unseen]
    if told.alive:
        return [ok("telegram.login", f"worker {told.worker} is signed in; {told.line}"), unseen]
    found = f"worker {told.worker} holds the session; {told.line}"
    return [problem("telegram.login", found, f"End process {holder}, and start a worker."), unseen]


def _judge_login(login: Login) -> list[Finding]:
    clock = judge_clock("telegram.clock", "Telegram", login.clock_ahead)
    name = f"@{login.username}" if login.username else "without a username"
    if login.frozen_since is not None:
        since = datetime.fromtimestamp(login.frozen_since, UTC)
        found = f"Telegram has frozen the account {login.user_id} since {since:%Y-%m-%d}"
        advice = "See @SpamBot in the Telegram app, and use another account meanwhile."
        return [problem("telegram.login", found, advice, AccountUnusableError(found)), clock]
    return [ok("telegram.login", f"signed in as {login.user_id} ({name})"), clock]


def _judge_error(error: TgworkerError) -> Finding:
    match error:
        case AccountUnusableError():
            return problem("telegram.login", str(error), "docs/errors.md says more.", error)
        case FloodWaitError():
            return warning("telegram.login", str(error), "Nothing is to be done; try again later.")
        case SettingsError():
            return problem("telegram.login", str(error), "Mend the setting it names.", error)
        case _:
            advice = "Look at the network, and whether a firewall or proxy is in the way."
            return problem("telegram.login", str(error), advice, error)
