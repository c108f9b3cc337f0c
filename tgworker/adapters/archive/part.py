"""A day being fetched: one JSON object a line, people before the messages of the same page.

``{"person":{…}}`` and ``{"message":{…}}``. The file only grows; each page is one write. Whatever follows the last good
line after a crash is cut off, since reading goes on after the last id.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import structlog

from tgworker.adapters.archive.disk import (
    Disk,
    Stopwatch,
    make_folder,
    remove_file,
    sync_folder,
    write_all,
)
from tgworker.core.artifact import RawMessage, canonical
from tgworker.core.codec import structure, to_json
from tgworker.core.merge import IdSet
from tgworker.core.message import Message
from tgworker.core.model import Person

log = structlog.get_logger(__name__)


def survey_part(path: Path) -> IdSet:
    """The ids in a part file, which somebody may be writing just now."""
    with open(path, "rb") as lines:
        return IdSet(item for _, item in _good_lines(lines) if isinstance(item, int))


class PartFile:
    """One part file; it is made with the first page. Of its messages only ids and places are in memory."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self.people: dict[int, Person] = {}
        self._path = path
        self._disk = disk
        self._fd: int | None = None
        self._empty()

    def _empty(self) -> None:
        self.ids = IdSet()
        self._offsets = array("q")
        self._size = 0
        self._unsynced = False
        self.people.clear()

    def recover(self) -> None:
        """Read what is there already and cut off what a crash left unfinished. Nothing there: an empty part."""
        watch = Stopwatch()
        try:
            fd = self._disk.open(self._path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return
        self._fd = fd
        self._unsynced = True  # written by somebody who may not have come to it
        with open(fd, "rb", closefd=False) as lines:
            for size, item in _good_lines(lines):
                if isinstance(item, Person):
                    self.people[item.id] = item
                else:
                    self._enter(item, self._size)
                self._size += size
        if self._size != (found := os.fstat(fd).st_size):
            self._disk.truncate(fd, self._size)
            log.info("archive.part_cut", path=str(self._path), kept=self._size, found=found)
        watch.say("file.read", self._path, found)

    def _enter(self, message_id: int, offset: int) -> None:
        place = self.ids.add(message_id)
        self._offsets.insert(place, offset)

    def append(self, messages: Sequence[Message], people: Iterable[Person]) -> None:
        """Write messages that are not in `ids` yet, in one write, with the people who are new or have changed."""
        changed = {p.id: p for p in people if self.people.get(p.id) != p}
        page = [b'{"person":%b}\n' % to_json(person) for person in changed.values()]
        offset = self._size + sum(map(len, page))
        offsets = []
        for message in messages:
            line = b'{"message":%b}\n' % to_json(message)
            page.append(line)
            offsets.append(offset)
            offset += len(line)
        self._write(b"".join(page))
        self._size = offset
        self.people.update(changed)
        for message, place in zip(messages, offsets, strict=True):
            self._enter(message.id, place)

    def _write(self, page: bytes) -> None:
        watch = Stopwatch()
        if self._fd is None:
            self._fd = self._make()
        elif os.fstat(self._fd).st_size != self._size:
            self._disk.truncate(self._fd, self._size)  # a write before this one failed half-way
        self._unsynced = True
        write_all(self._disk, self._fd, page)
        watch.say("file.appended", self._path, len(page))

    def _make(self) -> int:
        make_folder(self._disk, self._path.parent)
        fd = self._disk.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
        sync_folder(self._disk, self._path.parent)
        return fd

    def sync(self) -> None:
        """Make what was written durable. If that fails, the part is thrown away: nobody knows what is left of it."""
        if self._fd is None or not self._unsynced:
            return
        try:
            self._disk.fsync(self._fd)
        except OSError:
            with suppress(OSError):
                self.remove()
            raise
        self._unsynced = False

    def messages(self) -> Iterator[RawMessage]:
        """The messages, ascending by id."""
        if self._fd is None:
            return
        with open(self._path, "rb") as lines:
            for offset in self._offsets:
                lines.seek(offset)
                _, raw = _read(lines.readline())
                yield canonical(raw)

    def close(self) -> None:
        """Leave the file as it is."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def remove(self) -> None:
        """Throw the part away and be an empty one."""
        self.close()
        remove_file(self._disk, self._path)
        self._empty()


def _good_lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Person | int]]:
    """Of each line its size and what it holds, a person or a message's id, until one is torn or makes no sense."""
    for line in lines:
        try:
            kind, raw = _read(line)
            yield len(line), structure(raw, Person) if kind == "person" else canonical(raw)["id"]
        except ValueError:
            return


def _read(line: bytes) -> tuple[str, Any]:
    """The kind and the inside of a line.

    Raises:
        ValueError: it is none of ours.
    """
    entry = orjson.loads(line)
    match entry:
        case {"person": raw} | {"message": raw} if len(entry) == 1 and line.endswith(b"\n"):
            return next(iter(entry)), raw
    raise ValueError("not a line of a part file")
