"""Reading the artifacts a day has already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from tgworker.adapters.archive.disk import Disk, Stopwatch
from tgworker.adapters.archive.layout import DayPlace
from tgworker.core.artifact import RawMessage, Section, canonical, read_stream, read_whole
from tgworker.core.codec import structure
from tgworker.core.merge import IdSet
from tgworker.core.model import ArtifactFormat, Participant, Person

log = structlog.get_logger(__name__)


class StoredArtifact:
    """A sound artifact; of its messages only the ids are in memory.

    Raises:
        ValueError: it is damaged.
    """

    def __init__(self, path: Path, form: ArtifactFormat) -> None:
        self.path = path
        self.form = form
        self._ours = True
        try:
            self._scan()
        except ValueError:  # somebody laid it out anew, or it is damaged
            self._ours = False
            self._scan()

    def _scan(self) -> None:
        self.ids = IdSet()
        self.people: dict[int, Person] = {}
        for section, raw in self._items():
            if section == "messages":
                self._enter(canonical(raw)["id"])
            elif section == "participants":
                self._meet(structure(raw, Participant))

    def _enter(self, message_id: int) -> None:
        if self.ids.last is not None and message_id <= self.ids.last:
            raise ValueError("the ids do not ascend")
        self.ids.add(message_id)

    def _meet(self, who: Participant) -> None:
        if who.name is not None:
            self.people[who.id] = Person(who.id, who.username, who.name, who.bot)

    def messages(self) -> Iterator[RawMessage]:
        """The messages, ascending by id."""
        return (canonical(raw) for section, raw in self._items() if section == "messages")

    def _items(self) -> Iterator[tuple[Section, Any]]:
        if self._ours:
            with open(self.path, "rb") as lines:
                yield from read_stream(lines, self.form)
        else:
            yield from read_whole(self.path.read_bytes(), self.form)


def load_artifacts(place: DayPlace, disk: Disk) -> list[StoredArtifact]:
    """The artifacts of a day, newest first: two only if a crash interrupted a change of format.

    A damaged one is set aside under another name and counts as not there, so that the day is read again.
    """
    found = []
    for form in ArtifactFormat:
        path = place.artifact(form)
        watch = Stopwatch()
        try:
            seen = path.stat()
            found.append((seen.st_mtime_ns, StoredArtifact(path, form)))
            watch.say("file.read", path, seen.st_size)
        except FileNotFoundError:
            continue
        except ValueError as error:
            aside = free_name(path)
            disk.replace(path, aside)
            log.warning(
                "archive.artifact_damaged", path=str(path), kept=str(aside), reason=str(error)
            )
    return [artifact for _, artifact in sorted(found, key=lambda item: item[0], reverse=True)]


def free_name(path: Path) -> Path:
    """Under which name a damaged file can be kept beside its place."""
    aside = path.with_name(f"{path.name}.damaged")
    while aside.exists():
        aside = aside.with_name(f"{aside.name}.damaged")
    return aside
