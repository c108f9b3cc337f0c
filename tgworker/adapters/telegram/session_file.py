"""The session file on disk: locked, for its owner only, and whole at any moment.

A new file, and one that Telethon must bring up to its version, is made beside the old one and then moved into its
place: Telethon does either in many steps, and a crash between two of them would leave a file that it can't read any
more. What changes later are single transactions of SQLite.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from telethon.sessions.sqlite import CURRENT_VERSION

from tgworker.adapters.telegram.session import TelegramSession
from tgworker.errors import AccountUnusableError, SettingsError, StorageError

SUFFIX = ".session"
LOG_IN = "Run `tgworker login`."

_TELETHONS = frozenset({"version", "sessions", "entities", "sent_files", "update_state"})
_JOURNALS = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a file. It must not outlive the file: it would be played back into the next one."""


@contextmanager
def open_session(path: Path) -> Iterator[TelegramSession]:
    """Hold the session file (`session_file_of`), made when it is new.

    Raises:
        SettingsError: another process holds it (with that one's pid), or it is no session file that can be used.
    """
    file = session_file_of(path)
    with ExitStack() as held:
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            held.enter_context(_lock(file))
            _prepare(Path(os.path.realpath(file)))
            session = TelegramSession(file)
        except OSError as error:
            raise SettingsError(
                [f"TELEGRAM_SESSION cannot be used: {file}: {error.strerror}"]
            ) from error
        except (sqlite3.Error, ValueError) as error:
            # A ValueError: the tables are of a newer version than this Telethon's.
            raise SettingsError(
                [f"TELEGRAM_SESSION is no session of Telethon: {file}: {error}"]
            ) from error
        held.callback(session.close)
        yield session


@contextmanager
def open_existing(path: Path) -> Iterator[TelegramSession]:
    """Hold the session file; none is made.

    Raises:
        SettingsError: as `open_session`.
        AccountUnusableError: there is none.
    """
    file = session_file_of(path)
    if not file.exists():
        raise AccountUnusableError(
            f"There is no session {file} yet. {LOG_IN}", error_type="not_logged_in"
        )
    with open_session(path) as session:
        yield session


def remove_session(session: TelegramSession) -> None:
    """Close and delete a session that is held, with everything it knew. Raises: StorageError."""
    session.close()
    try:
        _remove(Path(os.path.realpath(session.filename)))
    except OSError as error:
        raise StorageError(
            f"{session.filename} can't be deleted: {error.strerror}. It is of no use to anybody any more."
        ) from error


def session_file_of(path: Path) -> Path:
    """The session file that is meant; as in Telethon, ``.session`` is added to a name without it."""
    return path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)


def lock_file_of(file: Path) -> Path:
    """Who holds the session has this file locked, and its process number in it."""
    return file.with_name(f"{file.name}.lock")


class SessionCopy(TelegramSession):
    """A session in memory, with all that a file holds, brought up to date; the file stays as it is."""

    _conn: sqlite3.Connection | None

    def __init__(self, file: Path) -> None:
        """Raises: sqlite3.Error, ValueError: it is no session of Telethon."""
        self._file = file
        super().__init__(file)

    def _cursor(self) -> sqlite3.Cursor:
        if self._conn is None:
            self._conn = sqlite3.connect(":memory:", check_same_thread=False)
            with closing(_connect(self._file, "ro")) as original:
                original.backup(self._conn)
        cursor: sqlite3.Cursor = self._conn.cursor()
        return cursor


@contextmanager
def read_session(file: Path) -> Iterator[TelegramSession]:
    """A file of Telethon's, of any version, to look at; it may be another program's, and stays as it is.

    Raises: sqlite3.Error, ValueError: it is none, or nobody ever signed in with it.
    """
    if _version(file, "ro") is None:
        raise ValueError("nobody has signed in with it")
    with closing(SessionCopy(file)) as session:
        yield session


def _prepare(file: Path) -> None:
    """See to it that the file is there, whole, of Telethon's version, and for its owner only."""
    for leftover in file.parent.glob(f".{file.name}-*"):
        leftover.unlink()
    version = None
    if file.exists():
        _make_private(file)
        version = _version(file)
    if version is not None and version >= CURRENT_VERSION:
        return
    handle, name = tempfile.mkstemp(SUFFIX, f".{file.name}-", file.parent)
    new = Path(name)
    try:
        if version is not None:
            _copy(file, new)
        TelegramSession(new).close()
        os.fsync(handle)
        _remove_journals(file)
        new.replace(file)
        _flush(file.parent)
    except BaseException:
        _remove(new)
        raise
    finally:
        os.close(handle)


def _make_private(file: Path) -> None:
    """Only its owner may read it; SQLite gives its journals the same mode. Raises OSError: it can't be written."""
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def _version(file: Path, mode: str = "rw") -> int | None:
    """Of Telethon's tables; None: there is nothing in the file that was ever finished.

    Raises:
        sqlite3.Error, ValueError: it is no database, or another program's.
    """
    with closing(_connect(file, mode)) as connection:
        names = {name for name, in connection.execute("select name from sqlite_master")}
        row = "version" in names and connection.execute("select version from version").fetchone()
        if row:
            return int(row[0])
        if tables := sorted(name for name in names if not name.startswith("sqlite_")):
            if not _TELETHONS.issuperset(tables):
                raise ValueError(f"it is another program's database: {', '.join(tables)}")
        return None


def _copy(source: Path, target: Path) -> None:
    """As SQLite sees it at one moment, with what a crash or another program has left in a journal."""
    with closing(_connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _connect(file: Path, mode: str = "rw") -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    _remove_journals(file)


def _remove_journals(file: Path) -> None:
    for suffix in _JOURNALS:
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    _flush(file.parent)


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _lock(file: Path) -> Iterator[None]:
    """Keep other workers off the session, until the end of this block or of the process, however it ends.

    The lock is on a file beside it: SQLite would lose its own locks on the session when a descriptor of it is closed.
    That file stays: to delete it would let two others hold two files of one name.
    """
    descriptor = os.open(lock_file_of(file), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            raise SettingsError(
                [f"TELEGRAM_SESSION is in use by another worker, process {holder}: {file}"]
            ) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        yield
    finally:
        os.close(descriptor)
