"""One chat's messages, as they are now: those it began with and what has been changed since."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import date

from tgworker.simulator.world.imports import Source
from tgworker.simulator.world.model import WorldMessage
from tgworker.simulator.world.skeleton import DAY_SECONDS, Skeleton, day_start


class History:
    """Messages by id. ``ids`` and ``dates`` (Unix seconds) ascend together and are read by the paging."""

    def __init__(self, skeleton: Skeleton, source: Source) -> None:
        self.ids = array("q", skeleton.ids)
        self.dates = array("q", skeleton.dates)
        self.source = source
        self._changed: dict[int, WorldMessage] = {}
        self._last_id = self.ids[-1] if self.ids else 0

    def __len__(self) -> int:
        return len(self.ids)

    def place(self, id: int) -> int | None:
        """Where in ``ids`` that message stands; None if there is none."""
        place = bisect_left(self.ids, id)
        return place if place < len(self.ids) and self.ids[place] == id else None

    def at(self, place: int) -> WorldMessage:
        """The message at that place."""
        id = self.ids[place]
        changed = self._changed.get(id)
        return changed if changed is not None else self.source.message(id, self.dates[place])

    def find(self, id: int) -> WorldMessage | None:
        """The message with that id, if it is (still) there."""
        place = self.place(id)
        return None if place is None else self.at(place)

    def on(self, day: date) -> Iterator[WorldMessage]:
        """The messages of that UTC day, oldest first."""
        start = day_start(day)
        first = bisect_left(self.dates, start)
        last = bisect_left(self.dates, start + DAY_SECONDS)
        return (self.at(place) for place in range(first, last))

    def replace(self, message: WorldMessage) -> None:
        """Put another message in the place of the one with the same id and date."""
        self._changed[message.id] = message

    def remove(self, ids: Iterable[int]) -> None:
        """Take messages away; their ids stay used, even that of the newest."""
        for id in ids:
            if (place := self.place(id)) is not None:
                del self.ids[place], self.dates[place]
                self._changed.pop(id, None)

    def next_id(self) -> int:
        """The id that the next message gets."""
        return self._last_id + 1

    def append(self, message: WorldMessage) -> None:
        """Add the newest message.

        Raises:
            ValueError: its id or its date is not the newest.
        """
        if message.id <= self._last_id or (self.dates and message.date < self.dates[-1]):
            raise ValueError("a message can only be posted after all others")
        self._last_id = message.id
        self.ids.append(message.id)
        self.dates.append(message.date)
        self._changed[message.id] = message
