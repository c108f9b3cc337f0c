"""An `Archive` in memory that makes the same artifacts as the one on disk, to the byte.

Part files and artifacts outlive `open_chat`, as they would outlive a process.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime

import orjson
import trio
from attrs import define, evolve, field

from tgworker.core.artifact import Outline, RawMessage, encode_messages, index_row, render
from tgworker.core.codec import to_json
from tgworker.core.layout import artifact_path, folder_name
from tgworker.core.merge import unheld
from tgworker.core.message import Message
from tgworker.core.model import (
    ArtifactFormat,
    Chat,
    ChatRef,
    DayRow,
    FetchCommand,
    Migration,
    Person,
)
from tgworker.core.refresh import Change, reconcile
from tgworker.errors import (
    ChatBusyError,
    ChatIdentityChangedError,
    LeaseLostError,
    StorageError,
)
from tgworker.ports import Begun


@define
class _Messages:
    """Messages by id, and who wrote them."""

    by_id: dict[int, RawMessage] = field(factory=dict)
    people: dict[int, Person] = field(factory=dict)
    command_id: str | None = None
    """Which command wrote them last."""

    @property
    def last_id(self) -> int | None:
        return max(self.by_id, default=None)


@define
class _Folder:
    name: str
    chat_id: int
    names: set[str]
    held: bool = False
    fence: int = 0
    rows: dict[date, DayRow] = field(factory=dict)
    parts: dict[date, _Messages] = field(factory=dict)
    stored: dict[date, _Messages] = field(factory=dict)
    migration: Migration | None = None

    def check(self, fence: int | None) -> None:
        """Refuse a writer that a newer one has replaced."""
        if fence is not None and self.fence > fence:
            raise LeaseLostError(f"A newer writer has taken over {self.name}.")


@define
class MemoryArchive:
    """A data folder. For tests: ``files`` holds the artifacts by path, ``commands`` the open ones by id.

    While ``broken`` is set, every call raises it.
    """

    artifact_format: ArtifactFormat = ArtifactFormat.JSON
    schema_version: str = "1.0.0"
    files: dict[str, bytes] = field(factory=dict)
    commands: dict[str, FetchCommand] = field(factory=dict)
    broken: StorageError | None = None
    free_bytes: int = 10**12
    _folders: list[_Folder] = field(factory=list)
    _begun: dict[str, Begun] = field(factory=dict)

    def replace_writers(self, fence: int) -> None:
        """For tests: writers with this number were at every chat, on another host."""
        for folder in self._folders:
            folder.fence = fence

    async def access(self) -> None:
        """What every call begins with."""
        await trio.lowlevel.checkpoint()
        if self.broken is not None:
            raise self.broken

    def _find(self, ref: ChatRef) -> _Folder | None:
        found = [
            folder
            for folder in self._folders
            if ref.id == folder.chat_id or ref.username in {folder.name, *folder.names}
        ]
        return found[0] if len(found) == 1 else None

    async def migration(self, ref: ChatRef) -> Migration | None:
        await self.access()
        own = self._find(ref)
        id = ref.id if own is None else own.chat_id
        told = (folder.migration for folder in self._folders)
        return next((each for each in told if each and id in (each.group, each.supergroup)), None)

    async def probe(self) -> int:
        await self.access()
        return self.free_bytes

    async def sealed(
        self, ref: ChatRef, first: date, last: date, chat_id: int | None = None
    ) -> set[date]:
        await self.access()
        folder = self._find(ref)
        is_other = folder is None or chat_id not in (None, folder.chat_id)
        rows = {} if folder is None or is_other else folder.rows
        return {day for day, row in rows.items() if row.complete and first <= day <= last}

    @asynccontextmanager
    async def open_chat(
        self, chat: Chat, fence: int | None = None, command_id: str | None = None
    ) -> AsyncIterator[MemoryShelf]:
        await self.access()
        folder = self._folder(chat)
        if folder.held:
            raise ChatBusyError(f"Another worker is writing {chat.label}.")
        folder.check(fence)
        folder.fence = folder.fence if fence is None else fence
        folder.held = True
        try:
            yield MemoryShelf(chat, folder, self, fence, command_id)
        finally:
            folder.held = False

    def _folder(self, chat: Chat) -> _Folder:
        name = folder_name(chat)
        for folder in self._folders:
            if folder.name == name and folder.chat_id != chat.id:
                raise ChatIdentityChangedError(
                    f"The folder {name} belongs to chat {folder.chat_id}, "
                    f"but {chat.label} is now chat {chat.id}."
                )
        known = next((f for f in self._folders if f.chat_id == chat.id), None)
        if known is None:
            known = _Folder(name, chat.id, set())
            self._folders.append(known)
        known.names |= {n.lower() for n in (chat.username, *chat.usernames) if n is not None}
        return known

    async def command_begins(self, command: FetchCommand, started_at: datetime) -> Begun:
        await self.access()
        if command.command_id is None:
            return Begun(started_at)
        self.commands[command.command_id] = command
        return self._begun.setdefault(command.command_id, Begun(started_at))

    def count(self, command_id: str | None, saved: int) -> None:
        """What a command has saved, or, below zero, has to save again."""
        if command_id is not None and (begun := self._begun.get(command_id)) is not None:
            self._begun[command_id] = evolve(begun, saved=begun.saved + saved)

    async def commands_under_way(self) -> frozenset[str]:
        await self.access()
        return frozenset(self.commands)

    async def command_ends(self, *command_ids: str) -> None:
        await self.access()
        for command_id in command_ids:
            self.commands.pop(command_id, None)
            self._begun.pop(command_id, None)


@define
class MemoryShelf:
    """Fulfils `ports.ChatShelf`."""

    chat: Chat
    _folder: _Folder
    _archive: MemoryArchive
    _fence: int | None
    _command_id: str | None

    async def rows(self, first: date, last: date) -> dict[date, DayRow]:
        await self._archive.access()
        return {day: row for day, row in self._folder.rows.items() if first <= day <= last}

    async def open_day(self, day: date, *, afresh: bool = False) -> MemoryDay:
        await self._archive.access()
        self._folder.check(self._fence)
        lost = self._throw_away(day) if afresh else 0
        return MemoryDay(
            self.chat,
            day,
            self._folder,
            self._archive,
            self._fence,
            from_start=afresh,
            command_id=self._command_id,
            saved=-lost,
        )

    def _throw_away(self, day: date) -> int:
        """Of a part file, what the same command had newly saved in it."""
        part = self._folder.parts.pop(day, None)
        if part is None:
            return 0
        stored = self._folder.stored.get(day, _Messages())
        lost = len(part.by_id.keys() - stored.by_id.keys())
        self._archive.count(part.command_id, -lost)
        return lost if part.command_id == self._command_id is not None else 0

    async def note_migration(self, migration: Migration) -> None:
        await self._archive.access()
        self._folder.check(self._fence)
        self._folder.migration = migration

    def path(self, row: DayRow) -> str:
        return artifact_path(self._folder.name, row.date, row.format)


@define
class MemoryDay:
    """Fulfils `ports.DayWriter`."""

    chat: Chat
    day: date
    _folder: _Folder
    _archive: MemoryArchive
    _fence: int | None
    _from_start: bool
    _command_id: str | None
    saved: int = 0
    deduplicated: int = 0
    updated: int = 0
    vanished: int = 0

    @property
    def _part(self) -> _Messages:
        return self._folder.parts.setdefault(self.day, _Messages())

    @property
    def _stored(self) -> _Messages:
        return self._folder.stored.setdefault(self.day, _Messages())

    @property
    def last_id(self) -> int | None:
        if self._from_start:
            return self._part.last_id
        return max(self._part.by_id.keys() | self._stored.by_id.keys(), default=None)

    @property
    def gathered(self) -> int:
        if self._from_start:
            return len(self._part.by_id)
        return len(self._part.by_id.keys() | self._stored.by_id.keys())

    async def append(self, messages: Sequence[Message], people: Iterable[Person]) -> int:
        await self._archive.access()
        self._folder.check(self._fence)
        taken = list(unheld(messages, self._part.by_id))
        new = sum(message.id not in self._stored.by_id for message in taken)
        if taken:
            self._part.by_id |= {m.id: orjson.loads(to_json(m)) for m in taken}
            self._part.people |= {person.id: person for person in people}
        self._part.command_id = self._command_id
        self._archive.count(self._command_id, new)
        self.saved += new
        self.deduplicated += len(messages) - new
        return new

    async def seal(
        self,
        *,
        complete: bool,
        fetched_at: datetime,
        whole: bool = False,
        expected: int | None = None,
    ) -> DayRow:
        await self._archive.access()
        self._folder.check(self._fence)
        fresh, stored = (
            [each.by_id[id] for id in sorted(each.by_id)] for each in (self._part, self._stored)
        )
        merged = list(reconcile(fresh, stored, whole=whole and self._from_start))
        changes = Counter(change for _, change in merged)
        self.updated, self.vanished = changes[Change.UPDATED], changes[Change.VANISHED]
        by_id = {message["id"]: message for message, _ in merged}
        held = _Messages(by_id, self._stored.people | self._part.people)
        outline = Outline()
        for message in held.by_id.values():
            outline.add(message)
        form = self._archive.artifact_format
        head = outline.head(self.chat, self.day, complete, self._archive.schema_version)
        messages = encode_messages(held.by_id.values(), head.chat)
        data = b"".join(render(form, head, messages, outline, held.people))
        row = evolve(
            index_row(head, len(data), hashlib.sha256(data).hexdigest(), fetched_at, form),
            expected=expected,
        )
        for known in ArtifactFormat:
            self._archive.files.pop(artifact_path(self._folder.name, self.day, known), None)
        self._archive.files[artifact_path(self._folder.name, self.day, form)] = data
        self._folder.rows[self.day] = row
        self._folder.stored[self.day] = held
        self._folder.parts.pop(self.day, None)
        self._from_start = False
        return row
