"""Where things lie on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from attrs import frozen

from tgworker.core.layout import artifact_path, is_folder_name
from tgworker.core.model import ArtifactFormat

CHAT_FILE = "chat.json"
INDEX_FILE = "index.json"
LOCK_FILE = ".lock"

_ARTIFACT = re.compile(r"discussions_(\d{4}-\d\d-\d\d)\.(json|jsonl)")
_PARTS = "*/*/.discussions_*.part.jsonl"
_PART = re.compile(r"\.discussions_(\d{4}-\d\d-\d\d)\.part\.jsonl")


@frozen
class DayPlace:
    """The files of one day of the chat that lies in ``folder``."""

    folder: Path
    day: date

    @property
    def year_folder(self) -> Path:
        return self.folder / f"{self.day.year:04}"

    @property
    def index(self) -> Path:
        return self.year_folder / INDEX_FILE

    @property
    def part(self) -> Path:
        return self.year_folder / f".discussions_{self.day}.part.jsonl"

    def artifact(self, form: ArtifactFormat) -> Path:
        return self.folder.parent / artifact_path(self.folder.name, self.day, form)


def find_artifacts(year_folder: Path) -> Iterator[tuple[DayPlace, ArtifactFormat]]:
    """The artifacts of a year of a chat, by name."""
    for path in sorted(year_folder.iterdir()):
        match = _ARTIFACT.fullmatch(path.name)
        day = match and _day(match[1])
        if match and day and f"{day.year:04}" == year_folder.name:
            yield DayPlace(year_folder.parent, day), ArtifactFormat(match[2])


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def find_parts(data_dir: Path) -> Iterator[DayPlace]:
    """The days that have a part file in the data folder."""
    for path in data_dir.glob(_PARTS):
        place = _place_of_part(path)
        if place is not None and is_folder_name(place.folder.name):
            yield place


def _place_of_part(part: Path) -> DayPlace | None:
    """The day a part file belongs to; None if it is none of ours."""
    match = _PART.fullmatch(part.name)
    day = match and _day(match[1])
    place = day and DayPlace(part.parent.parent, day)
    return place if place and place.part == part else None
