"""Other processes, cancellation, size, and the schemas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc
from importlib.resources import files

import jsonschema_rs
import orjson
import pytest
import trio

from tgworker.core.model import ArtifactFormat, ChatRef, FetchCommand, Mode
from tgworker.errors import ChatBusyError

HOLD = """
import structlog, sys, trio
from pathlib import Path
from tgworker.adapters.archive import open_archive
from tgworker.core.model import ArtifactFormat, Chat, ChatType

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main():
    chat = Chat(-1000000000007, ChatType.SUPERGROUP, "Python", "ru_python")
    form = ArtifactFormat.JSON
    async with open_archive(Path(sys.argv[1]), artifact_format=form, schema_version="1.0.0") as archive:
        async with archive.open_chat(chat):
            print("held\\n", end="", flush=True)
            await trio.sleep_forever()

trio.run(main)
"""


async def test_a_chat_is_held_across_processes_until_its_holder_dies(disk_store, make):
    """A second process is told that it is busy; a kill frees it at once."""
    holder = await trio.lowlevel.open_process(
        [sys.executable, "-c", HOLD, disk_store.root],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    try:
        assert holder.stdout is not None
        assert b"held\n" == await holder.stdout.receive_some()
        with pytest.raises(ChatBusyError):
            async with disk_store.shelf():
                raise AssertionError("it was opened")
    finally:
        holder.kill()
        with trio.move_on_after(10, shield=True):
            await holder.wait()
            await holder.stdout.aclose()
    async with disk_store.shelf() as shelf:
        assert make.chat == shelf.chat


@pytest.mark.parametrize("phase", range(1, 40))
async def test_cancelling_leaves_what_a_later_life_can_go_on_with(
    disk_store, make, quick_disk, phase
):
    """At whichever checkpoint: the lock is free, no page is half there, and the day ends as it would have."""
    disk_store.disk = quick_disk
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_after, scope, phase)
            async with disk_store.shelf() as shelf:
                writer = await shelf.open_day(make.day)
                await make.write(writer, 1, 2)
                await make.write(writer, 3)
                await make.seal(writer)
            nursery.cancel_scope.cancel()
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        assert writer.last_id in (None, 2, 3)
        row = await make.fetch(shelf, 1, 2, 3)

    assert 3 == row.messages
    assert not list((disk_store.root / "ru_python/2025").glob(".*"))


async def _cancel_after(scope: trio.CancelScope, steps: int) -> None:
    for _ in range(steps):
        await trio.to_thread.run_sync(int)
    scope.cancel()


async def test_sealing_a_big_day_can_be_cancelled(disk_store, make, quick_disk):
    """It looks up every thousand messages, and leaves no temporary file."""
    disk_store.disk = quick_disk
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, *range(1, 5000))
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(make.seal, writer)
                await trio.testing.wait_all_tasks_blocked()
                scope.cancel()
        names = {path.name for path in (disk_store.root / "ru_python/2025").iterdir()}

    assert scope.cancelled_caught
    assert {".discussions_2025-11-07.part.jsonl"} == names


async def peak(store, make, count: int) -> int:
    """The most memory, in bytes, that fetching and merging a day of so many messages takes."""
    tracemalloc.start()
    async with store.shelf() as shelf:
        for complete in (False, True):
            writer = await shelf.open_day(make.day, afresh=True)
            for start in range(1, count + 1, 100):
                page = [make.message(n, "текст " * 30) for n in range(start, start + 100)]
                await writer.append(page, make.people)
            await make.seal(writer, complete=complete)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


async def test_memory_grows_by_ids_alone(tmp_path, make, stores, quick_disk):
    """A big day costs some bytes a message, not the messages (800 bytes and more each)."""
    small = await peak(stores(tmp_path / "s", disk=quick_disk), make, 500)
    large = await peak(stores(tmp_path / "l", disk=quick_disk), make, 5_000)

    assert (large - small) / 4_500 < 300


@pytest.mark.parametrize("form", list(ArtifactFormat))
async def test_what_is_written_keeps_to_the_schemas(disk_store, make, form):
    """Artifact, message lines, index and progress."""
    disk_store.form = form
    command = FetchCommand(ChatRef("ru_python"), Mode.DAYS, days=3, command_id="c-1")
    async with disk_store.open() as archive:
        await archive.command_begins(command, make.later)
        async with archive.open_chat(make.chat) as shelf:
            row = await make.fetch(shelf, 1, 2, 3, 4, 6)
            await make.write(await shelf.open_day(make.day.replace(day=8)), 7)
        await archive.sealed(ChatRef("ru_python"), make.day, make.day)
    schemas = {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text())
        for path in files("tgworker.schemas").iterdir()
        if path.name.endswith(".schema.json")
    }
    registry = jsonschema_rs.Registry([(schema["$id"], schema) for schema in schemas.values()])

    def check(kind: str, data: bytes) -> None:
        jsonschema_rs.validator_for(schemas[kind], registry=registry).validate(orjson.loads(data))

    check("progress", disk_store.read("progress.json"))
    check("index", disk_store.read("ru_python/2025/index.json"))
    artifact = disk_store.read(shelf.path(row))
    if form is ArtifactFormat.JSON:
        check("artifact", artifact)
    else:
        for line in artifact.splitlines():
            check("message", line)
