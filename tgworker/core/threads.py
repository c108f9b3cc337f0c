"""Who answers whom, and who wrote how much, inside one day.

Only ids are looked at and held, so a day of any size fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import frozen

from tgworker.core.model import Participant, Person, Thread


@frozen
class Row:
    """What threads need to know of a message."""

    id: int
    reply_to: int | None
    from_id: int | None


class ThreadFinder:
    """Collects the reply chains of one day, message by message."""

    def __init__(self) -> None:
        self._root_of: dict[int, int] = {}
        self._author_of: dict[int, int | None] = {}
        self._members: dict[int, list[int]] = {}

    def add(self, row: Row) -> None:
        """Take the next message; ids must ascend.

        A message can only answer an older one. What claims to answer itself or a newer one starts a chain of its own,
        so there are no cycles.
        """
        root = row.id
        if row.reply_to is not None and row.reply_to < row.id:
            root = self._root_of.get(row.reply_to, row.reply_to)
            if root not in self._members:
                self._members[root] = [root] if root in self._root_of else []
            self._members[root].append(row.id)
        self._root_of[row.id] = root
        self._author_of[row.id] = row.from_id

    def threads(self) -> tuple[Thread, ...]:
        """The chains found so far, by root; a message that answers nothing and that nobody answers is in none."""
        return tuple(self._thread(root) for root in sorted(self._members))

    def _thread(self, root: int) -> Thread:
        ids = self._members[root]
        authors = {self._author_of[message_id] for message_id in ids}
        return Thread(
            root_id=root,
            message_ids=tuple(ids),
            participants=tuple(sorted(author for author in authors if author is not None)),
            root_in_day=root in self._root_of,
        )


def find_threads(rows: Iterable[Row]) -> tuple[Thread, ...]:
    """The reply chains among the messages of one day, which ascend by id.

    The root is the first message of the chain. If that one answers a message outside the day, the root is the message
    outside, which is then not among `message_ids`.
    """
    finder = ThreadFinder()
    for row in rows:
        finder.add(row)
    return finder.threads()


def list_participants(
    counts: Mapping[int, int], people: Mapping[int, Person]
) -> tuple[Participant, ...]:
    """Who wrote how many messages, by id; `counts` and `people` are keyed by the sender's id."""
    return tuple(
        _participant(person_id, messages, people.get(person_id))
        for person_id, messages in sorted(counts.items())
    )


def _participant(person_id: int, messages: int, person: Person | None) -> Participant:
    if person is None:
        return Participant(person_id, username=None, name=None, bot=False, messages=messages)
    return Participant(person_id, person.username, person.name, person.bot, messages)
