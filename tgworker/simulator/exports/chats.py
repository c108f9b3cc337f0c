"""One chat of an export, made into one of a world."""

from __future__ import annotations

import mmap
from array import array
from datetime import UTC, date, datetime
from typing import Any

from attrs import evolve

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.simulator.exports.find import FoundChat
from tgworker.simulator.exports.history import ExportedMessages, Table
from tgworker.simulator.exports.item import Item
from tgworker.simulator.exports.messages import MessageReader, moment_of
from tgworker.simulator.exports.notes import Notes
from tgworker.simulator.exports.people import Directory
from tgworker.simulator.exports.scan import ExportError, decode
from tgworker.simulator.world import checks
from tgworker.simulator.world.imports import ImportedChat
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


class ChatLoader:
    """Makes one chat. Every message is read once, so that whatever is odd in it is found out now.

    `file` is what errors call the file, `data` is what is in it.
    """

    def __init__(
        self,
        file: str,
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
        self._topics: dict[int, str] = {}
        self._table = Table()
        self._former: Table | None = None
        """The messages of the group that this supergroup was before; there may be none of them in the file."""

    def can_be_served(self) -> bool:
        known = self._kind in _TALKS or self._kind in _TYPES
        if not known:
            self._notes.add(f"chats of type {self._kind!r}, left out")
        return known

    def load(self) -> list[ImportedChat]:
        """The chat; before it, if it is a supergroup that was a group before, that group.

        Raises:
            ExportError: the chat has no proper id, or one of its messages is no JSON.
        """
        type, id = _TYPES.get(str(self._kind), ChatType.GROUP), self._id()
        own_ids = {-id if type is ChatType.GROUP else CHANNEL_MARK - id}
        if self._kind in _TALKS:
            own_ids.add(id)
        reader = MessageReader(type, id, frozenset(own_ids), self._directory, self._notes)
        self._read(reader, grown=type is ChatType.SUPERGROUP)
        if type is ChatType.SUPERGROUP and self._topics:
            type = ChatType.FORUM
        chat = self._chat(type, id, self._table, reader)
        if self._former is None:
            return [chat]
        group = self._chat(ChatType.GROUP, id, self._former, reader)
        return [group, evolve(chat, spec=evolve(chat.spec, migrated_from=id))]

    def _id(self) -> int:
        try:
            return int(checks.integer(1, -CHANNEL_MARK - 1)(self._found.head.get("id")))
        except ValueError as error:
            raise ExportError(f"{self._file}: {self._found.path}.id {error}") from error

    def _chat(self, type: ChatType, id: int, table: Table, reader: MessageReader) -> ImportedChat:
        table = table.in_order(self._notes)
        topics = self._topics if type is ChatType.FORUM else {}
        source = ExportedMessages(type, table, topics, reader, self._row)
        return ImportedChat(
            self._spec(type, id, table.dates), Skeleton(table.ids, table.dates), source
        )

    def _spec(self, type: ChatType, id: int, dates: array[int]) -> ChatSpec:
        days = [datetime.fromtimestamp(edge, UTC).date() for edge in (*dates[:1], *dates[-1:])]
        title = self._found.head.get("name")
        if not isinstance(title, str) or not title:
            title = _UNNAMED.get(str(self._kind), "Deleted Account")
        first, last = (days[0], days[1]) if days else (_NO_DAY, _NO_DAY)
        return ChatSpec(type, first, last, per_day=(0,), title=title, id=id)

    def _read(self, reader: MessageReader, *, grown: bool) -> None:
        """Fill the tables; only a chat that is `grown` may have been a group before."""
        last = 0
        for row in range(len(self._found.starts)):
            data = self._row(row)
            item = Item(data if isinstance(data, dict) else {}, self._notes)
            former, action = item.former("id"), item.text("action")
            if grown and self._former is None and (former or action == "migrate_from_group"):
                self._former = Table()
            table = self._former if former else self._table
            id = None if table is None else item.message_id("id")
            last = self._date(item, last) or last
            if id is None:
                self._notes.add("messages without an id, left out")
            elif table is not None and last:
                target, other_chat = reader.answered(item.data)
                table.add(id, last, row, (target or 0) if other_chat is None else 0)
                if action == "topic_created":
                    self._topics[id] = item.text("title")
                reader.message(item.data, id, last, None)

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
            raise ExportError(f"{self._file}: {path} is not JSON: {error}") from error
