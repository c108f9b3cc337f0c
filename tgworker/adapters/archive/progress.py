"""``progress.json``: the open work of every process that shares the data folder, for people to look at.

Days do not depend on it: they go on from their part files. So a change that can't get the lock in time (its
holder may be stopped) waits for the next change, and a damaged file is made anew.

How many messages a command has saved is counted here, for its next delivery: what a day has grown by since its entry
was written is the work of the command that the entry names, also if its worker was killed meanwhile.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
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
from tgworker.ports import Begun

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
    saved: int = 0
    """Messages, in days that are sealed and in those that are not; of the latter as far as `days` says."""


@frozen
class OpenDay:
    """A day that is not sealed; ``part`` is relative to the data folder, null if there is none."""

    chat: str
    date: date
    last_processed_msg_id: int | None
    messages: int
    part: str | None
    command_id: str | None = None
    """The command under way that wrote it last."""

    @property
    def key(self) -> Key:
        return self.chat, self.date


@frozen
class SealedDay:
    """No open work any more: it is taken out."""

    messages: int


@frozen
class Progress:
    """The file, its fields in their order."""

    schema_version: str
    commands: tuple[OpenCommand, ...] = ()
    days: tuple[OpenDay, ...] = ()


Key: TypeAlias = str | tuple[str, date]
"""A command's id, or a day's chat and date."""
Entry: TypeAlias = OpenCommand | OpenDay | SealedDay
Entries: TypeAlias = Mapping[Key, Entry | None]
"""None: to be taken out."""
Change: TypeAlias = Callable[[Entries], Entries]
Sealed: TypeAlias = Callable[[OpenDay], SealedDay | None]
"""What a day has become, if it was sealed after all; blocks."""


class ProgressFile:
    """Keeps this process's entries in the file, and leaves those of others alone."""

    def __init__(
        self,
        data_dir: Path,
        schema_version: str,
        disk: Disk,
        find_parts: Callable[[], Iterable[OpenDay]],
        sealed: Sealed,
    ) -> None:
        self._path = data_dir / _FILE
        self._schema_version = schema_version
        self._disk = disk
        self._find_parts = find_parts
        self._sealed = sealed
        self._turn = trio.Lock()
        self._mine: dict[Key, Entry] = {}
        self._changes: dict[Key, Entry | None] = {}
        self._growth: dict[Key, int] = {}

    async def command_begins(self, command: FetchCommand, started_at: datetime) -> Begun:
        """See `ports.Archive`; where the file can't be had, this delivery counts as the first."""
        command_id = command.command_id
        if command_id is None:
            return Begun(started_at)  # it could never be taken out again
        entry = OpenCommand(command_id, str(command.chat), command.mode, command.params, started_at)
        await self._change({command_id: entry}, lambda days: self._settle(days, command_id))
        noted = self._mine.get(command_id)
        if not isinstance(noted, OpenCommand):
            return Begun(started_at)
        return Begun(noted.started_at, noted.saved)

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

    async def day_open(self, day: OpenDay) -> int:
        """Returns by how many messages it has grown since the same command noted it last."""
        self._growth.pop(day.key, None)
        await self._change({day.key: day})
        return self._growth.pop(day.key, 0)

    async def day_sealed(self, chat: str, day: date, messages: int) -> None:
        """It is no open work, and has so many messages."""
        await self._change({(chat, day): SealedDay(messages)})

    async def tidy(self) -> None:
        """Take out days that a process sealed and then died before it could say so."""
        await self._update(self._settle)

    def _settle(self, entries: Entries, command_id: str | None = None) -> Entries:
        """The entries, and what became of the days, all or those of one command, that were sealed after all."""
        days = (
            (key, self._sealed(entry))
            for key, entry in entries.items()
            if isinstance(entry, OpenDay) and command_id in (None, entry.command_id)
        )
        return {**entries, **{key: sealed for key, sealed in days if sealed is not None}}

    async def _change(self, changes: Entries, extra: Change = lambda entries: entries) -> None:
        self._changes |= changes
        for key, entry in changes.items():
            if isinstance(entry, OpenCommand | OpenDay):
                self._mine[key] = entry
            else:
                self._mine.pop(key, None)
        await self._update(extra)

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
                    entry, started_at=old.started_at, saved=old.saved
                )
        after = _counted(before, extra(before | changes))
        new = to_json(self._in_order(after)) + b"\n"
        if new != data:
            put_file(self._disk, self._path, [new])
        self._take_over(before, after, changes)

    def _take_over(self, before: Entries, after: Entries, changes: Entries) -> None:
        """What was written stands: `changes` are made, and what was counted is known."""
        for key, entry in changes.items():
            if self._changes.get(key) is entry:
                self._changes.pop(key, None)
            old = before.get(key)
            if isinstance(entry, OpenDay) and isinstance(old, OpenDay):
                if old.command_id is not None and old.command_id == entry.command_id:
                    self._growth[key] = entry.messages - old.messages
        for key, entry in after.items():
            if isinstance(entry, OpenCommand) and key in self._mine:
                self._mine[key] = entry

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


def _counted(before: Entries, after: Entries) -> Entries:
    """The entries with what their days have grown by since `before` added to the commands that wrote them.

    A day may have shrunk: what is read from its start again is thrown away before. No day names a command that is
    over: it may come again, under the same id, and is another one then.
    """
    saved: Counter[str] = Counter()
    for key, day in after.items():
        old = before.get(key)
        if isinstance(day, OpenDay | SealedDay) and isinstance(old, OpenDay) and old.command_id:
            saved[old.command_id] += day.messages - old.messages
    counted: dict[Key, Entry | None] = {}
    for key, entry in after.items():
        match entry:
            case OpenCommand():
                entry = evolve(entry, saved=max(0, entry.saved + saved[entry.command_id]))
            case OpenDay(command_id=str(command_id)) if after.get(command_id) is None:
                entry = evolve(entry, command_id=None)
        counted[key] = entry
    return counted
