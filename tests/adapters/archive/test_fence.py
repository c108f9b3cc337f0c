"""A writer that was replaced on another host writes nothing more, on disk and in memory."""

from __future__ import annotations

import pytest

from tgworker.adapters.archive.disk import Disk
from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.errors import LeaseLostError

PATH = "ru_python/2025/discussions_2025-11-07.json"


def replace_writer(store, archive, fence):
    """What a writer on another host does, if the folder's own lock does not reach it."""
    if isinstance(archive, MemoryArchive):
        archive.replace_writers(fence)
    else:
        (store.root / "ru_python" / ".lock").write_text(f"{fence:020}\n")


async def test_a_writer_with_the_newest_number_writes_as_ever(store, make):
    async with store.open() as archive:
        for fence in (7, 7, 8, None, 9):
            async with archive.open_chat(make.chat, fence) as shelf:
                row = await make.fetch(shelf, 1, 2)

    assert (2, True) == (row.messages, row.complete)


async def test_a_writer_with_a_lower_number_is_not_let_in(store, make):
    async with store.open() as archive:
        async with archive.open_chat(make.chat, 8):
            pass
        with pytest.raises(LeaseLostError):
            async with archive.open_chat(make.chat, 7):
                pass
        async with archive.open_chat(make.chat, 8):
            pass


@pytest.mark.parametrize("step", ["open", "append", "seal"])
async def test_a_writer_that_was_replaced_can_do_nothing_more(store, make, step):
    async with store.open() as archive, archive.open_chat(make.chat, 7) as shelf:
        await make.fetch(shelf, 1, 2, complete=False)
        before = store.read(PATH)
        writer = await shelf.open_day(make.day)
        await make.write(writer, 3)
        replace_writer(store, archive, 8)

        with pytest.raises(LeaseLostError):
            if step == "open":
                await shelf.open_day(make.day, afresh=True)
            elif step == "append":
                await make.write(writer, 4)
            else:
                await make.seal(writer)

        assert before == store.read(PATH)


async def test_without_a_number_the_folders_own_lock_must_do(store, make):
    async with store.open() as archive, archive.open_chat(make.chat) as shelf:
        await make.fetch(shelf, 1)
        replace_writer(store, archive, 8)

        assert 2 == (await make.fetch(shelf, 1, 2)).messages


class SlowDisk(Disk):
    """The writer is replaced while the artifact is on its way to the metal."""

    def __init__(self, lock):
        self.lock = lock
        self.names = {}

    def open(self, path, flags):
        fd = super().open(path, flags)
        self.names[fd] = path.name
        return fd

    def fsync(self, fd):
        if self.names[fd] == ".discussions_2025-11-07.tmp":
            self.lock.write_text(f"{8:020}\n")


async def test_an_artifact_that_was_written_too_slowly_does_not_take_its_place(disk_store, make):
    disk_store.disk = SlowDisk(disk_store.root / "ru_python" / ".lock")
    async with disk_store.open() as archive, archive.open_chat(make.chat, 7) as shelf:
        with pytest.raises(LeaseLostError):
            await make.fetch(shelf, 1, 2)
    names = {path.name for path in (disk_store.root / "ru_python/2025").iterdir()}

    assert {".discussions_2025-11-07.part.jsonl"} == names


@pytest.mark.parametrize("content", [b"", b"soon", b"\xff" * 100, b"7"])
async def test_a_lock_file_that_says_nothing_keeps_nobody_out(disk_store, make, content):
    async with disk_store.open() as archive:
        async with archive.open_chat(make.chat, 5):
            (disk_store.root / "ru_python" / ".lock").write_bytes(content)
        async with archive.open_chat(make.chat, 7) as shelf:
            (disk_store.root / "ru_python" / ".lock").unlink()
            await make.fetch(shelf, 1)
