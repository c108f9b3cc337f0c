"""The data folder, opened for this process; others may have it open too."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path

import trio

from tgworker.adapters.archive.day import Conditions
from tgworker.adapters.archive.disk import Disk, make_folder, remove_file, storage_errors, write_all
from tgworker.adapters.archive.fence import Fence
from tgworker.adapters.archive.folders import Folders
from tgworker.adapters.archive.index import read_rows
from tgworker.adapters.archive.layout import find_parts
from tgworker.adapters.archive.leftovers import remove_leftovers
from tgworker.adapters.archive.part import survey_part
from tgworker.adapters.archive.progress import OpenDay, ProgressFile, SealedDay
from tgworker.adapters.archive.shelf import DiskShelf
from tgworker.core.model import ArtifactFormat, Chat, ChatRef, DayRow, FetchCommand, Migration
from tgworker.ports import Begun

_CLOSE_SECONDS = 10.0
"""What closing a chat may take when the work is being cancelled."""


@asynccontextmanager
async def open_archive(
    data_dir: Path,
    *,
    artifact_format: ArtifactFormat,
    schema_version: str,
    disk: Disk | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[DiskArchive]:
    """Open the archive at ``data_dir``, making the folder when it is new, and see that it can be written.

    `clock` gives the day that ``chat.json`` notes names under.

    Raises:
        StorageError: it can't.
    """
    conditions = Conditions(disk or Disk(), artifact_format, schema_version)
    archive = DiskArchive(data_dir.resolve(), conditions, clock)
    await archive.prepare()
    yield archive


class DiskArchive:
    """Fulfils `ports.Archive`."""

    def __init__(
        self, data_dir: Path, conditions: Conditions, clock: Callable[[], datetime]
    ) -> None:
        self._data_dir = data_dir
        self._conditions = conditions
        self._folders = Folders(data_dir, conditions.schema_version, conditions.disk, clock)
        self._progress = ProgressFile(
            data_dir,
            conditions.schema_version,
            conditions.disk,
            self._open_days,
            self._sealed_after_all,
        )

    async def prepare(self) -> None:
        """See that the folder is there and can be written; clear away what a death left over."""
        await trio.to_thread.run_sync(self._probe)
        await trio.to_thread.run_sync(self._clear)
        await self._progress.tidy()

    async def probe(self) -> int:
        # Nobody waits for a disk that hangs only to see whether it does.
        return await trio.to_thread.run_sync(self._probe, abandon_on_cancel=True)

    def _probe(self) -> int:
        disk = self._conditions.disk
        probe = self._data_dir / ".probe"
        with storage_errors(self._data_dir):
            for folder in reversed((self._data_dir, *self._data_dir.parents)):
                if not folder.exists():
                    make_folder(disk, folder)
            fd = disk.open(probe, os.O_WRONLY | os.O_CREAT)
            try:
                write_all(disk, fd, b"\n")
            finally:
                os.close(fd)
                remove_file(disk, probe)
            room = os.statvfs(self._data_dir)
            return room.f_bavail * room.f_frsize

    def _clear(self) -> None:
        with storage_errors(self._data_dir):
            remove_leftovers(self._data_dir, self._folders, self._conditions.disk)

    async def sealed(
        self, ref: ChatRef, first: date, last: date, chat_id: int | None = None
    ) -> set[date]:
        return await trio.to_thread.run_sync(self._sealed, ref, first, last, chat_id)

    def _sealed(
        self, ref: ChatRef, first: date, last: date, chat_id: int | None = None
    ) -> set[date]:
        return set(self._sealed_rows(ref, first, last, chat_id))

    def _sealed_rows(
        self, ref: ChatRef, first: date, last: date, chat_id: int | None = None
    ) -> dict[date, DayRow]:
        with storage_errors(self._data_dir):
            folder = self._folders.find(ref, chat_id)
            rows = read_rows(folder, first, last) if folder is not None else {}
        return {day: row for day, row in rows.items() if row.complete}

    async def migration(self, ref: ChatRef) -> Migration | None:
        return await trio.to_thread.run_sync(self._migration, ref)

    def _migration(self, ref: ChatRef) -> Migration | None:
        with storage_errors(self._data_dir):
            return self._folders.migration(ref)

    @asynccontextmanager
    async def open_chat(
        self, chat: Chat, fence: int | None = None, command_id: str | None = None
    ) -> AsyncIterator[DiskShelf]:
        folder, lock, own_fence = await trio.to_thread.run_sync(self._take, chat, fence)
        try:
            shelf = DiskShelf(
                chat, folder, own_fence, self._conditions, self._progress, self._folders, command_id
            )
            try:
                yield shelf
            finally:
                with trio.move_on_after(_CLOSE_SECONDS, shield=True):
                    await shelf.close()
        finally:
            os.close(lock)

    def _take(self, chat: Chat, fence: int | None) -> tuple[Path, int, Fence]:
        with storage_errors(self._data_dir):
            return self._folders.take(chat, fence)

    async def command_begins(self, command: FetchCommand, started_at: datetime) -> Begun:
        return await self._progress.command_begins(command, started_at)

    async def commands_under_way(self) -> frozenset[str]:
        return await self._progress.commands_under_way()

    async def command_ends(self, *command_ids: str) -> None:
        await self._progress.command_ends(*command_ids)

    def _sealed_after_all(self, day: OpenDay) -> SealedDay | None:
        """What the day has become, if its entry of ``progress.json`` is out of date. Blocks."""
        row = self._sealed_rows(_ref(day.chat), day.date, day.date).get(day.date)
        return None if row is None or self._has_part(day) else SealedDay(row.messages)

    def _has_part(self, day: OpenDay) -> bool:
        return day.part is not None and (self._data_dir / day.part).exists()

    def _open_days(self) -> Iterator[OpenDay]:
        """The part files that lie in the data folder. Blocks."""
        for place in find_parts(self._data_dir):
            with suppress(FileNotFoundError):  # sealed in this moment
                ids = survey_part(place.part)
                part = place.part.relative_to(self._data_dir).as_posix()
                label = self._folders.label(place.folder)
                yield OpenDay(label, place.day, ids.last, len(ids), part)


def _ref(label: str) -> ChatRef:
    """The chat that is called so; people may have written anything into ``progress.json``."""
    try:
        return ChatRef(id=int(label))
    except ValueError:
        return ChatRef(username=label.removeprefix("@"))
