"""Every step that changes the disk goes through `Disk`, so that a test can fail or die at any of them.

What must outlast a power cut is written beside its place, flushed, moved over it, and the folder flushed.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOTDIR
from pathlib import Path

import structlog

from tgworker.errors import StorageError

log = structlog.get_logger(__name__)

_BLOCK = 1 << 18
"""Bytes gathered before a write."""


class Disk:
    """The operating system's own calls; links are not followed."""

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return os.write(fd, data)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        os.mkdir(path)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says into a sentence that names the file."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        raise StorageError(f"The archive can't use {where}: {error.strerror}.") from error


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """Write it all, however little the system takes at a time."""
    rest = memoryview(data)
    while rest:
        rest = rest[disk.write(fd, rest) :]


def put_file(
    disk: Disk, path: Path, pieces: Iterable[bytes], check: Callable[[], object] = bool
) -> tuple[int, str]:
    """Put a file in place, durably, whole or not at all; returns its size and its SHA-256.

    `check` is called right before the file takes its place, and may raise.

    If a flush fails, what was written is thrown away: the system may have dropped it and would not say so again.
    """
    temporary = path.with_name(f".{path.stem}.tmp")
    watch = Stopwatch()
    try:
        measure = _write_file(disk, temporary, pieces)
        check()
        disk.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            disk.unlink(temporary)
        raise
    sync_folder(disk, path.parent)
    watch.say("file.written", path, measure[0])
    return measure


class Stopwatch:
    """Tells, for who looks for it at ``DEBUG``, what was done to a file and how long it took."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    def say(self, event: str, path: Path, size: int) -> None:
        """`size` is the file's, or what was added to it, in bytes."""
        took = (time.perf_counter() - self._began) * 1000
        log.debug(event, path=str(path), bytes=size, duration_ms=round(took, 1))


def _write_file(disk: Disk, path: Path, pieces: Iterable[bytes]) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    fd = disk.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        for block in _blocks(pieces):
            write_all(disk, fd, block)
            size += len(block)
            digest.update(block)
        disk.fsync(fd)
    finally:
        os.close(fd)
    return size, digest.hexdigest()


def _blocks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _BLOCK:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    yield b"".join(gathered)


def sync_folder(disk: Disk, folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = disk.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.fsync(fd)
    finally:
        os.close(fd)


def make_folder(disk: Disk, folder: Path) -> None:
    """Make a folder, durably, unless it is there. A link in its place is refused: it may lead anywhere."""
    try:
        disk.mkdir(folder)
    except FileExistsError:
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR), str(folder)) from None
        return
    sync_folder(disk, folder.parent)


def remove_file(disk: Disk, path: Path) -> None:
    """Remove a file, if it is there."""
    with suppress(FileNotFoundError):
        disk.unlink(path)
