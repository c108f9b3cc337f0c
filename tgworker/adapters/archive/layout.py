"""Where things lie on the disk."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from attrs import frozen

from tgworker.core.layout import artifact_path
from tgworker.core.model import ArtifactFormat

CHAT_FILE = "chat.json"
INDEX_FILE = "index.json"
LOCK_FILE = ".lock"
PARTS = "*/*/.discussions_*.part.jsonl"
"""The part files, seen from the data folder."""

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


def place_of_part(part: Path) -> DayPlace | None:
    """The day a part file belongs to; None if it is none of ours."""
    match = _PART.fullmatch(part.name)
    try:
        place = match and DayPlace(part.parent.parent, date.fromisoformat(match[1]))
    except ValueError:
        return None
    return place if place and place.part == part else None
