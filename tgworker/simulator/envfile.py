"""What a worker needs to use a simulator: settings, the server's key, an authorised session.

The settings are lines ``KEY=value`` that a shell (``set -a; . FILE``) and python-dotenv read alike.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from tgworker.errors import TgworkerError

API_ID = "12345"
API_HASH = "0123456789abcdef0123456789abcdef"
"""The simulator takes any; these are well-formed."""

DC_ID = 2

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)
_UNSPEAKABLE = re.compile(r"['\\\n\r]|\$\{")
"""Shell and dotenv disagree about these even inside of single quotes."""


class EnvFileError(TgworkerError):
    """The files can't be written there: choose another place."""

    error_type = "env_file"


@frozen
class Access:
    """How a client gets in."""

    server: tuple[str, int]
    public_key_pem: str
    auth_key: bytes
    """Of an account that is signed in."""
    phone: str


def write_env_file(out: Path, access: Access) -> None:
    """Write ``OUT`` (0600), and beside it ``OUT.pem`` (0644) and ``OUT.session`` (0600).

    Each appears whole or not at all, and ``OUT`` last: whoever sees it finds the others.

    Raises:
        EnvFileError: the folder can't be written to, or its name can't be said in such a file.
    """
    out = out.absolute()
    pem, session = (out.with_name(out.name + suffix) for suffix in (".pem", ".session"))
    host, port = access.server
    lines = _lines(
        {
            "TELEGRAM_API_ID": API_ID,
            "TELEGRAM_API_HASH": API_HASH,
            "TELEGRAM_PHONE": access.phone,
            "TELEGRAM_SESSION": str(session),
            "TELEGRAM_SERVER": f"{host}:{port}",
            "TELEGRAM_SERVER_KEY": str(pem),
        }
    )
    try:
        with _replacing(pem, 0o644) as temporary:
            temporary.write_text(access.public_key_pem, encoding="ascii")
        with _replacing(session, 0o600) as temporary:
            _write_session(temporary, access)
        with _replacing(out, 0o600) as temporary:
            temporary.write_text(lines, encoding="utf-8")
    except OSError as error:
        raise EnvFileError(f"{out} can't be written: {error.strerror}") from error


def _write_session(path: Path, access: Access) -> None:
    session = SQLiteSession(str(path))
    try:
        session.set_dc(DC_ID, *access.server)
        session.auth_key = AuthKey(access.auth_key)
        session.save()
    finally:
        session.close()


@contextlib.contextmanager
def _replacing(path: Path, mode: int) -> Iterator[Path]:
    """A new file of that mode to fill, which takes the place of `path` at the end."""
    # Telethon puts its suffix behind any other name.
    handle, name = tempfile.mkstemp(".session", f".{path.name}-", path.parent)
    temporary = Path(name)
    try:
        os.fchmod(handle, mode)
        os.close(handle)
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{key}={_quote(key, value)}\n" for key, value in values.items())


def _quote(key: str, value: str) -> str:
    if _UNSPEAKABLE.search(value):
        raise EnvFileError(
            f"{key} would be {value!r}: shell and dotenv read that differently, choose another path"
        )
    return value if _PLAIN.fullmatch(value) else f"'{value}'"
