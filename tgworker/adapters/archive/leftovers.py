"""Parts that outlived the sealing of their day.

A process that dies between entering a day's row and removing its part leaves the part behind, and nobody opens a
sealed day to see it.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from tgworker.adapters.archive.disk import Disk, remove_file
from tgworker.adapters.archive.folders import Folders
from tgworker.adapters.archive.index import read_rows
from tgworker.adapters.archive.layout import DayPlace, find_parts
from tgworker.adapters.archive.part import survey_part
from tgworker.adapters.archive.stored import StoredArtifact
from tgworker.core.model import DayRow
from tgworker.errors import ChatBusyError

log = structlog.get_logger(__name__)


def remove_leftovers(data_dir: Path, folders: Folders, disk: Disk) -> None:
    """Remove each part of a sealed day that holds nothing which its artifact does not. Blocks.

    What somebody is writing just now is left alone, and so is what can't be read.
    """
    for place in find_parts(data_dir):
        if _sealed_row(place) is None:
            continue
        try:
            _remove_leftover(place, folders, disk)
        except (OSError, ValueError) as error:
            log.warning("archive.leftover_kept", path=str(place.part), reason=str(error))


def _remove_leftover(place: DayPlace, folders: Folders, disk: Disk) -> None:
    try:
        lock = folders.lock(place.folder, folders.label(place.folder))
    except ChatBusyError:
        return
    try:
        row = _sealed_row(place)  # once more, now that nobody else writes
        if row is not None and _adds_nothing(place, row):
            remove_file(disk, place.part)
            log.info("archive.leftover_removed", path=str(place.part))
    finally:
        os.close(lock)


def _sealed_row(place: DayPlace) -> DayRow | None:
    row = read_rows(place.folder, place.day, place.day).get(place.day)
    return row if row is not None and row.complete else None


def _adds_nothing(place: DayPlace, row: DayRow) -> bool:
    """Whether the day's artifact has all that its part has."""
    held = StoredArtifact(place.artifact(row.format), row.format).ids
    return all(message_id in held for message_id in survey_part(place.part))
