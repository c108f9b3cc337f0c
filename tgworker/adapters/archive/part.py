"""A day being fetched: one JSON object a line, people before the messages of the same page.

``{"person":{…}}`` and ``{"message":{…}}``. The file only grows; each page is one write. Whatever follows the last good
line after a crash is cut off, since reading goes on after the last id.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias
from zlib import crc32

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
from tgworker.core.artifact import Outline, RawMessage, canonical
from tgworker.core.codec import structure, to_json
from tgworker.core.merge import IdSet
from tgworker.core.message import Message
from tgworker.core.model import Person

log = structlog.get_logger(__name__)

_PERSON, _MESSAGE, _END = b'{"person":', b'{"message":', b"}\n"

Item: TypeAlias = Person | RawMessage


def survey_part(path: Path) -> IdSet:
    """The ids in a part file, which somebody may be writing just now."""
    with open(path, "rb") as lines:
        return IdSet(item["id"] for _, item in _good_lines(lines) if isinstance(item, dict))


class PartFile:
    """One part file; it is made with the first page. Of its messages only ids are in memory.

    A line holds a message as an artifact does, so that sealing need not read it: lines are copied. Their checksum tells
    whether they still are what was written.
    """

    def __init__(self, path: Path, disk: Disk) -> None:
        self.people: dict[int, Person] = {}
        self._path = path
        self._disk = disk
        self._fd: int | None = None
        self._empty()

    def _empty(self) -> None:
        self.outline = Outline()
        self._late: dict[int, int] = {}
        """Where the messages stand that came after newer ones, by id."""
        self._labels: set[str] = set()
        self._foreign = False
        """Whether somebody wrote lines in another form than ours of today."""
        self._size = 0
        self._checksum = 0
        self._unsynced = False
        self.people.clear()

    @property
    def ids(self) -> IdSet:
        return self.outline.ids

    def is_fit_for(self, label: str) -> bool:
        """Whether `lines` can stand in an artifact of a chat of that label as they are."""
        return not self._foreign and self._labels <= {label}

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
            for line, item in _good_lines(lines):
                if isinstance(item, Person):
                    self.people[item.id] = item
                else:
                    self._enter(item["id"], item["reply_to"], item["from_id"], self._size)
                    self._labels.add(item["chat"])
                    self._foreign |= line != _line(_MESSAGE, orjson.dumps(item))
                self._size += len(line)
                self._checksum = crc32(line, self._checksum)
        if self._size != (found := os.fstat(fd).st_size):
            self._disk.truncate(fd, self._size)
            log.info("archive.part_cut", path=str(self._path), kept=self._size, found=found)
        watch.say("file.read", self._path, found)

    def _enter(self, id: int, reply_to: int | None, from_id: int | None, offset: int) -> None:
        if self.ids.last is not None and id < self.ids.last:
            self._late[id] = offset
        self.outline.enter(id, reply_to, from_id)

    def append(self, messages: Sequence[Message], people: Iterable[Person]) -> None:
        """Write messages that are not in `ids` yet, in one write, with the people who are new or have changed."""
        changed = {p.id: p for p in people if self.people.get(p.id) != p}
        told = [_line(_PERSON, to_json(person)) for person in changed.values()]
        lines = [_line(_MESSAGE, to_json(message)) for message in messages]
        page = b"".join(told + lines)
        self._write(page)
        offset = self._size + sum(map(len, told))
        for message, line in zip(messages, lines, strict=True):
            self._enter(message.id, message.reply_to, message.from_id, offset)
            offset += len(line)
        self._size = offset
        self._checksum = crc32(page, self._checksum)
        self._labels.update(message.chat for message in messages)
        self.people.update(changed)

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
        """The messages, ascending by id.

        Raises:
            ValueError: somebody has changed the file.
        """
        return (item for item in map(_read, self._lines()) if isinstance(item, dict))

    def lines(self) -> Iterator[bytes]:
        """The messages as JSON, ascending by id; if they are fit for that.

        Raises:
            ValueError: somebody has changed the file; lines may have been given out before that.
        """
        return (line[len(_MESSAGE) : -len(_END)] for line in self._lines())

    def _lines(self) -> Iterator[bytes]:
        """The lines of messages, ascending by id."""
        if self._fd is None:
            return
        with open(self._path, "rb") as file, open(self._path, "rb") as aside:
            in_order = self._in_order(file)
            for id in self.ids if self._late else ():
                if id in self._late:
                    aside.seek(self._late[id])
                    yield aside.readline()
                else:
                    yield next(in_order)
            yield from in_order

    def _in_order(self, file: Iterable[bytes]) -> Iterator[bytes]:
        """The lines of messages that came after older ones only, as they follow each other in the file."""
        late = set(self._late.values())
        size = checksum = 0
        for line in file:
            if size == self._size:
                break  # a write failed half-way
            if size not in late and self._holds_message(line):
                yield line
            size += len(line)
            checksum = crc32(line, checksum)
        if (size, checksum) != (self._size, self._checksum):
            raise ValueError("the part file is not as it was written")

    def _holds_message(self, line: bytes) -> bool:
        return isinstance(_read(line), dict) if self._foreign else line.startswith(_MESSAGE)

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


def _good_lines(lines: Iterable[bytes]) -> Iterator[tuple[bytes, Item]]:
    """Each line and what it holds, until one is torn or makes no sense."""
    for line in lines:
        try:
            yield line, _read(line)
        except ValueError:
            return


def _read(line: bytes) -> Item:
    """What a line holds.

    Raises:
        ValueError: it is none of ours.
    """
    entry = orjson.loads(line)
    match entry:
        case {"person": raw} if len(entry) == 1 and line.endswith(b"\n"):
            return structure(raw, Person)
        case {"message": raw} if len(entry) == 1 and line.endswith(b"\n"):
            return canonical(raw)
    raise ValueError("not a line of a part file")


def _line(kind: bytes, inside: bytes) -> bytes:
    return b"%b%b%b" % (kind, inside, _END)
