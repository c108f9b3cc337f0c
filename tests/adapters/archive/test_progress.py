"""``progress.json``: open work, and nothing else."""

from __future__ import annotations

import fcntl
import json
from datetime import timedelta

import pytest
from attrs import evolve

from tests.logs import capture_logs
from tgworker.core.codec import to_json
from tgworker.core.model import ChatRef, FetchCommand, Mode
from tgworker.core.schemas import validator

PART = "ru_python/2025/.discussions_2025-11-07.part.jsonl"
EMPTY = {"schema_version": "1.0.0", "commands": [], "days": []}


@pytest.fixture
def command(make) -> FetchCommand:
    return FetchCommand(ChatRef("ru_python"), Mode.DATE, make.day, make.day, command_id="c-1")


def progress(store) -> dict[str, object]:
    return json.loads(store.read("progress.json"))


def days(store) -> list[tuple[object, ...]]:
    return [
        (day["date"], day["last_processed_msg_id"], day["messages"], day["part"])
        for day in progress(store)["days"]
    ]


async def test_commands_under_way_are_listed(disk_store, make, command):
    """From their beginning to their end, the oldest first."""
    async with disk_store.open() as archive:
        await archive.command_begins(evolve(command, command_id="c-2"), make.later)
        await archive.command_begins(command, make.later - timedelta(1))
        both = progress(disk_store)["commands"]
        await archive.command_ends("c-2")
        await archive.command_ends("c-1")

    assert ["c-1", "c-2"] == [entry["command_id"] for entry in both]
    assert {
        "command_id": "c-1",
        "chat": "@ru_python",
        "mode": "date",
        "params": {"date": "2025-11-07"},
        "started_at": "2025-11-08T00:00:00Z",
        "saved": 0,
    } == both[0]
    assert EMPTY == progress(disk_store)


async def test_a_day_is_listed_until_it_is_sealed(disk_store, make):
    """With how far it has come, as of its opening, its closing and a sealing that leaves it open."""
    seen = []
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        seen.append(days(disk_store))
        await make.write(writer, 1, 2)
    seen.append(days(disk_store))
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.seal(writer, complete=False)
        seen.append(days(disk_store))
    seen.append(days(disk_store))
    async with disk_store.shelf() as shelf:
        await make.seal(await shelf.open_day(make.day))
        seen.append(days(disk_store))

    assert [
        [("2025-11-07", None, 0, None)],
        [("2025-11-07", 2, 2, PART)],
        [("2025-11-07", 2, 2, None)],
        [("2025-11-07", 2, 2, None)],
        [],
    ] == seen


async def test_an_open_day_without_messages_is_listed_too(disk_store, make):
    """It is not over yet, whatever it holds, and stays open when it is looked at again."""
    seen = []
    for _ in range(2):
        async with disk_store.shelf() as shelf:
            writer = await shelf.open_day(make.day)
            if not seen:
                await make.seal(writer, complete=False)
        seen.append(days(disk_store))

    assert [[("2025-11-07", None, 0, None)]] * 2 == seen


async def test_a_day_that_was_only_looked_at_is_not_open_work(disk_store, make):
    """Nor is a sealed one that was opened and left as it is."""
    async with disk_store.shelf() as shelf:
        await shelf.open_day(make.day)
    async with disk_store.shelf() as shelf:
        await make.fetch(shelf, 1)
        await shelf.open_day(make.day)

    assert EMPTY == progress(disk_store)


async def test_a_long_day_is_noted_every_few_seconds(disk_store, make, mock_clock):
    """Not with every page."""
    counts = []
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        for message_id in range(1, 9):
            mock_clock.jump(2)
            await make.write(writer, message_id)
            counts.append(days(disk_store)[0][2])

    assert [0, 0, 3, 3, 3, 6, 6, 6] == counts


def _part_with(store, make, *ids: int) -> None:
    """Do as a worker that is killed before it notes anything."""
    lines = [b'{"message":%b}\n' % to_json(message) for message in make.messages(*ids)]
    with (store.root / PART).open("ab") as part:
        part.writelines(lines)


async def test_what_a_killed_worker_had_no_time_to_note_is_counted(disk_store, make, command):
    """For the command that saved it, whoever opens the day next; what is thrown away counts no more."""
    told = []
    async with disk_store.open() as archive:
        told.append((await archive.command_begins(command, make.later)).saved)
        async with archive.open_chat(make.chat, command_id="c-1") as shelf:
            await make.write(await shelf.open_day(make.day), 1, 2)
    _part_with(disk_store, make, 3, 4, 5)
    async with disk_store.open() as archive:
        other = await archive.command_begins(evolve(command, command_id="c-2"), make.later)
        async with archive.open_chat(make.chat, command_id="c-2") as shelf:
            writer = await shelf.open_day(make.day)
            told += [other.saved, writer.saved, await make.write(writer, 5, 6), writer.saved]
    _part_with(disk_store, make, 7)
    async with disk_store.open() as archive:
        for command_id in ("c-1", "c-2"):
            again = evolve(command, command_id=command_id)
            told.append((await archive.command_begins(again, make.later)).saved)
        async with archive.open_chat(make.chat, command_id="c-2") as shelf:
            told.append((await shelf.open_day(make.day)).saved)
            told.append((await shelf.open_day(make.day, afresh=True)).saved)
        told.append((await archive.command_begins(again, make.later)).saved)
    validator("progress").validate(progress(disk_store))

    assert [0, 0, 0, 1, 1, 5, 1, 1, -7, 0] == told


