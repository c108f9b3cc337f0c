"""One day's files: the part that grows, the artifacts that are there, and how they become one.

Everything here blocks and is run in a thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from attrs import evolve, frozen

from tgworker.adapters.archive.disk import Disk, make_folder, put_file, remove_file
from tgworker.adapters.archive.layout import DayPlace
from tgworker.adapters.archive.part import PartFile
from tgworker.adapters.archive.rebuild import enter_row, sound_index
from tgworker.adapters.archive.stored import StoredArtifact, load_artifacts
from tgworker.core.artifact import Outline, RawMessage, encode_messages, index_row, render
from tgworker.core.merge import IdSet, merge, unheld
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, DayRow, Person
from tgworker.core.refresh import Change, reconcile
from tgworker.errors import StorageError

_PIECE = 1000
"""Messages between two looks at whether the work was cancelled."""

T = TypeVar("T")
Check = Callable[[], object]
"""Raises if the work may not go on: it was cancelled, or somebody else does it now."""


@frozen
class Conditions:
    """What all days of an open archive have in common."""

    disk: Disk
    form: ArtifactFormat
    schema_version: str


class DayFiles:
    """The part and the artifacts of one day, of which only ids and people are in memory."""

    def __init__(self, place: DayPlace, chat: Chat, conditions: Conditions) -> None:
        self.place = place
        self.saved = 0
        self.deduplicated = 0
        self.updated = 0
        self.vanished = 0
        self._chat = chat
        self._conditions = conditions
        self._part = PartFile(place.part, conditions.disk)
        self._stored: list[StoredArtifact] = []
        self._stored_ids = IdSet()
        self._from_start = False
        self._sealed = False
        self._complete = False
        self._held = 0

    def open(self, *, afresh: bool) -> None:
        """Find out what is there. `afresh` throws the part away."""
        self._load_artifacts()
        self._from_start = afresh or self._lacks_names()
        if self._from_start:
            self._part.remove()
        else:
            self._part.recover()
        self._held = len(self._stored_ids) + self._count_new(self._part.ids)
        conditions = self._conditions
        index = sound_index(conditions.disk, self.place, self._chat, conditions.schema_version)
        rows = (row for row in (index.days if index else ()) if row.date == self.place.day)
        self._complete = any(row.complete for row in rows)

    def _load_artifacts(self) -> None:
        self._stored = load_artifacts(self.place, self._conditions.disk)
        ids = merge(*(old.ids for old in self._stored), key=int)
        self._stored_ids = IdSet(ids)

    def _lacks_names(self) -> bool:
        """JSONL names nobody: going on with it as JSON means to meet everybody again."""
        forms = {old.form for old in self._stored}
        return self._conditions.form is ArtifactFormat.JSON and ArtifactFormat.JSONL in forms

    def _owes_names(self) -> bool:
        """Whether people are left that a JSONL artifact does not name: it stays, to say so, until all was read."""
        stored, read = self._stored_ids.last or 0, self._part.ids.last or 0
        return self._lacks_names() and stored > read

    def _count_new(self, ids: Iterable[int]) -> int:
        return sum(message_id not in self._stored_ids for message_id in ids)

    @property
    def last_id(self) -> int | None:
        """The highest id held; of the part alone while a day is read from its start."""
        part, stored = self._part.ids.last, self._stored_ids.last
        if self._from_start or stored is None:
            return part
        return stored if part is None else max(part, stored)

    @property
    def held(self) -> int:
        """How many messages the part and the artifact hold together."""
        return self._held

    @property
    def gathered(self) -> int:
        """What there is to compare with Telegram's count: of a day read from its start, what was read."""
        return len(self._part.ids) if self._from_start else self._held

    @property
    def has_part(self) -> bool:
        return len(self._part.ids) > 0

    @property
    def unfinished(self) -> bool:
        """Whether something of the day is on disk, and it is not sealed as it stands there."""
        return self.has_part or ((bool(self._stored) or self._sealed) and not self._complete)

    def append(self, messages: Sequence[Message], people: Iterable[Person], *, sync: bool) -> int:
        taken = list(unheld(messages, self._part.ids))
        if taken:
            self._part.append(taken, people)
        new = self._count_new(message.id for message in taken)
        self.saved += new
        self.deduplicated += len(messages) - new
        self._held += new
        if sync:
            self._part.sync()
        return new

    def close(self) -> None:
        """Make the part durable and leave it for later."""
        try:
            self._part.sync()
        finally:
            self._part.close()

    def seal(
        self,
        *,
        complete: bool,
        fetched_at: datetime,
        whole: bool,
        expected: int | None = None,
        check: Check,
    ) -> DayRow:
        """Write the artifact and its row, and remove the part.

        The part's lines are copied. Where there is something to merge them with, it takes two passes over the merged
        stream: one to count and find the threads, one to write.

        The order of the steps is what makes any of them a safe place to die: the artifact stands before its row, the
        row before anything is removed.
        """
        disk, form = self._conditions.disk, self._conditions.form
        if self._sealed:  # or tried to: what is there now is not what was found at the beginning
            self._load_artifacts()
        self._sealed = True
        try:
            row = self._write_artifact(complete, fetched_at, whole and self._from_start, check)
        except ValueError as error:
            raise StorageError(
                f"A file of {self.place.artifact(form)} changed under us."
            ) from error
        row = evolve(row, expected=expected)
        enter_row(disk, self.place, self._chat, self._conditions.schema_version, row)
        if complete or not self._owes_names():
            for old in self._stored:
                if old.form is not form:
                    remove_file(disk, old.path)
        written = self._part.ids
        self._part.remove()
        if self._stored_ids:
            written = IdSet(merge(self._stored_ids, written, key=int))
        self._stored_ids = written
        self._from_start = False
        self._complete = complete
        return row

    def _write_artifact(
        self, complete: bool, fetched_at: datetime, whole: bool, check: Check
    ) -> DayRow:
        disk, form, label = self._conditions.disk, self._conditions.form, self._chat.label
        check()
        self._part.sync()
        self.updated = self.vanished = 0
        if self._stored or not self._part.is_fit_for(label):
            outline = self._merge(whole, check)
            lines = encode_messages((message for message, _ in self._merged(whole, check)), label)
        else:
            outline, lines = self._part.outline, _watched(self._part.lines(), check)
        make_folder(disk, self.place.year_folder)
        head = outline.head(self._chat, self.place.day, complete, self._conditions.schema_version)
        pieces = render(form, head, lines, outline, self._people())
        size, digest = put_file(disk, self.place.artifact(form), pieces, check)
        return index_row(head, size, digest, fetched_at, form)

    def _merge(self, whole: bool, check: Check) -> Outline:
        """Look through what the day will hold, and count what changes."""
        outline = Outline()
        changes: Counter[Change] = Counter()
        for message, change in self._merged(whole, check):
            outline.add(message)
            changes[change] += 1
        self.updated, self.vanished = changes[Change.UPDATED], changes[Change.VANISHED]
        return outline

    def _people(self) -> dict[int, Person]:
        people: dict[int, Person] = {}
        for old in reversed(self._stored):
            people |= old.people
        return people | self._part.people

    def _merged(self, whole: bool, check: Check) -> Iterator[tuple[RawMessage, Change]]:
        """What the part holds and, of the rest, what the artifacts hold."""
        stored = merge(*(old.messages() for old in self._stored), key=_id_of)
        return _watched(reconcile(self._part.messages(), stored, whole=whole), check)


def _watched(items: Iterable[T], check: Check) -> Iterator[T]:
    for number, item in enumerate(items):
        if number % _PIECE == 0:
            check()
        yield item


def _id_of(message: RawMessage) -> int:
    message_id: int = message["id"]
    return message_id
