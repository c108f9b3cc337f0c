"""A damaged index is made anew from the artifacts, and forgets no day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.logs import capture_logs
from tgworker.core.model import ArtifactFormat

FOLDER = "ru_python/2025"
FIRST, LAST = date(2025, 11, 1), date(2025, 11, 30)
DAMAGE = ['{"days": 5}', "", '{"schema_version":"1.0.0","chat"', "\x00" * 40]


async def three_days(store, make) -> None:
    """The 5th and the 6th are sealed, the 7th is open."""
    async with store.shelf() as shelf:
        for number in (5, 6, 7):
            writer = await shelf.open_day(make.day.replace(day=number))
            moment = datetime(2025, 11, number, 9, tzinfo=UTC)
            messages = [make.message(number * 10 + n, date=moment) for n in range(3)]
            await writer.append(messages, make.people)
            await make.seal(writer, complete=number < 7)


async def rows_of(store):
    async with store.shelf() as shelf:
        return await shelf.rows(FIRST, LAST)


def without_time(rows):
    """Rows but for when they were fetched: the artifact does not know that."""
    return [
        (row.date, row.messages, row.first_id, row.last_processed_msg_id, row.sha256, row.complete)
        for row in rows.values()
    ]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_index_gets_its_rows_back(disk_store, make, damage):
    """What is sealed stays sealed, what is open stays open; it is put in place once, with a warning."""
    await three_days(disk_store, make)
    before = await rows_of(disk_store)
    index = disk_store.root / FOLDER / "index.json"
    whole = json.loads(index.read_bytes())
    index.write_text(damage)

    with capture_logs() as logs:
        after = await rows_of(disk_store)
        again = await rows_of(disk_store)

    assert without_time(before) == without_time(after)
    assert after == again
    assert all(
        abs(row.fetched_at - datetime.now(UTC)) < timedelta(hours=1) for row in after.values()
    )
    events = [line["event"] for line in logs]
    assert {"archive.index_damaged", "archive.index_rebuilt"} == {*events}
    assert 1 == events.count("archive.index_rebuilt")
    mended = json.loads(index.read_bytes())
    for document in (whole, mended):
        for row in document["days"]:
            del row["fetched_at"]
    assert whole == mended


async def test_an_index_damaged_while_a_day_is_open_loses_no_other_day(disk_store, make):
    await three_days(disk_store, make)
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        (disk_store.root / FOLDER / "index.json").write_text("[")
        await make.seal(writer)
        rows = await shelf.rows(FIRST, LAST)

    assert [True, True, True] == [row.complete for row in rows.values()]


async def test_a_day_in_jsonl_comes_back_open_for_it_does_not_say_that_it_is_whole(
    disk_store, make
):
    disk_store.form = ArtifactFormat.JSONL
    await three_days(disk_store, make)
    (disk_store.root / FOLDER / "index.json").write_text("{}")

    rows = await rows_of(disk_store)

    assert [(3, False)] * 3 == [(row.messages, row.complete) for row in rows.values()]


async def test_what_can_not_be_read_gets_no_row(disk_store, make):
    """Its day is fetched again; a stranger's file is no day."""
    await three_days(disk_store, make)
    folder = disk_store.root / FOLDER
    (folder / "discussions_2025-11-05.json").write_text("torn")
    (folder / "discussions_2025-99-05.json").write_text("{}")
    (folder / "discussions_2024-11-05.json").write_text("{}")
    (folder / "index.json").write_text("{}")

    with capture_logs() as logs:
        rows = await rows_of(disk_store)

    assert [6, 7] == [day.day for day in rows]
    assert "archive.artifact_damaged" in [line["event"] for line in logs]


async def test_an_artifact_laid_out_anew_gets_its_row_too(disk_store, make):
    await three_days(disk_store, make)
    path = disk_store.root / FOLDER / "discussions_2025-11-05.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    (disk_store.root / FOLDER / "index.json").write_text("{}")

    rows = await rows_of(disk_store)

    assert (3, True) == (rows[date(2025, 11, 5)].messages, rows[date(2025, 11, 5)].complete)


async def test_of_two_artifacts_of_a_day_the_newer_gives_the_row(disk_store, make):
    await three_days(disk_store, make)
    older = disk_store.root / FOLDER / "discussions_2025-11-05.json"
    kept = older.read_bytes()
    disk_store.form = ArtifactFormat.JSONL
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(date(2025, 11, 5))
        await make.seal(writer)
    older.write_bytes(kept)
    (disk_store.root / FOLDER / "index.json").write_text("{}")

    rows = await rows_of(disk_store)

    assert ArtifactFormat.JSON is rows[date(2025, 11, 5)].format
