"""Artifacts that are there already: of another format, another layout, damaged, or taken away."""

from __future__ import annotations

import json
import os

import pytest

from tests.logs import capture_logs
from tgworker.core.model import ArtifactFormat, ChatRef
from tgworker.errors import StorageError

JSON, JSONL = ArtifactFormat.JSON, ArtifactFormat.JSONL
FOLDER = "ru_python/2025"
NAME = f"{FOLDER}/discussions_2025-11-07"


def names(store) -> list[str]:
    return sorted(path.name for path in (store.root / FOLDER).iterdir())


async def fetched(store, make, *ids, complete=True) -> bytes:
    """The bytes of a day that was read on from where it stood."""
    async with store.shelf() as shelf:
        row = await make.fetch(shelf, *ids, complete=complete)
        return store.read(shelf.path(row))


@pytest.mark.parametrize(("before", "after"), [(JSON, JSONL), (JSONL, JSON)])
async def test_a_change_of_format_leaves_one_artifact(disk_store, make, before, after):
    """The old one is merged and then removed; the row says which it is."""
    disk_store.form = before
    await fetched(disk_store, make, 1, 2, complete=False)
    disk_store.form = after
    await fetched(disk_store, make, 2, 3)
    async with disk_store.shelf() as shelf:
        row = (await shelf.rows(make.day, make.day))[make.day]

    assert [f"discussions_2025-11-07.{after}", "index.json"] == names(disk_store)
    assert (after, 3, f"{NAME}.{after}") == (row.format, row.messages, shelf.path(row))


async def test_a_sealed_day_keeps_its_format(disk_store, make):
    """It is found where its row says, whatever the setting is today."""
    await fetched(disk_store, make, 1)
    disk_store.form = JSONL
    async with disk_store.open() as archive, archive.open_chat(make.chat) as shelf:
        row = (await shelf.rows(make.day, make.day))[make.day]
        sealed = await archive.sealed(ChatRef("ru_python"), make.day, make.day)

    assert (f"{NAME}.json", {make.day}) == (shelf.path(row), sealed)


async def test_going_on_from_jsonl_with_json_meets_everybody_again(disk_store, make):
    """JSONL names nobody, so the day is read from its start."""
    disk_store.form = JSONL
    await fetched(disk_store, make, 1, 2, complete=False)
    disk_store.form = JSON
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        last_id = writer.last_id
        new = await make.write(writer, 1, 2, 3)
        row = await make.seal(writer)
    artifact = json.loads(disk_store.read(shelf.path(row)))

    assert (None, 1, 2) == (last_id, new, writer.deduplicated)
    assert [1, 2, 3] == [person["id"] for person in artifact["participants"]]
    assert None not in [person["name"] for person in artifact["participants"]]


@pytest.mark.parametrize("newer", [JSON, JSONL])
async def test_of_two_artifacts_the_newer_wins(disk_store, make, newer):
    """A crash between a change of format and the removal leaves both."""
    older = JSONL if newer is JSON else JSON
    for form, text in ((older, "old"), (newer, "new")):
        disk_store.form = form
        async with disk_store.shelf() as shelf:
            writer = await shelf.open_day(make.day, afresh=True)
            await writer.append([make.message(1, text)], make.people)
            await make.seal(writer, complete=False)
        path = disk_store.root / f"{NAME}.{form}"
        path.rename(path.with_suffix(".kept"))
        disk_store.root.joinpath(f"{NAME}.kept").rename(disk_store.root / f"kept.{form}")
    for age, form in enumerate((newer, older)):
        path = disk_store.root / f"{NAME}.{form}"
        os.rename(disk_store.root / f"kept.{form}", path)
        os.utime(path, ns=(0, 10**18 - age))
    disk_store.form = JSON

    artifact = json.loads(await fetched(disk_store, make, complete=True))

    assert ["new"] == [message["text"] for message in artifact["messages"]]
    assert ["discussions_2025-11-07.json", "index.json"] == names(disk_store)


