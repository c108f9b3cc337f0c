"""``index.json``: a row for each day of one year of one chat."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import structlog
from attrs import frozen

from tgworker.adapters.archive.disk import Disk, put_file
from tgworker.adapters.archive.layout import DayPlace
from tgworker.core.artifact import render_lines
from tgworker.core.codec import from_json, to_json
from tgworker.core.model import Chat, DayRow

log = structlog.get_logger(__name__)


@frozen
class YearIndex:
    """The file, its fields in their order."""

    schema_version: str
    chat: str
    chat_id: int
    year: int
    days: tuple[DayRow, ...] = ()


def read_index(path: Path) -> YearIndex | None:
    """The index at ``path``; None if there is none.

    A damaged one counts as none: the days it held are read and merged again.
    """
    try:
        return from_json(path.read_bytes(), YearIndex)
    except FileNotFoundError:
        return None
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


def enter_row(disk: Disk, place: DayPlace, chat: Chat, schema_version: str, row: DayRow) -> None:
    """Put the row of a day in, durably, in place of an earlier one."""
    index = read_index(place.index)
    rows = {known.date: known for known in index.days} if index else {}
    rows[row.date] = row
    head = to_json(YearIndex(schema_version, chat.label, chat.id, place.day.year))
    lines = render_lines(to_json(rows[day]) for day in sorted(rows))
    put_file(disk, place.index, [head.removesuffix(b"]}"), b"\n", *lines, b"]}\n"])
