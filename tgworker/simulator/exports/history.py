"""The messages of one chat of an export: where each stands in the file, and how they hang together.

Some fifty bytes a message are kept; what is in one is read from the file when somebody asks for it.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from attrs import Factory, frozen

from tgworker.core.model import ChatType
from tgworker.simulator.exports.messages import MessageReader
from tgworker.simulator.exports.notes import Notes
from tgworker.simulator.world.model import Reply, WorldMessage


@frozen
class Table:
    """The messages before they are read, one place of each array for each."""

    ids: array[int] = Factory(lambda: array("q"))
    dates: array[int] = Factory(lambda: array("q"))
    rows: array[int] = Factory(lambda: array("q"))
    """Its number in the file."""
    answers: array[int] = Factory(lambda: array("q"))
    """The id of the message that it answers in this chat; 0 if none."""

    def add(self, id: int, date: int, row: int, answers: int) -> None:
        self.ids.append(id)
        self.dates.append(date)
        self.rows.append(row)
        self.answers.append(answers)

    def in_order(self, notes: Notes) -> Table:
        """The same by id, each once, with dates that ascend, too: paging relies on all of it."""
        table, last_id, last_date = Table(), 0, 0
        for place in sorted(range(len(self.ids)), key=self.ids.__getitem__):
            id, date = self.ids[place], self.dates[place]
            if id == last_id:
                notes.add("messages with the id of an earlier one, left out")
                continue
            if date < last_date:
                notes.add("messages dated before the one before them, given its date")
                date = last_date
            table.add(id, date, self.rows[place], self.answers[place])
            last_id, last_date = id, date
        return table


class ExportedMessages:
    """Reads the messages of one chat, again whenever they are asked for.

    `table` is in order; `data_of` gives the row of that number.
    """

    def __init__(
        self,
        type: ChatType,
        table: Table,
        topics: Mapping[int, str],
        reader: MessageReader,
        data_of: Callable[[int], Any],
    ) -> None:
        self.topics = topics
        """Titles of the forum's topics by the id that opened them."""
        self._threaded = type in (ChatType.SUPERGROUP, ChatType.FORUM)
        self._table = table
        self._reader = reader
        self._data_of = data_of
        self._roots = self._find_roots()

    @cached_property
    def threads(self) -> dict[int, array[int]]:
        """Ids of the answers below a message (supergroup) or inside a topic (forum), by its id."""
        threads: dict[int, array[int]] = {}
        if self._threaded:
            for id, root in zip(self._table.ids, self._roots, strict=True):
                if root and (not self.topics or root in self.topics):
                    threads.setdefault(root, array("q")).append(id)
        return threads

    def message(self, id: int, date: int) -> WorldMessage:
        """The message with that id; `date` is the one that the history has."""
        place = bisect_left(self._table.ids, id)
        data = self._data_of(self._table.rows[place])
        return self._reader.message(data, id, date, self._reply(data, self._roots[place]))

    def _find_roots(self) -> array[int]:
        """Where the chain of answers above each message begins; 0 for those that answer nothing."""
        ids, roots = self._table.ids, array("q")
        for answered in self._table.answers:
            place = bisect_left(ids, answered)
            known = answered not in self.topics and place < len(roots) and ids[place] == answered
            roots.append((roots[place] if known else 0) or answered)
        return roots

    def _reply(self, data: Mapping[str, Any], root: int) -> Reply | None:
        """An export has no thread's id; it is that of the message at the top of the chain, as in Telegram."""
        target, other_chat = self._reader.answered(data)
        if target is None or other_chat is not None:
            return None if target is None else Reply(msg_id=target, other_chat=other_chat)
        topic = root in self.topics
        top_id = root if target != root and self._threaded else None
        return Reply(msg_id=target, top_id=top_id, topic=topic)
