"""What becomes of a saved message when its day is fetched again.

Nothing that was saved is ever dropped: a changed message is taken in its new form, a vanished one is kept and flagged.
"""

from __future__ import annotations

import enum
import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from tgworker.core.artifact import RawMessage


class Change(enum.Enum):
    """What a fetch brought of one message."""

    SAME = enum.auto()
    NEW = enum.auto()
    UPDATED = enum.auto()
    VANISHED = enum.auto()


_Entry = tuple[int, int, RawMessage]


def reconcile(
    fresh: Iterable[RawMessage], stored: Iterable[RawMessage], *, whole: bool
) -> Iterator[tuple[RawMessage, Change]]:
    """Merge two streams that ascend by id; of each message its form from now on, and what changed.

    `whole`: the fresh ones are all that there are, so what is missing among them is gone; and what differs was changed
    since it was saved. Otherwise the fresh forms are taken as they are, and nothing is concluded.
    """
    entries = heapq.merge(_tagged(fresh, 0), _tagged(stored, 1), key=itemgetter(0, 1))
    for _, group in groupby(entries, key=itemgetter(0)):
        forms = {tag: message for _, tag, message in group}
        match forms:
            case {0: new, 1: old}:
                form = _edited(new, old) if whole else new
                # What the chat is called says nothing of the message.
                same = form == old | {"chat": form["chat"]}
                yield form, Change.SAME if same else Change.UPDATED
            case {0: new}:
                yield new, Change.NEW
            case {1: old} if whole and not old["deleted"]:
                yield old | {"deleted": True}, Change.VANISHED
            case {1: old}:
                yield old, Change.SAME


def _tagged(messages: Iterable[RawMessage], tag: int) -> Iterator[_Entry]:
    return ((message["id"], tag, message) for message in messages)


def _edited(new: RawMessage, old: RawMessage) -> RawMessage:
    """Once edited, a message stays so; one with another text was edited, also where Telegram does not say it."""
    edited = new["edited"] or old["edited"] or new["text"] != old["text"]
    return new | {"edited": edited, "edit_date": new["edit_date"] or old["edit_date"]}
