"""The same messages give the same bytes, whatever happened on the way."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgworker.adapters.archive.day import Conditions, DayFiles
from tgworker.adapters.archive.layout import DayPlace
from tgworker.core.model import ArtifactFormat

IDS = st.integers(1, 30)
PAGES = st.lists(IDS, max_size=6).map(sorted)
JSON, JSONL = ArtifactFormat.JSON, ArtifactFormat.JSONL


@settings(max_examples=40)
@given(data=st.data(), ids=st.sets(IDS).map(sorted), final=st.sampled_from(ArtifactFormat))
async def test_no_history_shows_in_the_bytes(data, ids, final, make, stores, twins, quick_disk):
    """Any split into pages, crashes, torn lines, top-ups, repeated pages, forced fetches and changes of format."""
    truth = twins(artifact_format=final)
    async with truth.shelf() as shelf:
        row = await make.fetch(shelf, *ids)
        path = shelf.path(row)
    with TemporaryDirectory() as folder:
        store = stores(Path(folder), disk=quick_disk)
        for _ in range(data.draw(st.integers(0, 6), label="visits")):
            store.form = data.draw(st.sampled_from(ArtifactFormat), label="format")
            await visit(data, ids, store, make)
            tear(data, Path(folder) / DayPlace(Path("ru_python"), make.day).part)
        store.form = final
        async with store.shelf() as shelf:
            writer = await shelf.open_day(make.day, afresh=data.draw(st.booleans(), label="force"))
            await make.write(writer, *unread(ids, writer))
            last = await make.seal(writer)
        left = sorted(p.name for p in (Path(folder) / path).parent.iterdir())

        assert truth.read(path) == store.read(path)
        assert row == last
        assert [f"discussions_{make.day}.{final}", "index.json"] == left


def unread(ids, writer) -> list[int]:
    """What a worker goes on to read: all that comes after the last id."""
    return [i for i in ids if writer.last_id is None or i > writer.last_id]


async def visit(data, ids, store, make) -> None:
    """Go on with the day for a while, as a worker does, and leave it somehow."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day, afresh=data.draw(st.booleans(), label="afresh"))
        rest = unread(ids, writer)
        for _ in range(data.draw(st.integers(0, 3), label="pages")):
            size = data.draw(st.integers(0, 10), label="page size")
            await make.write(writer, *rest[:size])
            rest = rest[size:]
        known = [i for i in ids if i not in unread(ids, writer)]
        again = data.draw(st.sets(st.sampled_from(known)) if known else st.just(()), label="again")
        await make.write(writer, *sorted(again))
        if data.draw(st.booleans(), label="seal"):
            read_to_its_end = not rest
            complete = read_to_its_end and data.draw(st.booleans(), label="complete")
            await make.seal(writer, complete=complete)


def tear(data, part: Path) -> None:
    """Do to a part file what a crash may do."""
    if part.exists() and data.draw(st.booleans(), label="tear"):
        size = part.stat().st_size
        os.truncate(part, data.draw(st.integers(0, size), label="kept"))
        with part.open("ab") as file:
            file.write(data.draw(st.sampled_from([b"", b"\0" * 9, b"{}\n", b'{"message":{}}\n5'])))


@settings(max_examples=40)
@given(data=st.data())
async def test_disk_and_memory_never_differ(data, make, stores, twins, quick_disk):
    """Step by step they hold, count, answer and write the same."""
    form = data.draw(st.sampled_from(ArtifactFormat))
    with TemporaryDirectory() as folder:
        both = stores(Path(folder), form, quick_disk), twins(artifact_format=form)
        for _ in range(data.draw(st.integers(1, 4), label="visits")):
            afresh = data.draw(st.booleans(), label="afresh")
            steps = data.draw(st.lists(PAGES | st.booleans(), max_size=4), label="steps")
            disk, memory = [await play(store, steps, afresh, make) for store in both]
            assert disk == memory


async def play(store, steps, afresh, make) -> list[object]:
    """Open the day and take steps: a list of ids is a page, a boolean seals. Returns all that can be seen."""
    seen: list[object] = []
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day, afresh=afresh)
        for step in steps:
            if isinstance(step, bool):
                row = await make.seal(writer, complete=step)
                seen += [row, shelf.path(row), store.read(shelf.path(row))]
            else:
                seen.append(await make.write(writer, *step))
            seen += [writer.last_id, writer.saved, writer.deduplicated]
        seen.append(await shelf.rows(make.day, make.day))
    return seen


def test_a_part_may_be_torn_anywhere(tmp_path, make, quick_disk):
    """Wherever a crash cuts it, reading on after the last id gives the same artifact."""
    conditions = Conditions(quick_disk, JSON, "1.0.0")
    ids = [1, 2, 3]

    def day() -> DayFiles:
        files = DayFiles(DayPlace(tmp_path, make.day), make.chat, conditions)
        files.open(afresh=False)
        return files

    def finish(files: DayFiles) -> str:
        rest = [i for i in ids if i > (files.last_id or 0)]
        files.append(make.messages(*rest), make.people, sync=False)
        row = files.seal(complete=True, fetched_at=make.later, whole=False, check=lambda: None)
        files.place.artifact(JSON).unlink()
        files.close()
        return row.sha256

    expected = finish(day())
    files = day()
    files.append(make.messages(*ids), make.people, sync=False)
    files.close()
    whole = files.place.part.read_bytes()

    ends = [n + 1 for n, byte in enumerate(whole) if byte == ord("\n")]
    for size in sorted({*range(0, len(whole), 7), *(end + n for end in ends for n in (-2, -1, 0))}):
        files.place.part.write_bytes(whole[:size])
        assert expected == finish(day())


@pytest.mark.parametrize(
    "hole", [b"\0" * 40, b'{"message":{"id":9}}\n', b'{"person":5}\n', b"[]\n"]
)
async def test_what_follows_a_hole_is_not_believed(disk_store, make, hole):
    """After a power cut later blocks may be there and earlier ones not: reading goes on before the hole."""
    async with disk_store.shelf() as shelf:
        await make.write(await shelf.open_day(make.day), 1, 2)
    part = disk_store.root / DayPlace(Path("ru_python"), make.day).part
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join([*lines[:-1], hole, lines[-1]]))

    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        last_id = writer.last_id

    assert 1 == last_id
    assert b"".join(lines[:-1]) == part.read_bytes()
