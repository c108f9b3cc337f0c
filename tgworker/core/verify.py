"""What can be wrong in an archive, judged from what its files say.

Streams go by once and only ids are kept, so that a day of any size fits.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from attrs import frozen

from tgworker.core.layout import label_of_folder
from tgworker.core.model import DayRow
from tgworker.core.schemas import validator


class Remedy(enum.StrEnum):
    """What mends a problem."""

    INDEX = "index"
    """The artifact is sound: its row can be made from it."""
    REMOVE = "remove"
    """What a crash left behind can go."""
    FETCH = "fetch"
    """The day has to be fetched again, by force; what its artifact holds is merged."""
    AFRESH = "afresh"
    """As `FETCH`, but the artifact is set aside before: what it holds must not be merged."""
    HAND = "hand"
    """Somebody has to decide."""


_ADVICE = {
    Remedy.INDEX: "can be made anew from the artifact: tgworker verify --repair",
    Remedy.REMOVE: "can be removed: tgworker verify --repair",
    Remedy.FETCH: "has to be fetched again: tgworker verify --repair queues that",
    Remedy.AFRESH: "has to be set aside and the day fetched again: tgworker verify --repair does that",
    Remedy.HAND: "somebody has to look: docs/operations.md",
}


@frozen
class Finding:
    """One thing that is wrong with a file."""

    what: str
    remedy: Remedy


@frozen
class Problem:
    """A finding and where: ``path`` is relative to the data folder; ``chat`` is what commands call the chat."""

    path: str
    what: str
    remedy: Remedy
    chat: str | None = None
    day: date | None = None

    @property
    def advice(self) -> str:
        """What to do, in a few words."""
        return _ADVICE[self.remedy]


@frozen
class Owner:
    """The chat a folder belongs to, by all it is and was called."""

    id: int
    labels: frozenset[str]


@frozen
class Facts:
    """What an artifact holds, whatever it says. ``complete`` is None where it can't say that (JSONL)."""

    messages: int
    first_id: int | None
    last_id: int | None
    complete: bool | None


class Findings:
    """Collects what is wrong with one file: of each kind the first, and how many more there are."""

    def __init__(self) -> None:
        self._first: dict[str, Finding] = {}
        self._more: dict[str, int] = {}

    def add(self, kind: str, what: str, remedy: Remedy) -> None:
        if kind in self._first:
            self._more[kind] = self._more.get(kind, 0) + 1
        else:
            self._first[kind] = Finding(what, remedy)

    def all(self) -> list[Finding]:
        return [
            Finding(_and_more(found.what, self._more.get(kind, 0)), found.remedy)
            for kind, found in self._first.items()
        ]


def _and_more(what: str, more: int) -> str:
    return f"{what} (and {more:,} more like it)" if more else what


def schema_fault(value: Any, name: str, part: str = "") -> str | None:
    """The first thing by which `value` breaks a schema, and where; None: it keeps it."""
    judge = validator(name, part)
    if judge.is_valid(value):
        return None
    error = next(iter(judge.iter_errors(value)))
    path = "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path
    )
    return f"${path} {_short(error.message)}"


def _short(text: str, longest: int = 120) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def check_folder(name: str, chat_id: int, names: Iterable[str]) -> list[Finding]:
    """Whether a folder may be called so, given what its ``chat.json`` says."""
    if name in names or label_of_folder(name) == str(chat_id):
        return []
    return [
        Finding(f"it describes chat {chat_id}, which was never called {name!r}", Remedy.HAND),
    ]


def check_index(document: Any, year: int, owner: Owner | None) -> list[Finding]:
    """An index as a whole, parsed; its rows are checked against their artifacts elsewhere."""
    if fault := schema_fault(document, "index"):
        return [Finding(f"it breaks its schema: {fault}", Remedy.INDEX)]
    found = []
    days = [row["date"] for row in document["days"]]
    if document["year"] != year or any(day[:4] != f"{year:04}" for day in days):
        found.append(Finding(f"it is not of the year {year}", Remedy.INDEX))
    if any(day >= following for day, following in pairwise(days)):
        found.append(Finding("its days do not ascend", Remedy.INDEX))
    if owner is not None and document["chat_id"] != owner.id:
        what = f"it is of chat {document['chat_id']}, and the folder of chat {owner.id}"
        found.append(Finding(what, Remedy.HAND))
    return found


def check_row(row: DayRow, facts: Facts, size: int, sha256: str) -> list[Finding]:
    """A day's row against its artifact, read through."""
    if row.sha256 != sha256:
        what = "its SHA-256 is not the one in index.json: it was changed, or damaged"
        return [Finding(what, Remedy.FETCH)]
    pairs = (
        ("messages", row.messages, facts.messages),
        ("first_id", row.first_id, facts.first_id),
        ("last_processed_msg_id", row.last_processed_msg_id, facts.last_id),
        ("bytes", row.bytes, size),
        ("complete", row.complete, row.complete if facts.complete is None else facts.complete),
    )
    return [
        Finding(f"index.json says {name} {_word(said)}, it is {_word(real)}", Remedy.INDEX)
        for name, said, real in pairs
        if said != real
    ]


def _word(value: int | bool | None) -> str:
    return "null" if value is None else str(value).lower()


def spans(days: Iterable[date]) -> Iterator[tuple[date, date]]:
    """Days as stretches without a gap, first and last, in order."""
    first = last = None
    for day in sorted(set(days)):
        if last is not None and first is not None and day - last == timedelta(1):
            last = day
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = day
    if first is not None and last is not None:
        yield first, last
