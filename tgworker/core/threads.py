"""Who answers whom, and who wrote how much, inside one day.

Only ids are looked at and held, so a day of any size fits.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby

from attrs import frozen

from tgworker.core.merge import IdSet, insert
from tgworker.core.model import Participant, Person, Thread

_RUN = 1 << 15
"""So many places are sorted at a time."""


@frozen
class Row:
    """What threads need to know of a message."""

    id: int
    reply_to: int | None
    from_id: int | None


class ThreadFinder:
    """Collects who wrote and who answered what on one day, in any order.

    In arrays, since a day may have millions: 6 bytes for each message, and 8 more for one that answers.
    """

    def __init__(self) -> None:
        self.ids = IdSet()
        self._authors = array("H")
        """Of each message the number of its author, in the order of the ids."""
        self._number_of: dict[int | None, int] = {}
        self._replies = IdSet()
        self._answered = array("i")

    def add(self, row: Row) -> None:
        """Take one more message.

        A message can only answer an older one. What claims to answer itself or a newer one starts a chain of its own,
        so there are no cycles.
        """
        author = self._number_of.setdefault(row.from_id, len(self._number_of))
        self._authors = insert(self._authors, self.ids.add(row.id), author)
        if row.reply_to is not None and row.reply_to < row.id:
            place = self._replies.add(row.id)
            self._answered = insert(self._answered, place, row.reply_to)

    def threads(self) -> Iterator[Thread]:
        """The chains found so far, by root; a message that answers nothing and that nobody answers is in none.

        The root is the first message of the chain. If that one answers a message outside the day, the root is the
        message outside, which is then not among `message_ids`.
        """
        replies, roots, authors = self._replies, self._roots(), list(self._number_of)
        for root, places in groupby(_by_value(roots), roots.__getitem__):
            ids = [replies[place] for place in places]
            root_in_day = root in self.ids
            if root_in_day:
                ids.insert(0, root)
            found = (self.ids.find(id) for id in ids)
            wrote = {authors[self._authors[place]] for place in found if place is not None}
            yield Thread(
                root_id=root,
                message_ids=tuple(ids),
                participants=tuple(sorted(author for author in wrote if author is not None)),
                root_in_day=root_in_day,
            )

    def _roots(self) -> array[int]:
        """Of each message that answers, the beginning of its chain; that of what it answers is found already."""
        roots = array("i")
        for answered in self._answered:
            place = self._replies.find(answered)
            roots = insert(roots, len(roots), answered if place is None else roots[place])
        return roots

    def messages_of(self) -> dict[int, int]:
        """How many messages each sender wrote."""
        authors = list(self._number_of)
        counts = {authors[number]: count for number, count in Counter(self._authors).items()}
        return {author: count for author, count in counts.items() if author is not None}


def _by_value(numbers: array[int]) -> Iterator[int]:
    """The places in the array, by what stands there; where the same stands, in their order.

    Sorted in runs, which are merged as they are asked for: a list of all of them takes ten times as much as the array.
    """
    runs = (range(len(numbers))[begin : begin + _RUN] for begin in range(0, len(numbers), _RUN))
    in_order = [array("i", sorted(run, key=numbers.__getitem__)) for run in runs]
    return heapq.merge(*in_order, key=numbers.__getitem__)


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
