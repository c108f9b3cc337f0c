"""What lies in the data folder, in figures: from the small files beside the artifacts, never from these."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from attrs import frozen

from tgworker.adapters.archive.folders import ChatFile
from tgworker.adapters.archive.index import read_index
from tgworker.adapters.archive.layout import CHAT_FILE, INDEX_FILE
from tgworker.adapters.archive.progress import Progress
from tgworker.core.codec import from_json
from tgworker.core.layout import is_folder_name
from tgworker.errors import StorageError


@frozen
class ChatSummary:
    """One chat's folder. ``bytes`` is the size of its artifacts."""

    folder: str
    chat: str
    title: str
    days: int
    open_days: int
    messages: int
    bytes: int
    last_day: date | None


def summarise(data_dir: Path) -> tuple[ChatSummary, ...]:
    """Every chat in the data folder, by folder name; none if there is no such folder.

    Raises:
        StorageError: it can't be read.
    """
    try:
        return tuple(_summaries(data_dir))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StorageError(f"{error.filename} can't be read: {error.strerror}") from error


def open_work(data_dir: Path) -> Progress | None:
    """What ``progress.json`` says is under way; None if there is no such file.

    Raises:
        StorageError: it can't be read.
    """
    try:
        return from_json((data_dir / "progress.json").read_bytes(), Progress)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise StorageError(f"progress.json is damaged: {error}") from error
    except OSError as error:
        raise StorageError(f"{error.filename} can't be read: {error.strerror}") from error


def _summaries(data_dir: Path) -> Iterator[ChatSummary]:
    for folder in sorted(data_dir.iterdir()):
        if folder.is_dir() and is_folder_name(folder.name):
            yield _summary(folder)


def _summary(folder: Path) -> ChatSummary:
    chat = _chat_file(folder / CHAT_FILE)
    indexes = [read_index(path) for path in sorted(folder.glob(f"*/{INDEX_FILE}"))]
    rows = [row for index in indexes if index is not None for row in index.days]
    return ChatSummary(
        folder=folder.name,
        chat=folder.name if chat is None else chat.label,
        title="" if chat is None else chat.title,
        days=len(rows),
        open_days=sum(not row.complete for row in rows),
        messages=sum(row.messages for row in rows),
        bytes=sum(row.bytes for row in rows),
        last_day=max((row.date for row in rows), default=None),
    )


def _chat_file(path: Path) -> ChatFile | None:
    try:
        return from_json(path.read_bytes(), ChatFile)
    except (FileNotFoundError, ValueError):
        return None
