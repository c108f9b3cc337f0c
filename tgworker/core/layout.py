"""What chats' folders and artifacts are called, relative to the data folder."""

from __future__ import annotations

import re
from datetime import date

from tgworker.core.model import CHANNEL_MARK, ArtifactFormat, Chat, ChatType
from tgworker.errors import StorageError

_FOLDER = re.compile(r"[a-z0-9_]{1,64}|(channel|group|user)\.[0-9]{1,20}")


def is_folder_name(name: str) -> bool:
    """Whether a chat's folder may be called that; nothing that could lead elsewhere is."""
    return _FOLDER.fullmatch(name) is not None


def folder_name(chat: Chat) -> str:
    """What a chat's folder is called when it is new.

    Raises:
        StorageError: the chat has a name that no folder may have.
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


def label_of_folder(name: str) -> str:
    """What the chat of a folder was called when the folder was new."""
    kind, dot, number = name.partition(".")
    match kind if dot else "":
        case "user":
            return number
        case "group":
            return f"-{number}"
        case "channel":
            return str(CHANNEL_MARK - int(number))
        case _:
            return f"@{name}"


def artifact_path(folder: str, day: date, form: ArtifactFormat) -> str:
    """Where a day's artifact lies, with forward slashes; `folder` is the chat's."""
    return f"{folder}/{day.year:04}/discussions_{day}.{form}"
