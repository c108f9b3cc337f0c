"""A walk through the archive that looks at every file of it, and changes nothing. All of it blocks.

Workers may be writing meanwhile. So what looks wrong is looked at a second time, with the chat's lock held if it can be
had: only what is wrong both times is told.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TypeAlias

import orjson
from attrs import field, frozen

from tgworker.adapters.archive.folders import ChatFile
from tgworker.adapters.archive.index import parse_index
from tgworker.adapters.archive.layout import (
    CHAT_FILE,
    INDEX_FILE,
    LOCK_FILE,
    DayPlace,
    find_artifacts,
)
from tgworker.core.codec import from_json
from tgworker.core.layout import is_folder_name, label_of_folder
from tgworker.core.model import ArtifactFormat, ChatRef, DayRow
from tgworker.core.verify import (
    Finding,
    Owner,
    Problem,
    Remedy,
    check_folder,
    check_index,
    check_row,
)
from tgworker.core.verify_artifact import check_artifact

_YEAR = re.compile(r"[0-9]{4}")
_TEMPORARY = ".*.tmp"
NO_ROW = Finding("index.json has no row for it", Remedy.INDEX)
_LOCK_TRIES = 20
_LOCK_PAUSE_SECONDS = 0.05

Look: TypeAlias = Callable[[], list[Problem]]
Rows: TypeAlias = dict[date, DayRow]


@frozen
class Scope:
    """What to look at: one chat (None: every one), and of it the days from `first` to `last`."""

    chat: ChatRef | None = None
    first: date = date.min
    last: date = date.max


@frozen
class ChatFolder:
    """A chat's folder. ``label`` is what commands call the chat; ``file`` is None if it can't be read."""

    path: Path
    file: ChatFile | None = None
    fault: str | None = None
    owner: Owner | None = field(init=False)

    @owner.default
    def _owner(self) -> Owner | None:
        if self.file is None:
            return None
        names = frozenset(f"@{name}" for name in self.file.names)
        labels = names | {str(self.file.id), label_of_folder(self.path.name)}
        return Owner(self.file.id, labels)

    @property
    def label(self) -> str:
        return self.file.label if self.file is not None else label_of_folder(self.path.name)


def find_chats(data_dir: Path, ref: ChatRef | None = None) -> list[ChatFolder]:
    """The chats' folders, by name; with `ref` only those of that chat, by any name it has or had."""
    names = sorted(entry.name for entry in os.scandir(data_dir) if _is_chat(entry))
    chats = [read_chat(data_dir / name) for name in names]
    if ref is None:
        return chats
    label = str(ref)
    return [
        chat
        for chat in chats
        if label_of_folder(chat.path.name) == label or (chat.owner and label in chat.owner.labels)
    ]


def _is_chat(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and is_folder_name(entry.name)


def read_chat(folder: Path) -> ChatFolder:
    """What a folder's ``chat.json`` says, or why it says nothing."""
    try:
        return ChatFolder(folder, from_json((folder / CHAT_FILE).read_bytes(), ChatFile))
    except FileNotFoundError:
        return ChatFolder(folder, fault="it is missing")
    except ValueError as error:
        return ChatFolder(folder, fault=f"it is damaged: {error}")


def count_days(chats: Iterable[ChatFolder], scope: Scope) -> int:
    """How many artifacts there are to be read."""
    return sum(
        scope.first <= place.day <= scope.last
        for chat in chats
        for year in _years(chat.path)
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
        yield from _certain(lock, lambda: _temporaries(data_dir, data_dir, None))


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
        for year in _years(self._chat.path):
            yield from self._certain(lambda year=year: self._about_year(year))  # type: ignore[misc]  # bound now
            rows = _rows(year)
            for place in self._days(year, rows):
                self._on_day(self._chat.label, place.day)
                if self._about_day(place, rows):
                    yield from self._certain(
                        lambda place=place: self._about_day(place, _rows(place.year_folder))  # type: ignore[misc]
                    )

    def _certain(self, look: Look) -> list[Problem]:
        return _certain(self._chat.path / LOCK_FILE, look)

    def _problem(self, path: Path, finding: Finding, day: date | None = None) -> Problem:
        where = path.relative_to(self._data_dir).as_posix()
        return Problem(where, finding.what, finding.remedy, self._chat.label, day)

    def _about_chat(self) -> list[Problem]:
        folder = self._chat.path
        now = read_chat(folder)
        found = _temporaries(self._data_dir, folder, self._chat.label)
        if now.file is not None:
            findings = check_folder(folder.name, now.file.id, now.file.names)
        elif any(_years(folder)):
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


def _years(folder: Path) -> list[Path]:
    entries = [e for e in os.scandir(folder) if e.is_dir(follow_symlinks=False)]
    return sorted(folder / e.name for e in entries if _YEAR.fullmatch(e.name))


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


def _certain(lock: Path, look: Look) -> list[Problem]:
    """What is wrong at the first look and at the second, before which nobody writes any more, if that can be had."""
    first = look()
    if not first:
        return []
    with hold_if_possible(lock) as held:
        second = look()
    # While somebody writes, a temporary file is no leftover.
    return [p for p in second if held or p.remedy is not Remedy.REMOVE]


@contextmanager
def hold_if_possible(lock: Path) -> Iterator[bool]:
    """Hold a lock that is there; false if somebody else keeps it. Without a lock file nobody writes: true."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _try_to_lock(fd)
    finally:
        os.close(fd)


def _try_to_lock(fd: int) -> bool:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
    return False
