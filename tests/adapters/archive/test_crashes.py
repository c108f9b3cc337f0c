"""Death, failure and order of every step that changes the disk."""

from __future__ import annotations

import json
import subprocess
import sys
from errno import EACCES, EIO, ENOSPC, EROFS
from pathlib import Path

import pytest

from tgworker.adapters.archive.disk import Disk
from tgworker.core.model import ArtifactFormat
from tgworker.errors import StorageError

SCENARIO = Path(__file__).with_name("crash_scenario.py")
FILES = {
    "progress.json",
    ".progress.lock",
    "ru_python/.lock",
    "ru_python/chat.json",
    "ru_python/2025/index.json",
    "ru_python/2025/discussions_2025-11-07.jsonl",
}


def test_any_step_may_be_the_last(tmp_path):
    """Killed at each step in turn, the next life ends in the same bytes, and nothing is ever seen half-written."""
    done = subprocess.run(
        [sys.executable, SCENARIO, tmp_path], capture_output=True, text=True, check=False
    )
    lives = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    assert 0 == done.returncode, done.stderr
    assert 0 == lives[-1]["status"]
    assert len(lives) > 80
    assert FILES == set(lives[-1]["files"])
    for life in lives:
        assert lives[-1]["files"] == life["files"], life["n"]


async def life(store, make) -> None:
    """Part of a day, sealed open; the rest of it, sealed."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1, 2)
        await make.seal(writer, complete=False)
    store.form = ArtifactFormat.JSON
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1, 2, 3)
        await make.write(writer, 4)
        await make.seal(writer)


async def test_any_step_may_fail(tmp_path, make, stores, faulty_disk, quick_disk):
    """A disk that is full or broken is a `StorageError`; once it is well again the day ends in the same bytes."""
    expected = None
    for n in range(1, 1000):
        disk = faulty_disk(n, (ENOSPC, EIO)[n % 2])
        store = stores(tmp_path / str(n), ArtifactFormat.JSONL, disk)
        try:
            await life(store, make)
        except StorageError as error:
            assert "The archive can't use " in str(error)
        store.disk, store.form = quick_disk, ArtifactFormat.JSONL
        await life(store, make)
        data = store.read(f"ru_python/2025/discussions_{make.day}.json")
        assert data == (expected or data)
        expected = data
        if not disk.failed:
            break

    assert n > 60


async def test_a_writer_survives_a_page_that_did_not_fit(disk_store, make, faulty_disk):
    """What a failed write left behind is cut off before the next one."""
    disk_store.disk = disk = faulty_disk()
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1)
        disk.n, disk.only, disk._count = 1, "write", 0
        with pytest.raises(StorageError, match=r"\.part\.jsonl: No space left on device"):
            await make.write(writer, 2, 3)
        last_id = writer.last_id
        new = await make.write(writer, 2)
        row = await make.seal(writer)

    assert (1, 1, 2, 2) == (last_id, new, writer.saved, row.messages)


async def test_a_part_whose_flush_failed_is_thrown_away(disk_store, make, faulty_disk):
    """The system may have dropped pages and would never say so again: they are read anew."""
    disk_store.disk = disk = faulty_disk()
    with pytest.raises(StorageError):
        async with disk_store.shelf() as shelf:
            await make.write(await shelf.open_day(make.day), 1)
            disk.n, disk.code, disk.only, disk._count = 1, EIO, "fsync", 0
    disk.n = 0
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)

        assert None is writer.last_id


async def test_every_failing_day_is_closed(disk_store, make, faulty_disk):
    """The failure of one does not leave the others open: the chat can be taken again, and goes on."""
    disk_store.disk = disk = faulty_disk()
    tomorrow = make.day.replace(day=8)
    with pytest.raises(StorageError):
        async with disk_store.shelf() as shelf:
            await make.write(await shelf.open_day(make.day), 1)
            await make.write(await shelf.open_day(tomorrow), 1)
            disk.n, disk.code, disk.only, disk._count = 1, EIO, "fsync", 0
    disk.n = 0
    async with disk_store.shelf() as shelf:
        last = [(await shelf.open_day(day)).last_id for day in (make.day, tomorrow)]

    assert [None, 1] == sorted(last, key=bool)


@pytest.mark.parametrize("code", [EROFS, EACCES])
async def test_a_folder_that_can_not_be_written_is_told_at_the_start(
    tmp_path, stores, faulty_disk, code
):
    """One sentence with the folder and the reason."""
    (tmp_path / "data").mkdir()

    with pytest.raises(
        StorageError, match=r"The archive can't use .*data.*: (Read-only|Permission)"
    ):
        async with stores(tmp_path / "data", disk=faulty_disk(1, code)).open():
            raise AssertionError("it was opened")


async def test_a_file_in_the_folders_place_is_told_at_the_start(tmp_path, stores):
    """The same, with a reason of its own."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match="Not a directory"):
        async with stores(tmp_path / "data").open():
            raise AssertionError("it was opened")


