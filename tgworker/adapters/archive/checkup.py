"""What the disk under an archive can do, and what lies about on it. All of it blocks, and leaves the archive as it is.

What has to be tried is tried in a folder of its own, which is gone afterwards.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

from tgworker.adapters.archive.disk import Disk, put_file, storage_errors
from tgworker.adapters.archive.layout import LOCK_FILE

_PROBE = ".tgworker-doctor-"
_TEMPORARY = ("*/.*.tmp", "*/*/.*.tmp")
LEFTOVER_SECONDS = 60.0
"""A temporary file that nobody has touched for so long is no longer being written."""


@frozen
class Place:
    """A folder as the file system has it. ``inodes`` and ``inodes_free`` are 0 where it knows no such limit."""

    path: Path
    """The data folder, or as long as that is not there, the nearest one above it."""
    is_new: bool
    owner: int
    bytes_total: int
    bytes_free: int
    inodes: int
    inodes_free: int


def look_at_place(data_dir: Path) -> Place:
    """How much room there is, and whose it is.

    Raises: StorageError.
    """
    path = data_dir.resolve()
    while not path.exists() and path != path.parent:
        path = path.parent
    with storage_errors(path):
        os.listdir(path)  # a file in its place is refused, and a folder that may not be looked into
        told, owner = os.statvfs(path), path.stat().st_uid
    return Place(
        path=path,
        is_new=path != data_dir.resolve(),
        owner=owner,
        bytes_total=told.f_blocks * told.f_frsize,
        bytes_free=told.f_bavail * told.f_frsize,
        inodes=told.f_files,
        inodes_free=told.f_favail,
    )


def try_file_system(folder: Path) -> list[str]:
    """What does not work there of what an archive needs, each as a sentence; none: all is well.

    Raises: StorageError: nothing can be written at all.
    """
    with storage_errors(folder):
        probe = Path(tempfile.mkdtemp(prefix=_PROBE, dir=folder))
    try:
        return [fault for trial in _TRIALS if (fault := _fault(trial, probe)) is not None]
    finally:
        shutil.rmtree(probe, ignore_errors=True)


def _fault(trial: Callable[[Path], str | None], probe: Path) -> str | None:
    try:
        return trial(probe)
    except OSError as error:
        name = trial.__name__.strip("_").replace("_", " ")
        return f"{name} fails: {error.strerror}"


def _moving_a_flushed_file_into_place(probe: Path) -> str | None:
    file = probe / "artifact.json"
    for text in (b"old", b"new"):
        put_file(Disk(), file, [text])
    return None if file.read_bytes() == b"new" else "a file that is replaced keeps its old content"


def _locking_a_file(probe: Path) -> str | None:
    file = probe / LOCK_FILE
    first, second = (os.open(file, os.O_RDWR | os.O_CREAT, 0o600) for _ in range(2))
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        return "a lock on a file keeps nobody out"
    finally:
        os.close(first)
        os.close(second)


def _telling_capitals_apart(probe: Path) -> str | None:
    (probe / "name").touch()
    return "it takes NAME and name for one file" if (probe / "NAME").exists() else None


_TRIALS = (_moving_a_flushed_file_into_place, _locking_a_file, _telling_capitals_apart)


def find_leftovers(data_dir: Path) -> list[Path]:
    """Temporary files that a crash left behind. Raises: StorageError."""
    latest = time.time() - LEFTOVER_SECONDS
    with storage_errors(data_dir):
        found = [path for pattern in _TEMPORARY for path in data_dir.glob(pattern)]
        return sorted(path for path in found if path.lstat().st_mtime < latest)


def find_busy(data_dir: Path) -> list[str]:
    """The folders of the chats that are being written now. Raises: StorageError."""
    with storage_errors(data_dir):
        locks = sorted(data_dir.glob(f"*/{LOCK_FILE}"))
        return [lock.parent.name for lock in locks if _is_held(lock)]


def _is_held(lock: Path) -> bool:
    descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        # Given back at once: a worker that wants it in this very moment would park its command.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
