"""Where things lie in the data folder."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from attrs import frozen

from tgworker.core.model import CHANNEL_MARK, ArtifactFormat, Chat, ChatType
from tgworker.errors import StorageError

CHAT_FILE = "chat.json"
INDEX_FILE = "index.json"
LOCK_FILE = ".lock"
PARTS = "*/*/.discussions_*.part.jsonl"
"""The part files, seen from the data folder."""

_FOLDER = re.compile(r"[a-z0-9_]{1,64}|(channel|group|user)\.[0-9]{1,20}")
_PART = re.compile(r"\.discussions_(\d{4}-\d\d-\d\d)\.part\.jsonl")


def is_folder_name(name: str) -> bool:
    """Whether a chat's folder may be called that; nothing that could lead elsewhere is."""
    return _FOLDER.fullmatch(name) is not None


def folder_name(chat: Chat) -> str:
    """What a chat's folder is called when it is new.

    Raises:
        StorageError: the username can't be a folder's name.
    """
    name = chat.username.lower() if chat.username is not None else _name_by_id(chat)
    if not is_folder_name(name):
        raise StorageError(f"{name!r} can't be the name of a folder in the archive.")
    return name


def _name_by_id(chat: Chat) -> str:
    match chat.type:
        case ChatType.USER:
            return f"user.{chat.id}"
        case ChatType.GROUP:
            return f"group.{-chat.id}"
        case _:
            return f"channel.{CHANNEL_MARK - chat.id}"


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
        return self.year_folder / f"discussions_{self.day}.{form}"


def place_of_part(part: Path) -> DayPlace | None:
    """The day a part file belongs to; None if it is none of ours."""
    match = _PART.fullmatch(part.name)
    try:
        place = match and DayPlace(part.parent.parent, date.fromisoformat(match[1]))
    except ValueError:
        return None
    return place if place and place.part == part else None
