"""From a Telegram Desktop export to chats of a world."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.simulator.exports.find import FoundChat, find_chats
from tgworker.simulator.exports.history import ExportedMessages, Table
from tgworker.simulator.exports.item import Item
from tgworker.simulator.exports.messages import MessageReader, moment_of
from tgworker.simulator.exports.notes import Notes
from tgworker.simulator.exports.people import Directory
from tgworker.simulator.exports.scan import ExportError, Scanner, decode
from tgworker.simulator.world import checks
from tgworker.simulator.world.imports import ImportedChat, Imports
from tgworker.simulator.world.skeleton import Skeleton
from tgworker.simulator.world.spec import ChatSpec

_TYPES = {
    "private_supergroup": ChatType.SUPERGROUP,
    "public_supergroup": ChatType.SUPERGROUP,
    "private_channel": ChatType.CHANNEL,
    "public_channel": ChatType.CHANNEL,
    "private_group": ChatType.GROUP,
}
_TALKS = ("personal_chat", "bot_chat", "saved_messages", "replies", "verification_codes")
"""Chats with one other, or with oneself. They stand as basic groups, whose messages are numbered alike."""

_UNNAMED = {"saved_messages": "Saved Messages", "replies": "Replies"}
_NO_DAY = date(2013, 8, 14)
"""Of a chat without messages: the day Telegram began."""


@frozen
class ExportFile:
    """One export, and the username that its chat is to have: an export does not say which it had."""

    path: Path
    username: str | None = None

    @staticmethod
    def parse(text: str) -> ExportFile:
        """``result.json`` or ``@name=result.json``.

        Raises:
            ExportError: the name can't be one.
        """
        name, equals, path = text.partition("=")
        if not (name.startswith("@") and equals):
            return ExportFile(Path(text))
        try:
            return ExportFile(Path(path), checks.username(name.removeprefix("@")))
        except ValueError as error:
            raise ExportError(f"{name} {error}") from error


@frozen
class Loaded:
    """What was in some exports; ``remarks`` tell, one a line, what could not be taken over as it was."""

    imports: Imports
    remarks: tuple[str, ...]


def load_exports(files: Iterable[ExportFile]) -> Loaded:
    """The chats of these files. They are read again while the world is in use, and must not change.

    Raises:
        ExportError: one of them can't be served.
    """
    directory = Directory()
    chats, remarks, homes = list[ImportedChat](), list[str](), dict[tuple[bool, int], Path]()
    for file in files:
        notes = Notes(str(file.path))
        for chat in _load_file(file, directory, notes):
            key = chat.spec.type is ChatType.GROUP, chat.spec.id or 0
            if key in homes:
                both = f"a chat with the same id ({chat.spec.id}) as one in {homes[key]}"
                raise ExportError(f"{file.path}: $ holds {both}")
            homes[key] = file.path
            chats.append(chat)
        remarks += notes.lines()
    return Loaded(
        Imports(tuple(chats), tuple(directory.users()), tuple(directory.outsiders())),
        tuple(remarks),
    )


def _load_file(file: ExportFile, directory: Directory, notes: Notes) -> list[ImportedChat]:
    try:
        with file.path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # a ValueError says that it is empty
        reason = error.strerror if isinstance(error, OSError) else "it is empty"
        raise ExportError(f"{file.path} can't be read: {reason}") from error
    found = find_chats(Scanner(data, str(file.path)))
    loaders = [_Loader(file, data, chat, directory, notes) for chat in found]
    chats = [loader.load() for loader in loaders if loader.can_be_served()]
    if not chats:
        raise ExportError(f"{file.path}: $ holds no chat that can be served")
    if file.username is None:
        return chats
    if len(chats) > 1:
        raise ExportError(f"{file.path}: $ holds {len(chats)} chats, so one name is too few")
    if chats[0].spec.type is ChatType.GROUP:
        raise ExportError(f"{file.path}: $.type is one that has no username: name no @name")
    return [evolve(chats[0], spec=evolve(chats[0].spec, username=file.username))]


class _Loader:
    """Makes one chat. Every message is read once, so that whatever is odd in it is found out now."""

    def __init__(
        self,
        file: ExportFile,
        data: mmap.mmap,
        found: FoundChat,
        directory: Directory,
        notes: Notes,
    ) -> None:
        self._file = file
        self._data = data
        self._found = found
        self._directory = directory
        self._notes = notes
        self._kind = found.head.get("type")

    def can_be_served(self) -> bool:
        known = self._kind in _TALKS or self._kind in _TYPES
        if not known:
            self._notes.add(f"chats of type {self._kind!r}, left out")
        return known

    def load(self) -> ImportedChat:
        type, id = _TYPES.get(str(self._kind), ChatType.GROUP), self._id()
        own_ids = {-id if type is ChatType.GROUP else CHANNEL_MARK - id}
        if self._kind in _TALKS:
            own_ids.add(id)
        reader = MessageReader(type, frozenset(own_ids), self._directory, self._notes)
        topics: dict[int, str] = {}
        table = self._read(reader, topics).in_order(self._notes)
        if topics and type is ChatType.SUPERGROUP:
            type = ChatType.FORUM
        spec = self._spec(type, id, table.dates)
        source = ExportedMessages(
            type, table, topics if type is ChatType.FORUM else {}, reader, self._row
        )
        return ImportedChat(spec, Skeleton(table.ids, table.dates), source)

    def _id(self) -> int:
        try:
            return int(checks.integer(1, -CHANNEL_MARK - 1)(self._found.head.get("id")))
        except ValueError as error:
            raise ExportError(f"{self._file.path}: {self._found.path}.id {error}") from error

    def _spec(self, type: ChatType, id: int, dates: array[int]) -> ChatSpec:
        days = [datetime.fromtimestamp(edge, UTC).date() for edge in (*dates[:1], *dates[-1:])]
        title = self._found.head.get("name")
        if not isinstance(title, str) or not title:
            title = _UNNAMED.get(str(self._kind), "Deleted Account")
        first, last = (days[0], days[1]) if days else (_NO_DAY, _NO_DAY)
        return ChatSpec(type, first, last, per_day=(0,), title=title, id=id)

    def _read(self, reader: MessageReader, topics: dict[int, str]) -> Table:
        table, last = Table(), 0
        for row in range(len(self._found.starts)):
            data = self._row(row)
            item = Item(data if isinstance(data, dict) else {}, self._notes)
            id, last = self._message_id(item), self._date(item, last) or last
            if not id or not last:
                continue
            target, other_chat = reader.answered(item.data)
            table.add(id, last, row, (target or 0) if other_chat is None else 0)
            if item.text("action") == "topic_created":
                topics[id] = item.text("title")
            reader.message(item.data, id, last, None)
        return table

    def _message_id(self, item: Item) -> int | None:
        id = item.data.get("id")
        if isinstance(id, int) and id < 0:
            self._notes.add("messages of the group that this supergroup was before, left out")
            return None
        found = item.whole("id")
        if not found:
            self._notes.add("messages without an id, left out")
        return found

    def _date(self, item: Item, before: int) -> int | None:
        """Of what Telegram Desktop did not support it exported the id alone."""
        date = moment_of(item, "date")
        if date is None:
            done = "given that of the one before" if before else "left out"
            self._notes.add(f"messages without a date, {done}")
        return date

    def _row(self, row: int) -> Any:
        start, end = self._found.starts[row], self._found.ends[row]
        try:
            return decode(self._data[start:end])
        except ValueError as error:
            path = f"{self._found.path}.messages[{row}]"
            raise ExportError(f"{self._file.path}: {path} is not JSON: {error}") from error
