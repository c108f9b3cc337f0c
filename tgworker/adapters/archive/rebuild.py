"""Indexes made from the artifacts they tell of, and kept up.

An artifact says nearly all that its row does. Where it can't (JSONL does not say whether the day is complete) the day
counts as open: it is topped up, not lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import orjson
import structlog
from attrs import evolve

from tgworker.adapters.archive.disk import Disk
from tgworker.adapters.archive.index import YearIndex, parse_index, write_index
from tgworker.adapters.archive.layout import INDEX_FILE, DayPlace, find_artifacts
from tgworker.adapters.archive.stored import StoredArtifact
from tgworker.core.artifact import read_head
from tgworker.core.model import ArtifactFormat, Chat, DayRow

log = structlog.get_logger(__name__)


def sound_index(disk: Disk, place: DayPlace, chat: Chat, schema_version: str) -> YearIndex | None:
    """The index of the day's year; a damaged one is made anew. For who holds the chat's lock."""
    try:
        return parse_index(place.index)
    except ValueError as error:
        log.warning("archive.index_damaged", path=str(place.index), reason=str(error))
    index = YearIndex(schema_version, chat.label, chat.id, place.day.year)
    return rebuild_index(disk, place.year_folder, index)


def rebuild_index(disk: Disk, year_folder: Path, index: YearIndex) -> YearIndex:
    """Put in place the index with a row for each artifact of the year: `index` gives the head and the rows to keep.

    What can't be read gets no row, so that its day is fetched again.
    """
    known = {row.date for row in index.days}
    rows = [*index.days, *_rows_but(known, year_folder)]
    made = evolve(index, days=tuple(sorted(rows, key=lambda row: row.date)))
    path = year_folder / INDEX_FILE
    write_index(disk, path, made)
    log.warning("archive.index_rebuilt", path=str(path), days=len(rows))
    return made


def enter_row(disk: Disk, place: DayPlace, chat: Chat, schema_version: str, row: DayRow) -> None:
    """Put the row of a day in, durably, in place of an earlier one."""
    before = sound_index(disk, place, chat, schema_version)
    others = [known for known in (before.days if before else ()) if known.date != row.date]
    index = YearIndex(schema_version, chat.label, chat.id, place.day.year, (*others, row))
    write_index(disk, place.index, index)


def _rows_but(known: Container[date], year_folder: Path) -> Iterable[DayRow]:
    """Of two artifacts of a day the newer counts; a crash in a change of format leaves both."""
    newest: dict[date, tuple[int, DayRow]] = {}
    for place, form in find_artifacts(year_folder):
        if place.day in known:
            continue
        path = place.artifact(form)
        try:
            changed = path.stat().st_mtime_ns
            if place.day not in newest or changed > newest[place.day][0]:
                newest[place.day] = (changed, row_of(place, form))
        except ValueError as error:
            log.warning("archive.artifact_damaged", path=str(path), reason=str(error))
    return [row for _, row in newest.values()]


def row_of(place: DayPlace, form: ArtifactFormat) -> DayRow:
    """The row of an artifact as it lies there; it was fetched when it was written.

    Raises:
        ValueError: it is damaged.
    """
    path = place.artifact(form)
    ids = StoredArtifact(path, form).ids
    with open(path, "rb") as file:
        complete = form is ArtifactFormat.JSON and _is_complete(file.readline(), path)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    status = path.stat()
    return DayRow(
        date=place.day,
        messages=len(ids),
        first_id=ids.first,
        last_processed_msg_id=ids.last,
        bytes=status.st_size,
        sha256=digest,
        complete=complete,
        fetched_at=datetime.fromtimestamp(int(status.st_mtime), UTC),
        format=form,
    )


def _is_complete(first_line: bytes, path: Path) -> bool:
    try:
        head = read_head(first_line)
    except ValueError:  # somebody laid it out anew
        head = orjson.loads(path.read_bytes())
    return head.get("complete") is True
