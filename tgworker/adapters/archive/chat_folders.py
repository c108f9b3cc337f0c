"""The chats' folders in an archive, found without asking what holds them. All of it blocks."""

from __future__ import annotations

import os
import re
from pathlib import Path

from attrs import field, frozen

from tgworker.adapters.archive.folders import ChatFile
from tgworker.adapters.archive.layout import CHAT_FILE
from tgworker.core.codec import from_json
from tgworker.core.layout import is_folder_name, label_of_folder
from tgworker.core.model import ChatRef
from tgworker.core.verify import Owner

_YEAR = re.compile(r"[0-9]{4}")


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


def years_of(folder: Path) -> list[Path]:
    """A chat's folders of years, in order."""
    entries = [e for e in os.scandir(folder) if e.is_dir(follow_symlinks=False)]
    return sorted(folder / e.name for e in entries if _YEAR.fullmatch(e.name))