class SlowDisk(Disk):
    """Takes a few bytes at a time, as the system may."""

    def write(self, fd: int, data: bytes | memoryview) -> int:
        return super().write(fd, data[:100])


async def test_a_write_may_take_several_calls(disk_store, make, twins):
    """Nothing is lost between them."""
    disk_store.disk = SlowDisk()
    twin = twins()
    async with disk_store.shelf() as shelf, twin.shelf() as expected:
        assert await make.fetch(expected, 1, 2, 3) == await make.fetch(shelf, 1, 2, 3)


async def test_what_must_last_is_flushed_in_order(disk_store, make, faulty_disk):
    """Part; artifact and its name; row and its name; only then is anything removed."""
    disk_store.disk = disk = faulty_disk()
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1)
        disk.steps.clear()
        await make.seal(writer)
    names = ("discussions", "index", "2025")
    steps = [(what, name) for what, name in disk.steps if any(part in name for part in names)]

    assert [
        ("fsync", f".discussions_{make.day}.part.jsonl"),
        ("mkdir", "2025"),
        ("open", f".discussions_{make.day}.tmp"),
        ("write", f".discussions_{make.day}.tmp"),
        ("fsync", f".discussions_{make.day}.tmp"),
        ("replace", f"discussions_{make.day}.json"),
        ("open", "2025"),
        ("fsync", "2025"),
        ("open", ".index.tmp"),
        ("write", ".index.tmp"),
        ("fsync", ".index.tmp"),
        ("replace", "index.json"),
        ("open", "2025"),
        ("fsync", "2025"),
        ("unlink", f".discussions_{make.day}.part.jsonl"),
    ] == steps


async def test_new_folders_are_flushed_into_their_parents(tmp_path, make, stores, faulty_disk):
    """A name that is not durable takes all below it with it."""
    disk = faulty_disk()
    async with stores(tmp_path / "a" / "data", disk=disk).shelf() as shelf:
        await make.write(await shelf.open_day(make.day), 1)
    made = [n for n, (what, _) in enumerate(disk.steps) if what == "mkdir"]

    assert ["a", "data", "ru_python", "2025"] == [disk.steps[n][1] for n in made]
    assert [tmp_path.name, "a", "data", "ru_python"] == [disk.steps[n + 2][1] for n in made]
    assert {"fsync"} == {disk.steps[n + 2][0] for n in made}


async def test_a_part_is_flushed_about_once_a_second(disk_store, make, faulty_disk, mock_clock):
    """Not with every page; and when the chat is given up."""
    disk_store.disk = disk = faulty_disk()
    part = ("fsync", f".discussions_{make.day}.part.jsonl")
    flushed = []
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        for message_id, pause in [(1, 0), (2, 0.5), (3, 0.6), (4, 0), (5, 0.9), (6, 0.2), (7, 0)]:
            mock_clock.jump(pause)
            await make.write(writer, message_id)
            flushed.append(disk.steps.count(part))

    assert [0, 0, 1, 1, 1, 2, 2] == flushed
    assert 3 == disk.steps.count(part)
