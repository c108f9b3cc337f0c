"""Mending what `verify` found, as far as that needs no Telegram. All of it blocks."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from attrs import define, field

from tgworker.adapters.archive.chat_folders import read_chat
from tgworker.adapters.archive.disk import Disk, remove_file
from tgworker.adapters.archive.index import YearIndex, parse_index
from tgworker.adapters.archive.layout import INDEX_FILE, LOCK_FILE, find_artifacts
from tgworker.adapters.archive.rebuild import rebuild_index
from tgworker.adapters.archive.second_look import hold_if_possible
from tgworker.adapters.archive.stored import free_name
from tgworker.core.artifact import read_head
from tgworker.core.model import ArtifactFormat
from tgworker.core.verify import Problem, Remedy


@define
class Outcome:
    """What became of the problems. ``busy``: a worker writes that chat just now."""

    mended: list[Problem] = field(factory=list)
    to_fetch: list[Problem] = field(factory=list)
    busy: list[Problem] = field(factory=list)
    by_hand: list[Problem] = field(factory=list)


def repair(
    data_dir: Path, problems: Iterable[Problem], *, schema_version: str, may_set_aside: bool
) -> Outcome:
    """Make indexes anew, remove what crashes left, set aside what must not be merged; the rest has to be fetched.

    `may_set_aside` false leaves an artifact in its place until its day can be fetched.

    Raises: OSError.
    """
    work = _Repair(data_dir, schema_version, may_set_aside)
    for folder, group in groupby(problems, key=lambda problem: problem.path.partition("/")[0]):
        chat = list(group)
        in_root = chat[0].chat is None
        lock = data_dir / ".progress.lock" if in_root else data_dir / folder / LOCK_FILE
        with hold_if_possible(lock) as held:
            if held:
                work.mend(chat)
            else:
                work.outcome.busy += chat
    return work.outcome


class _Repair:
    def __init__(self, data_dir: Path, schema_version: str, may_set_aside: bool) -> None:
        self.outcome = Outcome()
        self._data_dir = data_dir
        self._schema_version = schema_version
        self._may_set_aside = may_set_aside
        self._disk = Disk()

    def mend(self, problems: list[Problem]) -> None:
        """Mend one chat's problems; its lock is held."""
        for problem in problems:
            path = self._data_dir / problem.path
            match problem.remedy:
                case Remedy.REMOVE:
                    remove_file(self._disk, path)
                    self.outcome.mended.append(problem)
                case Remedy.AFRESH:
                    if self._may_set_aside and path.exists():
                        self._disk.replace(path, free_name(path))
                    self.outcome.to_fetch.append(problem)
                case Remedy.FETCH:
                    self.outcome.to_fetch.append(problem)
                case Remedy.HAND:
                    self.outcome.by_hand.append(problem)
                case Remedy.INDEX:
                    pass
        indexes = [problem for problem in problems if problem.remedy is Remedy.INDEX]
        for year in sorted({(self._data_dir / problem.path).parent for problem in indexes}):
            of_year = [p for p in indexes if (self._data_dir / p.path).parent == year]
            self._mend_index(year, of_year)

    def _mend_index(self, year: Path, problems: list[Problem]) -> None:
        """A problem of the index itself means all rows anew, one of a day that day's."""
        days = {problem.day for problem in problems}
        before = _index_of(year)
        head = self._head(year, before)
        if head is None:
            self.outcome.by_hand += problems
            return
        kept = () if before is None or None in days else before.days
        rows = tuple(row for row in kept if row.date not in days)
        index = YearIndex(self._schema_version, *head, int(year.name), rows)
        rebuild_index(self._disk, year, index)
        self.outcome.mended += problems

    def _head(self, year: Path, before: YearIndex | None) -> tuple[str, int] | None:
        """What the chat is called and its id: as chat.json says, or the index, or an artifact."""
        chat = read_chat(year.parent)
        if chat.file is not None:
            return chat.label, chat.file.id
        if before is not None:
            return before.chat, before.chat_id
        return next(filter(None, (_head_of(path) for path in _artifacts(year))), None)


def _index_of(year: Path) -> YearIndex | None:
    try:
        return parse_index(year / INDEX_FILE)
    except ValueError:
        return None


def _artifacts(year: Path) -> Iterable[Path]:
    return (p.artifact(form) for p, form in find_artifacts(year) if form is ArtifactFormat.JSON)


def _head_of(path: Path) -> tuple[str, int] | None:
    try:
        with open(path, "rb") as file:
            head = read_head(file.readline())
            return str(head["chat"]), int(head["chat_id"])
    except (ValueError, KeyError, TypeError):
        return None
