"""One chat's folder, held for writing, and its days: everything that blocks runs in threads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import trio

from tgworker.adapters.archive.day import Conditions, DayFiles
from tgworker.adapters.archive.disk import storage_errors
from tgworker.adapters.archive.fence import Fence
from tgworker.adapters.archive.folders import Folders
from tgworker.adapters.archive.index import read_rows
from tgworker.adapters.archive.layout import DayPlace
from tgworker.adapters.archive.progress import OpenDay, ProgressFile
from tgworker.adapters.archive.rebuild import sound_index
from tgworker.core.layout import artifact_path
from tgworker.core.message import Message
from tgworker.core.model import Chat, DayRow, Migration, Person

_SYNC_SECONDS = 1.0
"""A power cut costs at most about so much of a day."""
_CHECKPOINT_SECONDS = 5.0
"""``progress.json`` lags at most about so much behind."""


class DiskShelf:
    """Fulfils `ports.ChatShelf`."""

    def __init__(
        self,
        chat: Chat,
        folder: Path,
        fence: Fence,
        conditions: Conditions,
        progress: ProgressFile,
        folders: Folders,
        command_id: str | None = None,
    ) -> None:
        self._chat = chat
        self._folder = folder
        self._fence = fence
        self._conditions = conditions
        self._progress = progress
        self._folders = folders
        self._command_id = command_id
        self._open: dict[date, DiskDay] = {}

    @property
    def chat(self) -> Chat:
        return self._chat

    async def rows(self, first: date, last: date) -> dict[date, DayRow]:
        return await trio.to_thread.run_sync(self._rows, first, last)

    def _rows(self, first: date, last: date) -> dict[date, DayRow]:
        with storage_errors(self._folder):
            self._mend_indexes(first, last)
            return read_rows(self._folder, first, last)

    def _mend_indexes(self, first: date, last: date) -> None:
        """See that damaged indexes do not make sealed days look open."""
        disk, version = self._conditions.disk, self._conditions.schema_version
        for year in range(first.year, last.year + 1):
            sound_index(disk, DayPlace(self._folder, date(year, 1, 1)), self._chat, version)

    async def open_day(self, day: date, *, afresh: bool = False) -> DiskDay:
        if (before := self._open.pop(day, None)) is not None:
            await _close_days([before])
        files = DayFiles(DayPlace(self._folder, day), self._chat, self._conditions)
        writer = DiskDay(files, self._chat, self._fence, self._progress, self._command_id)
        self._open[day] = writer
        await writer.open(afresh=afresh)
        return writer

    async def note_migration(self, migration: Migration) -> None:
        await trio.to_thread.run_sync(self._note_migration, migration)

    def _note_migration(self, migration: Migration) -> None:
        with storage_errors(self._folder):
            self._fence.check()
            self._folders.note_migration(self._folder, self._chat, migration)

    def path(self, row: DayRow) -> str:
        return artifact_path(self._folder.name, row.date, row.format)

    async def close(self) -> None:
        """Make what was written durable, and leave the open days for later."""
        days = list(self._open.values())
        self._open.clear()
        await _close_days(days)


class DiskDay:
    """Fulfils `ports.DayWriter`."""

    def __init__(
        self,
        files: DayFiles,
        chat: Chat,
        fence: Fence,
        progress: ProgressFile,
        command_id: str | None,
    ) -> None:
        self.files = files
        self._chat = chat
        self._fence = fence
        self._progress = progress
        self._command_id = command_id
        self._saved_before = 0
        self._synced_at = trio.current_time()
        self._noted_at = trio.current_time()

    @property
    def day(self) -> date:
        return self.files.place.day

    @property
    def last_id(self) -> int | None:
        return self.files.last_id

    @property
    def gathered(self) -> int:
        return self.files.gathered

    @property
    def saved(self) -> int:
        return self._saved_before + self.files.saved

    @property
    def deduplicated(self) -> int:
        return self.files.deduplicated

    @property
    def updated(self) -> int:
        return self.files.updated

    @property
    def vanished(self) -> int:
        return self.files.vanished

    async def open(self, *, afresh: bool) -> None:
        await trio.to_thread.run_sync(self._open, afresh)
        self._saved_before = await self.note()

    def _open(self, afresh: bool) -> None:
        with storage_errors(self.files.place.part):
            self._fence.check()
            self.files.open(afresh=afresh)

    async def append(self, messages: Sequence[Message], people: Iterable[Person]) -> int:
        now = trio.current_time()
        sync = now - self._synced_at >= _SYNC_SECONDS
        new = await trio.to_thread.run_sync(self._append, messages, people, sync)
        if sync:
            self._synced_at = now
        if now - self._noted_at >= _CHECKPOINT_SECONDS:
            await self.note()
        return new

    def _append(self, messages: Sequence[Message], people: Iterable[Person], sync: bool) -> int:
        with storage_errors(self.files.place.part):
            self._fence.check()
            return self.files.append(messages, people, sync=sync)

    async def seal(
        self,
        *,
        complete: bool,
        fetched_at: datetime,
        whole: bool = False,
        expected: int | None = None,
    ) -> DayRow:
        row = await trio.to_thread.run_sync(self._seal, complete, fetched_at, whole, expected)
        if complete:
            await self.forget()
        else:
            await self.note()
        return row

    def _seal(
        self, complete: bool, fetched_at: datetime, whole: bool, expected: int | None
    ) -> DayRow:
        with storage_errors(self.files.place.year_folder):
            return self.files.seal(
                complete=complete,
                fetched_at=fetched_at,
                whole=whole,
                expected=expected,
                check=self._may_go_on,
            )

    def _may_go_on(self) -> None:
        trio.from_thread.check_cancelled()
        self._fence.check()

    async def note(self) -> int:
        """Say in ``progress.json`` how far the day is.

        Returns what it has grown by since the command did so last.
        """
        files = self.files
        part = files.place.part.relative_to(files.place.folder.parent).as_posix()
        grown = await self._progress.day_open(
            OpenDay(
                chat=self._chat.label,
                date=self.day,
                last_processed_msg_id=files.last_id,
                messages=files.held,
                part=part if files.has_part else None,
                command_id=self._command_id,
            )
        )
        self._noted_at = trio.current_time()
        return grown

    async def forget(self) -> None:
        """Take the day out of ``progress.json``."""
        await self._progress.day_sealed(self._chat.label, self.day, self.files.held)


async def _close_days(days: Sequence[DiskDay]) -> None:
    await trio.to_thread.run_sync(_close_files, [day.files for day in days])
    for day in days:
        if day.files.unfinished:
            await day.note()
        else:
            await day.forget()


def _close_files(days: Iterable[DayFiles]) -> None:
    """Close all of them, whichever fails."""
    with ExitStack() as stack:
        for files in days:
            stack.enter_context(storage_errors(files.place.part))
            stack.callback(files.close)
