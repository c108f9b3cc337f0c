"""A walk through the archive that looks at every file of it, and changes nothing. All of it blocks.

Workers may be writing meanwhile. So what looks wrong is looked at a second time, with the chat's lock held if it can be
had: only what is wrong both times is told.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeAlias

import orjson
from attrs import frozen

from tgworker.adapters.archive.chat_folders import ChatFolder, find_chats, read_chat, years_of
from tgworker.adapters.archive.index import parse_index
from tgworker.adapters.archive.layout import (
    CHAT_FILE,
    INDEX_FILE,
    LOCK_FILE,
    DayPlace,
    find_artifacts,
)
from tgworker.adapters.archive.second_look import Look, certain
from tgworker.core.model import ArtifactFormat, ChatRef, DayRow
from tgworker.core.verify import (
    Finding,
    Problem,
    Remedy,
    check_folder,
    check_index,
    check_row,
)
from tgworker.core.verify_artifact import check_artifact

_TEMPORARY = ".*.tmp"
NO_ROW = Finding("index.json has no row for it", Remedy.INDEX)

Rows: TypeAlias = dict[date, DayRow]


@frozen
class Scope:
    """What to look at: one chat (None: every one), and of it the days from `first` to `last`."""

    chat: ChatRef | None = None
    first: date = date.min
    last: date = date.max


def count_days(chats: Iterable[ChatFolder], scope: Scope) -> int:
    """How many artifacts there are to be read."""
    return sum(
        scope.first <= place.day <= scope.last
        for chat in chats
        for year in years_of(chat.path)
        for place, _ in find_artifacts(year)
    )


def verify(
    data_dir: Path, scope: Scope, on_day: Callable[[str, date], object]
) -> Iterator[Problem]:
    """Everything that is wrong within the scope; `on_day` is called before each artifact, and may raise to end it.

    Raises: OSError.
    """
    for chat in find_chats(data_dir, scope.chat):
        yield from _ChatWalk(data_dir, chat, scope, on_day).problems()
    if scope.chat is None:
        lock = data_dir / ".progress.lock"
        yield from certain(lock, lambda: _temporaries(data_dir, data_dir, None))


class _ChatWalk:
    def __init__(
        self,
        data_dir: Path,
        chat: ChatFolder,
        scope: Scope,
        on_day: Callable[[str, date], object],
    ) -> None:
        self._data_dir = data_dir
        self._chat = chat
        self._scope = scope
        self._on_day = on_day

    def problems(self) -> Iterator[Problem]:
        yield from self._certain(self._about_chat)
        for year in years_of(self._chat.path):
            yield from self._certain(partial(self._about_year, year))
            rows = _rows(year)
            for place in self._days(year, rows):
                self._on_day(self._chat.label, place.day)
                if self._about_day(place, rows):
                    yield from self._certain(partial(self._about_day_anew, place))

    def _certain(self, look: Look) -> list[Problem]:
        return certain(self._chat.path / LOCK_FILE, look)

    def _problem(self, path: Path, finding: Finding, day: date | None = None) -> Problem:
        where = path.relative_to(self._data_dir).as_posix()
        return Problem(where, finding.what, finding.remedy, self._chat.label, day)

    def _about_chat(self) -> list[Problem]:
        folder = self._chat.path
        now = read_chat(folder)
        found = _temporaries(self._data_dir, folder, self._chat.label)
        if now.file is not None:
            findings = check_folder(folder.name, now.file.id, now.file.names)
        elif any(years_of(folder)):
            findings = [Finding(now.fault or "it can't be read", Remedy.FETCH)]
        else:
            findings = []
        return found + [self._problem(folder / CHAT_FILE, finding) for finding in findings]

    def _about_year(self, year: Path) -> list[Problem]:
        found = _temporaries(self._data_dir, year, self._chat.label)
        path = year / INDEX_FILE
        try:
            document = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            missing = Finding("it is missing", Remedy.INDEX)
            return found + ([self._problem(path, missing)] if any(find_artifacts(year)) else [])
        except ValueError as error:
            return [*found, self._problem(path, Finding(f"it is damaged: {error}", Remedy.INDEX))]
        findings = check_index(document, int(year.name), self._chat.owner)
        return found + [self._problem(path, finding) for finding in findings]

    def _days(self, year: Path, rows: Rows | None) -> Iterator[DayPlace]:
        days = {place.day for place, _ in find_artifacts(year)} | (rows or {}).keys()
        for day in sorted(days):
            if self._scope.first <= day <= self._scope.last and day.year == int(year.name):
                yield DayPlace(self._chat.path, day)

    def _about_day(self, place: DayPlace, rows: Rows | None) -> list[Problem]:
        row = (rows or {}).get(place.day)
        forms = [form for form in ArtifactFormat if place.artifact(form).exists()]
        found = [
            self._problem(place.artifact(form), finding, place.day)
            for form in forms
            for finding in self._about_artifact(place, form, row)
            if rows is not None or finding is not NO_ROW
        ]
        if row is not None and row.format not in forms:
            missing = Finding("index.json has a row for it, and it is missing", Remedy.FETCH)
            found.append(self._problem(place.artifact(row.format), missing, place.day))
        if row is not None and row.complete and place.part.exists():
            left = Finding("the day is sealed, and its part file is still there", Remedy.FETCH)
            found.append(self._problem(place.part, left, place.day))
        return found

    def _about_day_anew(self, place: DayPlace) -> list[Problem]:
        return self._about_day(place, _rows(place.year_folder))

    def _about_artifact(
        self, place: DayPlace, form: ArtifactFormat, row: DayRow | None
    ) -> Iterator[Finding]:
        with open(place.artifact(form), "rb") as file:
            reading = check_artifact(file, form, place.day, self._chat.owner)
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = os.fstat(file.fileno()).st_size
        yield from reading.findings
        if row is None:
            if reading.facts is not None:
                yield NO_ROW
        elif row.format is not form:
            yield Finding(f"index.json says that the day is in {row.format}", Remedy.FETCH)
        elif reading.facts is not None:
            yield from check_row(row, reading.facts, size, sha256)


def _rows(year: Path) -> Rows | None:
    """The rows of a year; None if its index is missing or damaged, which is told by itself."""
    try:
        index = parse_index(year / INDEX_FILE)
    except ValueError:
        return None
    return {row.date: row for row in index.days} if index is not None else None


def _temporaries(data_dir: Path, folder: Path, chat: str | None) -> list[Problem]:
    return [
        Problem(
            path.relative_to(data_dir).as_posix(),
            "a crash left it behind",
            Remedy.REMOVE,
            chat,
        )
        for path in sorted(folder.glob(_TEMPORARY))
    ]
