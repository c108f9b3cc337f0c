"""Putting together what is held of a day and what came anew.

Everything is a stream that ascends by message id; of a whole day only ids are ever in memory, 4 bytes each.
"""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Callable, Container, Iterable, Iterator
from typing import TypeVar

from tgworker.core.message import Message

T = TypeVar("T")


class IdSet:
    """Message ids in ascending order. Adding the highest is cheap, and that is nearly always what happens.

    In TL they have 32 bits; should one have more, all get 64.
    """

    def __init__(self, ids: Iterable[int] = ()) -> None:
        self._ids = array("i")
        for message_id in ids:
            self.add(message_id)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._ids)

    def __getitem__(self, place: int) -> int:
        return self._ids[place]

    def __contains__(self, message_id: object) -> bool:
        return isinstance(message_id, int) and self.find(message_id) is not None

    def find(self, message_id: int) -> int | None:
        """Its place in the order; None if it is not held."""
        place = bisect_left(self._ids, message_id)
        held = place < len(self._ids) and self._ids[place] == message_id
        return place if held else None

    @property
    def first(self) -> int | None:
        return self._ids[0] if self._ids else None

    @property
    def last(self) -> int | None:
        return self._ids[-1] if self._ids else None

    def add(self, message_id: int) -> int:
        """Take an id in, if it is not held yet; returns its place in the order."""
        ids = self._ids
        place = len(ids)
        if place and message_id <= ids[-1]:
            place = bisect_left(ids, message_id)
            if ids[place] == message_id:
                return place
        self._ids = insert(ids, place, message_id)
        return place


_WIDER = {"H": "I", "i": "q"}
"""Of the types of an array that ids and numbers begin with, the next one with more bits."""


def insert(numbers: array[int], place: int, number: int) -> array[int]:
    """The array with one more number in it; if that does not fit, another array with more bits for each.

    Raises:
        OverflowError: there is none in which it fits.
    """
    try:
        numbers.insert(place, number)
        return numbers
    except OverflowError:
        if (wider := _WIDER.get(numbers.typecode)) is None:
            raise
        return insert(array(wider, numbers), place, number)


def merge(*streams: Iterable[T], key: Callable[[T], int]) -> Iterator[T]:
    """One ascending stream out of several; where two hold the same id, the earlier argument wins."""
    last: int | None = None
    for item in heapq.merge(*streams, key=key):
        if last is None or key(item) != last:
            last = key(item)
            yield item


def unheld(messages: Iterable[Message], held: Container[int]) -> Iterator[Message]:
    """The messages that are not held yet, each id once.

    Not a comparison with the last id alone: a message that turns up late, below it, must not be lost.
    """
    seen: set[int] = set()
    for message in messages:
        if message.id not in held and message.id not in seen:
            seen.add(message.id)
            yield message
