"""``index.json``: a row for each day of one year of one chat."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import structlog
from attrs import evolve, frozen

from tgworker.adapters.archive.disk import Disk, Stopwatch, put_file
from tgworker.adapters.archive.layout import DayPlace
from tgworker.core.artifact import render_lines
from tgworker.core.codec import from_json, to_json
from tgworker.core.model import DayRow

log = structlog.get_logger(__name__)


@frozen
class YearIndex:
    """The file, its fields in their order."""

    schema_version: str
    chat: str
    chat_id: int
    year: int
    days: tuple[DayRow, ...] = ()


def parse_index(path: Path) -> YearIndex | None:
    """The index at ``path``; None if there is none.

    Raises:
        ValueError: it is damaged.
    """
    watch = Stopwatch()
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    index = from_json(text, YearIndex)
    watch.say("file.read", path, len(text))
    return index


def read_index(path: Path) -> YearIndex | None:
    """As `parse_index`, for who only looks: a damaged one counts as none. Who writes the chat makes it anew."""
    try:
        return parse_index(path)
    except ValueError as error:
        log.warning("archive.index_damaged", path=str(path), reason=str(error))
        return None


def read_rows(folder: Path, first: date, last: date) -> dict[date, DayRow]:
    """The rows of a chat's days, both ends included; a day whose artifact was taken away has none."""
    rows = {}
    for year in range(first.year, last.year + 1):
        index = read_index(DayPlace(folder, date(year, 1, 1)).index)
        for row in index.days if index else ():
            if (
                first <= row.date <= last
                and DayPlace(folder, row.date).artifact(row.format).exists()
            ):
                rows[row.date] = row
    return rows


def write_index(disk: Disk, path: Path, index: YearIndex) -> None:
    """Put the index in place, durably."""
    head = to_json(evolve(index, days=()))
    lines = render_lines(to_json(row) for row in sorted(index.days, key=lambda row: row.date))
    put_file(disk, path, [head.removesuffix(b"]}"), b"\n", *lines, b"]}\n"])
