"""``progress.json``: the open work of every process that shares the data folder, for people to look at.

Nothing depends on it: days go on from their part files. So a change that can't get the lock in time (its holder may be
stopped) waits for the next change, and a damaged file is made anew.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeAlias

import structlog
import trio
from attrs import evolve, frozen

from tgworker.adapters.archive.disk import Disk, put_file, storage_errors
from tgworker.core.codec import from_json, to_json
from tgworker.core.model import FetchCommand, Mode

log = structlog.get_logger(__name__)

_FILE = "progress.json"
_LOCK = ".progress.lock"
_LOCK_TRIES = 100
_LOCK_PAUSE_SECONDS = 0.02


@frozen
class OpenCommand:
    """A command under way."""

    command_id: str
    chat: str
    mode: Mode
    params: Mapping[str, Any]
    started_at: datetime


@frozen
class OpenDay:
    """A day that is not sealed; ``part`` is relative to the data folder, null if there is none."""

    chat: str
    date: date
    last_processed_msg_id: int | None
    messages: int
    part: str | None


@frozen
class Progress:
    """The file, its fields in their order."""

    schema_version: str
    commands: tuple[OpenCommand, ...] = ()
    days: tuple[OpenDay, ...] = ()


Key: TypeAlias = str | tuple[str, date]
"""A command's id, or a day's chat and date."""
Entry: TypeAlias = OpenCommand | OpenDay
Entries: TypeAlias = Mapping[Key, Entry | None]
"""None: to be taken out."""
Change: TypeAlias = Callable[[Entries], Entries]


class ProgressFile:
    """Keeps this process's entries in the file, and leaves those of others alone."""

    def __init__(
        self,
        data_dir: Path,
        schema_version: str,
        disk: Disk,
        find_parts: Callable[[], Iterable[OpenDay]],
    ) -> None:
        self._path = data_dir / _FILE
        self._schema_version = schema_version
        self._disk = disk
        self._find_parts = find_parts
        self._turn = trio.Lock()
        self._mine: dict[Key, Entry] = {}
        self._changes: dict[Key, Entry | None] = {}

    async def command_begins(self, command: FetchCommand, started_at: datetime) -> datetime:
        """See `ports.Archive`; where the file can't be had, this delivery counts as the first."""
        if command.command_id is None:
            return started_at  # it could never be taken out again
        entry = OpenCommand(
            command.command_id, str(command.chat), command.mode, command.params, started_at
        )
        await self._change({entry.command_id: entry})
        noted = self._mine.get(entry.command_id)
        return noted.started_at if isinstance(noted, OpenCommand) else started_at

    async def commands_under_way(self) -> frozenset[str]:
        """Those of all processes."""
        return await trio.to_thread.run_sync(self._commands_under_way)

    def _commands_under_way(self) -> frozenset[str]:
        with storage_errors(self._path):
            return frozenset(
                entry.command_id
                for entry in self._entries(self._read()).values()
                if isinstance(entry, OpenCommand)
            )

    async def command_ends(self, *command_ids: str) -> None:
        await self._change(dict.fromkeys(command_ids))

    async def day_open(self, day: OpenDay) -> None:
        await self._change({(day.chat, day.date): day})

    async def day_sealed(self, chat: str, day: date) -> None:
        await self._change({(chat, day): None})

    async def tidy(self, is_sealed: Callable[[OpenDay], bool]) -> None:
        """Take out days that a process sealed and then died before it could say so."""
        await self._update(lambda entries: _without(entries, is_sealed))

    async def _change(self, changes: Entries) -> None:
        self._changes |= changes
        for key, entry in changes.items():
            if entry is None:
                self._mine.pop(key, None)
            else:
                self._mine[key] = entry
        await self._update(lambda entries: entries)

    async def _update(self, extra: Change) -> None:
        async with self._turn:
            for _ in range(_LOCK_TRIES):
                if await trio.to_thread.run_sync(self._try_update, extra):
                    return
                await trio.sleep(_LOCK_PAUSE_SECONDS)
        log.warning("archive.progress_busy", path=str(self._path))

    def _try_update(self, extra: Change) -> bool:
        """Apply what has not been applied yet; False if another process holds the file just now."""
        with storage_errors(self._path):
            lock = self._disk.open(self._path.with_name(_LOCK), os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._rewrite(extra)
            except BlockingIOError:
                return False
            finally:
                os.close(lock)
        return True

    def _rewrite(self, extra: Change) -> None:
        changes = dict(self._changes)
        data = self._read()
        before = self._entries(data)
        for key, entry in changes.items():
            if isinstance(entry, OpenCommand) and isinstance(old := before.get(key), OpenCommand):
                changes[key] = self._changes[key] = self._mine[key] = evolve(
                    entry, started_at=old.started_at
                )
        after = to_json(self._in_order(extra(before | changes))) + b"\n"
        if after != data:
            put_file(self._disk, self._path, [after])
        for key, entry in changes.items():
            if self._changes.get(key) is entry:
                self._changes.pop(key, None)

    def _read(self) -> bytes | None:
        return self._path.read_bytes() if self._path.exists() else None

    def _entries(self, data: bytes | None) -> dict[Key, Entry | None]:
        """What the file holds; if it is damaged, what this process has open and the part files that lie around."""
        if data is None:
            return {}
        try:
            progress = from_json(data, Progress)
        except ValueError as error:
            log.warning("archive.progress_damaged", path=str(self._path), reason=str(error))
            return _by_key((), self._find_parts()) | self._mine
        return _by_key(progress.commands, progress.days)

    def _in_order(self, entries: Entries) -> Progress:
        commands = [entry for entry in entries.values() if isinstance(entry, OpenCommand)]
        days = [entry for entry in entries.values() if isinstance(entry, OpenDay)]
        return Progress(
            self._schema_version,
            tuple(sorted(commands, key=lambda command: (command.started_at, command.command_id))),
            tuple(sorted(days, key=lambda day: (day.chat, day.date))),
        )


def _by_key(commands: Iterable[OpenCommand], days: Iterable[OpenDay]) -> dict[Key, Entry | None]:
    return {c.command_id: c for c in commands} | {(d.chat, d.date): d for d in days}


def _without(entries: Entries, is_sealed: Callable[[OpenDay], bool]) -> dict[Key, Entry | None]:
    return {
        key: entry
        for key, entry in entries.items()
        if not (isinstance(entry, OpenDay) and is_sealed(entry))
    }
