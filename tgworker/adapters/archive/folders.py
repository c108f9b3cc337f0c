"""Whose folder is whose: ``chat.json``, the lock beside it, and finding a chat by any name it has or had."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, datetime
from pathlib import Path

import structlog
from attrs import evolve, frozen

from tgworker.adapters.archive.disk import Disk, make_folder, put_file
from tgworker.adapters.archive.fence import Fence
from tgworker.adapters.archive.index import read_index
from tgworker.adapters.archive.layout import CHAT_FILE, INDEX_FILE, LOCK_FILE
from tgworker.core.codec import from_json, to_json
from tgworker.core.layout import folder_name, is_folder_name, label_of_folder
from tgworker.core.model import Chat, ChatRef, ChatType, Migration
from tgworker.errors import ChatBusyError, ChatIdentityChangedError

log = structlog.get_logger(__name__)


@frozen
class Appearance:
    """What a chat was called, and the UTC days on which it was first and last seen so."""

    username: str | None
    usernames: tuple[str, ...]
    title: str
    first_seen: date
    last_seen: date


@frozen
class ChatFile:
    """``chat.json``, its fields in their order; names are lower-case."""

    schema_version: str
    id: int
    username: str | None
    usernames: tuple[str, ...]
    title: str
    type: ChatType
    former_usernames: tuple[str, ...] = ()
    history: tuple[Appearance, ...] = ()
    """Oldest first; the last one is how the chat was seen last."""
    migrated_from: int | None = None
    """The basic group that became this supergroup."""
    migrated_to: int | None = None
    """The supergroup that this basic group became."""
    migrated_at: datetime | None = None

    @property
    def migration(self) -> Migration | None:
        """What is known of a basic group that became a supergroup: this chat is one of the two."""
        if self.migrated_at is None:
            return None
        if self.migrated_from is not None:
            return Migration(self.migrated_from, self.id, self.migrated_at)
        return (
            None
            if self.migrated_to is None
            else Migration(self.id, self.migrated_to, self.migrated_at)
        )

    @property
    def names(self) -> set[str]:
        """Every name the chat has or had."""
        current = {self.username} if self.username is not None else set()
        return current | {*self.usernames, *self.former_usernames}

    @property
    def label(self) -> str:
        """What events and artifacts call the chat."""
        return f"@{self.username}" if self.username is not None else str(self.id)


@frozen
class _Seen:
    """What `Folders` read of a folder, and the stamp of the file it read it from."""

    stamp: tuple[int, int, int]
    chat: ChatFile | None


class Folders:
    """The chats' folders in the data folder. Files are read again only when they have changed."""

    def __init__(
        self, data_dir: Path, schema_version: str, disk: Disk, clock: Callable[[], datetime]
    ) -> None:
        self._data_dir = data_dir
        self._schema_version = schema_version
        self._disk = disk
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}

    def find(self, ref: ChatRef, owner: int | None = None) -> Path | None:
        """The folder of a chat, by id or by a name it has or had; None too if that name leads to several.

        `owner` is whose the name is now, if that is known.
        """
        if ref.id is not None:
            return self._find_id(ref.id)
        found = [
            folder
            for folder, chat in self._chats()
            if (ref.username == folder.name or (chat and ref.username in chat.names))
            and (owner is None or chat is None or chat.id == owner)
        ]
        return found[0] if len(found) == 1 else None

    def label(self, folder: Path) -> str:
        """What the chat of a folder is called, as far as the folder says."""
        chat = self._read(folder)
        if chat is None:
            return label_of_folder(folder.name)
        return f"@{chat.username}" if chat.username is not None else str(chat.id)

    def migration(self, ref: ChatRef) -> Migration | None:
        """What is known of the past or the future of a chat, by its own folder or the other one's."""
        folder = self.find(ref)
        own = self._read(folder) if folder is not None else None
        if own is not None and own.migration is not None:
            return own.migration
        id = ref.id if own is None else own.id
        told = (chat.migration for _, chat in self._chats() if chat is not None)
        return next((each for each in told if each and id in (each.group, each.supergroup)), None)

    def note_migration(self, folder: Path, chat: Chat, migration: Migration) -> None:
        """Write into ``chat.json`` what became of a chat, or what it was; the folder is locked by the caller."""
        is_group = chat.id == migration.group
        before = self._read(folder)
        if before is None or before.migration == migration:
            return
        now = evolve(
            before,
            migrated_from=None if is_group else migration.group,
            migrated_to=migration.supergroup if is_group else None,
            migrated_at=migration.at,
        )
        put_file(self._disk, folder / CHAT_FILE, [to_json(now), b"\n"])

    def _find_id(self, chat_id: int) -> Path | None:
        return next((f for f, chat in self._chats() if chat and chat.id == chat_id), None)

    def _chats(self) -> Iterator[tuple[Path, ChatFile | None]]:
        """All folders that can be a chat's, by name."""
        names = sorted(
            e.name for e in os.scandir(self._data_dir) if e.is_dir(follow_symlinks=False)
        )
        for name in filter(is_folder_name, names):
            folder = self._data_dir / name
            yield folder, self._read(folder)

    def _read(self, folder: Path) -> ChatFile | None:
        path = folder / CHAT_FILE
        try:
            status = path.stat()
            stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
            seen = self._seen.get(folder)
            if seen is None or seen.stamp != stamp:
                seen = self._seen[folder] = _Seen(stamp, _parse(path))
        except FileNotFoundError:
            return None
        return seen.chat

    def take(self, chat: Chat, number: int | None = None) -> tuple[Path, int, Fence]:
        """Lock a chat's folder, made when it is new; returns it, the lock, to be closed in the end, and its fence.

        A chat that was renamed keeps its folder.

        Raises:
            ChatBusyError: somebody else holds the lock.
            ChatIdentityChangedError: the folder of that name is another chat's.
            LeaseLostError: a writer with a higher number was here.
        """
        named = self._data_dir / folder_name(chat)
        folder = self._find_id(chat.id) or named
        self._check_owner(named, chat)
        make_folder(self._disk, folder)
        lock = self.lock(folder, chat.label)
        with ExitStack() as undo:
            undo.callback(os.close, lock)
            fence = Fence(folder / LOCK_FILE, number, self._disk)
            fence.enter(lock)
            self._check_owner(folder, chat)
            self._describe(folder, chat)
            undo.pop_all()
        return folder, lock, fence

    def _check_owner(self, folder: Path, chat: Chat) -> None:
        owner = self._owner(folder)
        if owner not in (None, chat.id):
            raise ChatIdentityChangedError(
                f"The folder {folder.name} belongs to chat {owner}, but {chat.label} is now chat {chat.id}."
            )

    def _owner(self, folder: Path) -> int | None:
        """Whose folder it is; without ``chat.json`` the indexes know."""
        if (known := self._read(folder)) is not None:
            return known.id
        for path in sorted(folder.glob(f"*/{INDEX_FILE}")):
            if (index := read_index(path)) is not None:
                return index.chat_id
        return None

    def lock(self, folder: Path, label: str) -> int:
        """Lock a folder that is there; returns the lock, to be closed in the end.

        Raises:
            ChatBusyError: somebody else holds the lock.
        """
        # The lock belongs to this opening of the file: it keeps out other tasks as well as other processes.
        lock = self._disk.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT)
        with ExitStack() as undo:
            undo.callback(os.close, lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ChatBusyError(f"Another worker is writing {label}.") from error
            undo.pop_all()
        return lock

    def _describe(self, folder: Path, chat: Chat) -> None:
        """Bring ``chat.json`` up to date."""
        before = self._read(folder)
        now = ChatFile(
            schema_version=self._schema_version,
            id=chat.id,
            username=chat.username.lower() if chat.username is not None else None,
            usernames=tuple(name.lower() for name in chat.usernames),
            title=chat.title,
            type=chat.type,
        )
        if before is not None:
            now = evolve(
                now,
                former_usernames=tuple(sorted(before.names - now.names)),
                migrated_from=before.migrated_from,
                migrated_to=before.migrated_to,
                migrated_at=before.migrated_at,
            )
        now = evolve(now, history=_history(now, before, self._clock().date()))
        if now != before:
            put_file(self._disk, folder / CHAT_FILE, [to_json(now), b"\n"])


def _history(now: ChatFile, before: ChatFile | None, today: date) -> tuple[Appearance, ...]:
    """The history with what is seen today. A day is precise enough, and costs at most one write a day."""
    past = before.history if before is not None else ()
    if before is not None and not past:  # written before there was a history
        past = (Appearance(before.username, before.usernames, before.title, today, today),)
    seen = Appearance(now.username, now.usernames, now.title, today, today)
    if past and evolve(past[-1], first_seen=today, last_seen=today) == seen:
        last = past[-1]
        return (*past[:-1], evolve(last, last_seen=max(last.last_seen, today)))
    return (*past, seen)


def _parse(path: Path) -> ChatFile | None:
    try:
        return from_json(path.read_bytes(), ChatFile)
    except ValueError as error:
        log.warning("archive.chat_file_damaged", path=str(path), reason=str(error))
        return None