async def test_a_day_that_was_sealed_in_the_moment_of_a_death_counts_too(disk_store, make, command):
    """Also where nobody starts anew, but another worker goes on."""
    async with disk_store.open() as archive:
        await archive.command_begins(command, make.later)
        async with archive.open_chat(make.chat, command_id="c-1") as shelf:
            writer = await shelf.open_day(make.day)
            await make.write(writer, 1, 2)
            stale = disk_store.read("progress.json")
            await make.seal(writer)
        sealed = disk_store.read("progress.json")
        (disk_store.root / "progress.json").write_bytes(stale)
        begun = await archive.command_begins(command, make.later)
    found = [(len(days(disk_store)), begun.saved)]
    (disk_store.root / "progress.json").write_bytes(stale)
    async with disk_store.open() as archive:
        found.append((len(days(disk_store)), json.loads(sealed)["commands"][0]["saved"]))

    assert [(0, 2), (0, 2)] == found
    assert 2 == progress(disk_store)["commands"][0]["saved"]


async def test_a_command_that_comes_again_after_its_end_begins_at_nothing(
    disk_store, make, command
):
    """Whatever it left open."""
    counts = []
    for ids in ((1, 2), (3,)):
        async with disk_store.open() as archive:
            counts.append((await archive.command_begins(command, make.later)).saved)
            async with archive.open_chat(make.chat, command_id="c-1") as shelf:
                writer = await shelf.open_day(make.day, afresh=True)
                counts += [writer.saved, await make.write(writer, *ids)]
            counts.append((await archive.command_begins(command, make.later)).saved)
            await archive.command_ends("c-1")

    assert [0, 0, 2, 2, 0, 0, 1, 1] == counts


async def test_processes_leave_each_others_entries_alone(disk_store, make, command):
    """Two that share the folder show up in one file."""
    async with disk_store.open() as one, disk_store.open() as two:
        await one.command_begins(command, make.later)
        await two.command_begins(evolve(command, command_id="c-2"), make.later)
        await one.command_ends("c-1")

    assert ["c-2"] == [entry["command_id"] for entry in progress(disk_store)["commands"]]


async def test_a_stopped_holder_of_the_lock_stops_nobody(disk_store, make, command, mock_clock):
    """The change is warned of, and made with the next one."""
    mock_clock.rate = 100
    async with disk_store.open() as archive:
        with (disk_store.root / ".progress.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with capture_logs() as logs:
                await archive.command_begins(command, make.later)
            before = progress(disk_store)["commands"]
        await archive.command_begins(evolve(command, command_id="c-2"), make.later)

    assert ["archive.progress_busy"] == [line["event"] for line in logs]
    assert [] == before
    assert ["c-1", "c-2"] == [entry["command_id"] for entry in progress(disk_store)["commands"]]


@pytest.mark.parametrize("damage", ["", "{", '{"days": 7}', "null"])
async def test_a_damaged_file_is_made_anew(disk_store, make, command, damage):
    """From what this process has open and the part files that lie around."""
    tomorrow = make.day + timedelta(1)
    async with disk_store.open() as archive:
        async with archive.open_chat(make.chat) as shelf:
            await make.write(await shelf.open_day(make.day), 1, 2)
        await archive.command_begins(command, make.later)
        (disk_store.root / "progress.json").write_text(damage)
        with capture_logs() as logs:
            async with archive.open_chat(make.chat) as shelf:
                await shelf.open_day(tomorrow)
                found = progress(disk_store)

    assert {"archive.progress_damaged"} == {log["event"] for log in logs}
    assert ["c-1"] == [entry["command_id"] for entry in found["commands"]]
    assert [("2025-11-07", 2), ("2025-11-08", 0)] == [
        (day["date"], day["messages"]) for day in found["days"]
    ]


async def test_parts_of_dead_processes_are_found_again(disk_store, make):
    """Whatever the chat is called; what only looks like a part is not one."""
    nameless = evolve(make.chat, id=-1000000000009, username=None)
    for chat in (make.chat, nameless):
        async with disk_store.shelf(chat) as shelf:
            await make.write(await shelf.open_day(make.day), 1)
    (disk_store.root / "ru_python/chat.json").unlink()
    for stranger in (
        "Other/2025/.discussions_2025-11-07.part.jsonl",
        "ru_python/2024/.discussions_2025-11-07.part.jsonl",
        "ru_python/2025/.discussions_2025-99-99.part.jsonl",
        "ru_python/2025/.discussions_soon.part.jsonl",
    ):
        (disk_store.root / stranger).parent.mkdir(parents=True, exist_ok=True)
        (disk_store.root / stranger).write_text("")
    (disk_store.root / "progress.json").write_text("?")
    with capture_logs():
        async with disk_store.open():
            found = progress(disk_store)

    assert ["-1000000000009", "@ru_python"] == [day["chat"] for day in found["days"]]


async def test_what_was_sealed_before_a_death_is_no_open_work(disk_store, make):
    """A process that died between sealing and saying so is corrected at the next start."""
    async with disk_store.shelf() as shelf:
        await make.write(await shelf.open_day(make.day), 1)
    stale = disk_store.read("progress.json")
    async with disk_store.shelf() as shelf:
        await make.fetch(shelf, 2)
    entry = json.loads(stale)["days"][0]
    others = [entry | {"date": "2025-11-08"}, entry | {"chat": "-5"}, entry | {"chat": "?"}]
    (disk_store.root / "progress.json").write_text(
        json.dumps(json.loads(stale) | {"days": [entry, *others]})
    )
    async with disk_store.open():
        pass

    assert [("-5", "2025-11-07"), ("?", "2025-11-07"), ("@ru_python", "2025-11-08")] == [
        (day["chat"], day["date"]) for day in progress(disk_store)["days"]
    ]