@pytest.mark.parametrize("form", list(ArtifactFormat))
async def test_a_layout_of_somebody_else_is_understood(disk_store, make, form):
    """Spread out, turned around, with keys of their own: topped up it is ours again, to the byte."""
    disk_store.form = form
    await fetched(disk_store, make, 1, 2, 3, complete=False)
    path = disk_store.root / f"{NAME}.{form}"
    if form is JSON:
        artifact = json.loads(path.read_bytes())
        artifact["messages"].reverse()
        artifact["checked"] = True
        path.write_text(json.dumps(artifact, indent=2))
    else:
        lines = [json.dumps(json.loads(line)) for line in path.read_bytes().splitlines()]
        path.write_text("\n".join(reversed(lines)))

    data = await fetched(disk_store, make, 4)

    path.unlink()
    assert data == await fetched(disk_store, make, 1, 2, 3, 4)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"\0" * 100, b'{"messages":[{"id":1}]}', b"[]", b"\xff"]
)
async def test_a_damaged_artifact_is_set_aside_and_read_again(disk_store, make, damage):
    """Nothing of it is lost, and nothing of it is believed."""
    whole = await fetched(disk_store, make, 1, 2)
    path = disk_store.root / f"{NAME}.json"
    again = []
    for _ in range(2):
        path.write_bytes(damage)
        with capture_logs() as logs:
            async with disk_store.shelf() as shelf:
                again.append((await shelf.open_day(make.day)).last_id)
                await make.fetch(shelf, 1, 2)
        again.append([(line["log_level"], line["event"]) for line in logs])

    assert [None, [("warning", "archive.artifact_damaged")]] * 2 == again
    assert whole == path.read_bytes()
    assert damage == path.with_name(f"{path.name}.damaged").read_bytes()
    assert damage == path.with_name(f"{path.name}.damaged.damaged").read_bytes()


async def test_a_day_whose_artifact_was_taken_away_is_not_sealed(disk_store, make):
    """The row alone is no archive."""
    await fetched(disk_store, make, 1)
    (disk_store.root / f"{NAME}.json").unlink()
    async with disk_store.open() as archive, archive.open_chat(make.chat) as shelf:
        sealed = await archive.sealed(ChatRef("ru_python"), make.day, make.day)
        rows = await shelf.rows(make.day, make.day)

    assert (set(), {}) == (sealed, rows)


async def test_an_artifact_without_a_row_is_merged(disk_store, make):
    """A crash after the artifact and before its row: nothing is read twice, nothing is lost."""
    whole = await fetched(disk_store, make, 1, 2, 3)
    (disk_store.root / FOLDER / "index.json").unlink()
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        last_id = writer.last_id
        row = await make.seal(writer)
        rows = await shelf.rows(make.day, make.day)

    assert 3 == last_id
    assert whole == disk_store.read(f"{NAME}.json")
    assert {make.day: row} == rows


async def test_a_damaged_index_is_warned_of_and_made_anew(disk_store, make):
    """Who only looks sees no sealed days in it; who writes the chat finds them in the artifacts."""
    whole = await fetched(disk_store, make, 1)
    (disk_store.root / FOLDER / "index.json").write_text('{"days": 5}')
    with capture_logs() as logs:
        async with disk_store.open() as archive:
            sealed = await archive.sealed(ChatRef("ru_python"), make.day, make.day)
    again = await fetched(disk_store, make, 1)

    assert (set(), whole) == (sealed, again)
    assert ["archive.index_damaged"] == [line["event"] for line in logs]
    async with disk_store.open() as archive:
        assert {make.day} == await archive.sealed(ChatRef("ru_python"), make.day, make.day)


async def test_an_artifact_that_changes_while_it_is_sealed_is_a_storage_error(disk_store, make):
    """What stood there when the day was opened must still be readable; a later try starts from what is there."""
    whole = await fetched(disk_store, make, 1)
    path = disk_store.root / f"{NAME}.json"
    async with disk_store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        path.write_bytes(whole[:-9])
        with pytest.raises(StorageError, match="changed"):
            await make.seal(writer)
        path.write_bytes(whole)
        await make.seal(writer)

    assert whole == path.read_bytes()


async def test_files_of_others_are_left_alone(disk_store, make):
    """Notes, folders and hidden files anywhere in the data folder do no harm and come to none."""
    await fetched(disk_store, make, 1)
    strangers = [
        disk_store.root / name
        for name in (
            "README.md",
            "notes/2025/x.json",
            "Ru_Python/chat.json",
            "ru_python/2025/discussions_2025-11-07.csv",
            "ru_python/2025/.discussions_2025-99-99.part.jsonl",
            "ru_python/index.json",
            "lost+found/chat.json",
        )
    ]
    for stranger in strangers:
        stranger.parent.mkdir(parents=True, exist_ok=True)
        stranger.write_text("mine")
    await fetched(disk_store, make, 2)

    assert ["mine"] * len(strangers) == [stranger.read_text() for stranger in strangers]
