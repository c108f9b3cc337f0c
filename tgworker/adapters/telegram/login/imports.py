"""Taking over a login that another program has made: a session file of Telethon's, or one of its string sessions.

The original stays as it is. Two programs must not use one login at the same time from two addresses: Telegram would
end it.
"""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path

import trio
from telethon.sessions import StringSession
from telethon.tl import functions, types

from tgworker.adapters.telegram.asking import asking_through
from tgworker.adapters.telegram.link import Link
from tgworker.adapters.telegram.login.guest import Guest
from tgworker.adapters.telegram.people import map_account
from tgworker.adapters.telegram.server import parse_address, trust_server_key
from tgworker.adapters.telegram.session_file import read_session
from tgworker.core.account import Account
from tgworker.errors import AccountUnusableError, LoginError

_SQLITE = b"SQLite format 3\0"
_LONGEST_STRING = 4096
"""String sessions have less than 400 signs."""


def read_login(source: Path) -> Guest:
    """The login in a file: a session of Telethon's, of any version, or a text that is a string session.

    Raises:
        LoginError: there is none in it, or it can't be read.
    """
    try:
        with source.open("rb") as file:
            start = file.read(_LONGEST_STRING)
        if not start.startswith(_SQLITE):
            return read_string_login(start.decode("ascii", "replace"))
        with read_session(source) as session:
            return _guest(session.dc_id, session.server_address, session.port, session.auth_key)
    except OSError as error:
        raise _nothing(f"{source} can't be read: {error.strerror}.") from error
    except (sqlite3.Error, ValueError) as error:
        raise _nothing(f"{source} is no session of Telethon: {error}.") from error


def read_string_login(text: str) -> Guest:
    """The login in a string session. No error shows any of it.

    Raises:
        LoginError: it is none.
    """
    try:
        session = StringSession(text.strip())
    except (ValueError, struct.error):
        raise _nothing("That is no string session of Telethon.") from None
    return _guest(session.dc_id, session.server_address, session.port, session.auth_key)


def _guest(dc_id: int, host: str | None, port: int | None, key: object) -> Guest:
    if not key or not host or not port:
        raise _nothing("Nobody has signed in with that session.")
    return Guest(dc_id, host, port, key)


def _nothing(text: str) -> LoginError:
    return LoginError(text, error_type="no_login")


async def check_login(
    guest: Guest,
    *,
    api_id: int,
    server: str | None = None,
    server_key: Path | None = None,
    connect_timeout: float = 10.0,
    request_timeout: float = 30.0,
) -> Account:
    """Ask Telegram whose login it is; if the account has moved, the login moves along.

    Raises:
        AccountUnusableError: it is over, or the account can't work.
        TransientError: Telegram can't be reached.
    """
    address = None if server is None else parse_address(server)
    if server_key is not None:
        await trio.to_thread.run_sync(trust_server_key, server_key)
    link = Link(guest, api_id=api_id, address=address, connect_timeout=connect_timeout)
    async with asking_through(link, request_timeout) as telegram:
        users = await telegram.ask(functions.users.GetUsersRequest([types.InputUserSelf()]))
    if not users:
        raise AccountUnusableError("Telegram does not know whose login that is.")
    return map_account(users[0])
