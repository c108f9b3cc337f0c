"""Days, chats and messages for the archive's tests, and both archives behind one door."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from errno import ENOSPC
from pathlib import Path
from typing import Any

import pytest
from attrs import define, frozen

from tgworker.adapters.archive import open_archive
from tgworker.adapters.archive.disk import Disk
from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatType, DayRow, Person
from tgworker.ports import Archive, ChatShelf, DayWriter

DAY = date(2025, 11, 7)
NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)
LATER = datetime(2025, 11, 9, tzinfo=UTC)
PYTHON = Chat(id=-1000000000007, type=ChatType.SUPERGROUP, title="Python", username="ru_python")
PEOPLE = tuple(
    Person(number, f"user_{number}" if number % 2 else None, f"Имя {number}", bot=number == 3)
    for number in range(1, 6)
)


@frozen
class Make:
    """Values of the tests."""

    day: date = DAY
    later: datetime = LATER
    chat: Chat = PYTHON
    people: tuple[Person, ...] = PEOPLE

    def message(self, message_id: int, text: str | None = None, **fields: Any) -> Message:
        """A message of the day that depends on its id alone, but for what is given."""
        number = message_id % 7
        plain: dict[str, Any] = {
            "date": NOON + timedelta(seconds=message_id % 3600),
            "from_id": number if 0 < number < 6 else (None if number else 99),
            "chat": PYTHON.label,
            "text": text or f"Сообщение {message_id} \u2028 🐍",
            "reply_to": message_id - 2 if message_id % 3 == 0 and message_id > 2 else None,
        }
        return Message(id=message_id, **(plain | fields))

    def messages(self, *ids: int) -> list[Message]:
        return [self.message(message_id) for message_id in ids]

    async def write(self, writer: DayWriter, *ids: int) -> int:
        """Offer messages as one page, with everybody who wrote them."""
        return await writer.append(self.messages(*ids), self.people)

    async def seal(self, writer: DayWriter, *, complete: bool = True) -> DayRow:
        return await writer.seal(complete=complete, fetched_at=self.later)

    async def fetch(self, shelf: ChatShelf, *ids: int, complete: bool = True) -> DayRow:
        """Read a whole day in one page and seal it."""
        writer = await shelf.open_day(self.day)
        await self.write(writer, *ids)
        return await self.seal(writer, complete=complete)


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@define
class DiskStore:
    """The archive on disk; each opening is as good as another process."""

    root: Path
    form: ArtifactFormat = ArtifactFormat.JSON
    disk: Disk | None = None

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[Archive]:
        async with open_archive(
            self.root, artifact_format=self.form, schema_version="1.0.0", disk=self.disk, **options
        ) as archive:
            yield archive

    @asynccontextmanager
    async def shelf(self, chat: Chat = PYTHON) -> AsyncIterator[ChatShelf]:
        async with self.open() as archive, archive.open_chat(chat) as shelf:
            yield shelf

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()


@define
class MemoryStore:
    """The twin in memory behind the same door."""

    archive: MemoryArchive

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Archive]:
        yield self.archive

    @asynccontextmanager
    async def shelf(self, chat: Chat = PYTHON) -> AsyncIterator[ChatShelf]:
        async with self.archive.open_chat(chat) as shelf:
            yield shelf

    def read(self, path: str) -> bytes:
        return self.archive.files[path]


Store = DiskStore | MemoryStore


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each archive in turn."""
    return DiskStore(tmp_path / "data") if request.param == "disk" else MemoryStore(MemoryArchive())


@pytest.fixture
def disk_store(tmp_path: Path) -> DiskStore:
    return DiskStore(tmp_path / "data")


@pytest.fixture(scope="session")
def stores() -> Callable[..., DiskStore]:
    """Makes archives on disk where they are wanted, with a format or a disk of their own."""
    return DiskStore


@pytest.fixture(scope="session")
def twins() -> Callable[..., MemoryStore]:
    """Makes archives in memory."""
    return lambda **options: MemoryStore(MemoryArchive(**options))


class QuickDisk(Disk):
    """Does not wait for the metal: for tests that die often but never lose power."""

    def fsync(self, fd: int) -> None:
        pass


@pytest.fixture(scope="session")
def quick_disk() -> Disk:
    return QuickDisk()


class FaultyDisk(QuickDisk):
    """Fails at its ``n``-th step with an error of the system (0: never); a write fails half-way.

    ``steps`` lists what was done, by the names of the files.
    """

    def __init__(self, n: int = 0, code: int = ENOSPC, *, only: str | None = None) -> None:
        self.n = n
        self.code = code
        self.only = only
        self.steps: list[tuple[str, str]] = []
        self.failed = False
        self._names: dict[int, str] = {}
        self._count = 0

    def step(self, what: str, name: str) -> bool:
        """Whether this step has to fail."""
        self.steps.append((what, name))
        self._count += self.only in (None, what)
        due = self._count == self.n and self.only in (None, what)
        self.failed = self.failed or due
        return due

    def check(self, what: str, name: str) -> None:
        if self.step(what, name):
            raise OSError(self.code, os.strerror(self.code))

    def open(self, path: Path, flags: int) -> int:
        self.check("open", path.name)
        fd = super().open(path, flags)
        self._names[fd] = path.name
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.step("write", self._names[fd]):
            super().write(fd, data[: len(data) // 2])
            raise OSError(self.code, os.strerror(self.code))
        return super().write(fd, data)

    def fsync(self, fd: int) -> None:
        self.check("fsync", self._names[fd])
        super().fsync(fd)

    def truncate(self, fd: int, size: int) -> None:
        self.check("truncate", self._names[fd])
        super().truncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        self.check("replace", target.name)
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self.check("unlink", path.name)
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        self.check("mkdir", path.name)
        super().mkdir(path)


@pytest.fixture(scope="session")
def faulty_disk() -> type[FaultyDisk]:
    return FaultyDisk
