"""Parts that outlived the sealing of their day."""

from __future__ import annotations

import fcntl
import json

import pytest

from tests.logs import capture_logs
from tgworker.errors import StorageError

PART = "ru_python/2025/.discussions_2025-11-07.part.jsonl"


@pytest.fixture
async def leftover(disk_store, make, faulty_disk):
    """A sealed day whose part could not be removed any more."""
    disk_store.disk = disk = faulty_disk()
    with pytest.raises(StorageError):
        async with disk_store.shelf() as shelf:
            writer = await shelf.open_day(make.day)
            await make.write(writer, 1, 2)
            disk.n, disk.only, disk._count = 1, "unlink", 0
            await make.seal(writer)
    disk.n = 0
    return disk_store.root / PART


async def opened(store) -> list[str]:
    """What is logged when the archive is opened."""
    with capture_logs() as logs:
        async with store.open():
            pass
    return [line["event"] for line in logs]


async def test_the_part_of_a_sealed_day_is_removed_at_the_next_start(disk_store, leftover):
    """Nobody would ever open that day to see it; and it is open work no more."""
    was_there = leftover.exists()
    logs = await opened(disk_store)

    assert was_there
    assert ["archive.leftover_removed"] == logs
    assert not leftover.exists()
    assert [] == json.loads(disk_store.read("progress.json"))["days"]
    assert [] == await opened(disk_store)


async def test_the_part_of_an_open_day_stays(disk_store, make):
    """It is where the day goes on."""
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1)
        await make.seal(writer, complete=False)
        await make.write(writer, 2)
    logs = await opened(disk_store)

    assert [] == logs
    assert (disk_store.root / PART).exists()


async def test_a_part_that_holds_more_than_the_artifact_stays(disk_store, make):
    """No message is thrown away, whoever put it there; the day's next sealing takes it in."""
    async with disk_store.shelf() as shelf:
        await make.fetch(shelf, 1, 2)
        await make.write(await shelf.open_day(make.day), 3)
    await opened(disk_store)
    async with disk_store.shelf() as shelf:
        row = await make.seal(await shelf.open_day(make.day))

    assert 3 == row.messages


async def test_a_part_that_somebody_writes_stays(disk_store, leftover):
    """A sealed day may be read once more; the lock tells."""
    with (leftover.parents[1] / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        logs = await opened(disk_store)

    assert [] == logs
    assert leftover.exists()


async def test_a_part_beside_a_damaged_artifact_stays(disk_store, make, leftover):
    """It may be all that is left of the day."""
    (disk_store.root / f"ru_python/2025/discussions_{make.day}.json").write_bytes(b"{")
    logs = await opened(disk_store)

    assert ["archive.leftover_kept"] == logs
    assert leftover.exists()
