"""A look at the login that changes nothing: neither the session file, nor who holds it, nor what Telegram allows.

The file is read, never written; what asks Telegram works on a copy in memory. A worker may hold the session meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES
from pathlib import Path
from typing import Any

import trio
from attrs import frozen
from telethon.tl import functions, types

from tgworker.adapters.telegram.asking import open_telegram
from tgworker.adapters.telegram.server import parse_address, trust_server_key
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.adapters.telegram.session_file import SessionCopy, lock_file_of, session_file_of
from tgworker.errors import SettingsError, StorageError

METHOD = "users.getUsers"
"""What the login is tried with."""


@frozen
class SessionFile:
    """The file that ``TELEGRAM_SESSION`` names. ``mode``: None, it is not there."""

    path: Path
    mode: int | None
    holder: str | None = None
    """The process that has locked it, by its number."""


@frozen
class Login:
    """What Telegram says of an account. Times are Unix times."""

    user_id: int
    username: str | None
    frozen_since: float | None
    clock_ahead: float
    """Seconds that Telegram's clock is ahead of this machine's; Telegram tells whole ones."""


def look_at_session_file(session: Path) -> SessionFile:
    """Whether the file is there, who may read it, and who holds it. Blocks.

    Raises: StorageError: it can't be read.
    """
    path = session_file_of(session)
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else None
        if mode is not None and not os.access(path, os.R_OK):
            raise PermissionError(EACCES, os.strerror(EACCES), str(path))
        return SessionFile(path, mode, _holder(lock_file_of(path)))
    except OSError as error:
        raise StorageError(f"{error.filename or path} can't be read: {error.strerror}.") from error


def _holder(lock: Path) -> str | None:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # Given back at once: whoever starts in this very moment must not find it taken.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None


@contextmanager
def open_copy(session: Path) -> Iterator[TelegramSession]:
    """A session that is like the file's now, and goes when the block is left.

    Raises: SettingsError: it is no session file that can be used.
    """
    path = session_file_of(session)
    try:
        copy = SessionCopy(path)
    except (sqlite3.Error, ValueError) as error:
        raise SettingsError(
            [f"TELEGRAM_SESSION is no session of Telethon: {path}: {error}"]
        ) from error
    try:
        yield copy
    finally:
        copy.close()


async def look_at_login(
    session: TelegramSession,
    *,
    api_id: int,
    server: str | None,
    server_key: Path | None,
    patience: float,
) -> Login:
    """Ask Telegram three things that it limits to nobody; inside `trio_asyncio.open_loop`.

    `patience`: seconds for each.

    Raises:
        SettingsError: `server` or `server_key` can't be used.
        AccountUnusableError: the session is not logged in, or Telegram does not let the account work.
        TransientError, FloodWaitError: Telegram does not say.
    """
    if server_key is not None:
        await trio.to_thread.run_sync(trust_server_key, server_key)
    async with open_telegram(
        session,
        api_id=api_id,
        address=None if server is None else parse_address(server),
        connect_timeout=patience,
        request_timeout=patience,
    ) as telegram:
        users = await telegram.ask(functions.users.GetUsersRequest([types.InputUserSelf()]))
        asked_at = time.time()
        told = await telegram.ask(functions.help.GetConfigRequest())
        # A whole second, cut off: it is half a second more on the average.
        ahead = told.date.timestamp() + 0.5 - (asked_at + time.time()) / 2
        app = await telegram.ask(functions.help.GetAppConfigRequest(hash=0))
    user = users[0]
    return Login(user.id, user.username, _frozen_since(app), ahead)


def _frozen_since(app: Any) -> float | None:
    """Source: https://core.telegram.org/api/auth#frozen-accounts."""
    values = {item.key: item.value for item in getattr(app.config, "value", ())}
    since = getattr(values.get("freeze_since_date"), "value", 0)
    return float(since) or None
