"""Whose folder is whose, on the disk."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from attrs import evolve

from tests.logs import capture_logs
from tgworker.core.model import Chat, ChatRef, ChatType, Migration
from tgworker.errors import ChatIdentityChangedError, StorageError


def chat_file(store) -> dict[str, object]:
    return json.loads(store.read("ru_python/chat.json"))


async def opened(store, chat) -> None:
    async with store.shelf(chat):
        pass


async def test_chat_json_says_whose_folder_it_is(disk_store, make):
    """With every name the chat has and had, and when it was seen so."""
    first = evolve(make.chat, usernames=("ru_python", "Py"))
    second = evolve(make.chat, username="py_talk", title="Talk")
    for day, chat in [(7, first), (8, first), (8, second), (10, evolve(make.chat, username="py"))]:
        async with disk_store.open(clock=lambda day=day: datetime(2025, 11, day, tzinfo=UTC)) as it:
            async with it.open_chat(chat):
                pass

    assert {
        "schema_version": "1.0.0",
        "id": make.chat.id,
        "username": "py",
        "usernames": [],
        "title": "Python",
        "type": "supergroup",
        "former_usernames": ["py_talk", "ru_python"],
        "history": [
            {
                "username": "ru_python",
                "usernames": ["ru_python", "py"],
                "title": "Python",
                "first_seen": "2025-11-07",
                "last_seen": "2025-11-08",
            },
            {
                "username": "py_talk",
                "usernames": [],
                "title": "Talk",
                "first_seen": "2025-11-08",
                "last_seen": "2025-11-08",
            },
            {
                "username": "py",
                "usernames": [],
                "title": "Python",
                "first_seen": "2025-11-10",
                "last_seen": "2025-11-10",
            },
        ],
        "migrated_from": None,
        "migrated_to": None,
        "migrated_at": None,
    } == chat_file(disk_store)
    assert ["ru_python"] == [path.name for path in disk_store.root.iterdir() if path.is_dir()]


async def test_chat_json_is_not_written_without_need(disk_store, make):
    """A chat that has not changed costs no write."""
    await opened(disk_store, make.chat)
    before = (disk_store.root / "ru_python/chat.json").stat().st_ino
    await opened(disk_store, make.chat)

    assert before == (disk_store.root / "ru_python/chat.json").stat().st_ino


async def test_a_chat_file_without_a_history_gets_one(disk_store, make):
    """One that was written before there were any: what it says is the oldest that is known."""
    await opened(disk_store, make.chat)
    older = chat_file(disk_store)
    del older["history"], older["migrated_from"], older["migrated_to"], older["migrated_at"]
    (disk_store.root / "ru_python/chat.json").write_text(json.dumps(older))

    await opened(disk_store, evolve(make.chat, title="Talk"))

    assert ["Python", "Talk"] == [seen["title"] for seen in chat_file(disk_store)["history"]]


async def test_a_migration_is_found_from_either_side(store, make):
    """Whichever folder names it, and it stays when the chat is renamed."""
    at = datetime(2025, 11, 5, 10, tzinfo=UTC)
    migration = Migration(group=-5, supergroup=make.chat.id, at=at)
    async with store.open() as archive:
        before = await archive.migration(ChatRef(id=-5))
        async with archive.open_chat(make.chat) as shelf:
            await shelf.note_migration(migration)
        by_other = await archive.migration(ChatRef(id=-5))
        async with archive.open_chat(Chat(-5, ChatType.GROUP, "Python")) as shelf:
            await shelf.note_migration(migration)
        async with archive.open_chat(evolve(make.chat, username="py_talk")):
            pass
        by_itself = [await archive.migration(ChatRef(name)) for name in ("py_talk", "ru_python")]
        by_group = await archive.migration(ChatRef(id=-5))
        nothing = await archive.migration(ChatRef("somebody"))

    assert (None, migration, [migration] * 2, migration, None) == (
        before,
        by_other,
        by_itself,
        by_group,
        nothing,
    )


async def test_chat_json_of_both_name_each_other(disk_store, make):
    """The group by what it became, the supergroup by what it was."""
    migration = Migration(-5, make.chat.id, datetime(2025, 11, 5, 10, tzinfo=UTC))
    group = Chat(-5, ChatType.GROUP, "Python")
    for chat in (make.chat, group):
        async with disk_store.shelf(chat) as shelf:
            await shelf.note_migration(migration)
    files = [chat_file(disk_store), json.loads(disk_store.read("group.5/chat.json"))]

    assert [(-5, None), (None, make.chat.id)] == [
        (file["migrated_from"], file["migrated_to"]) for file in files
    ]
    assert ["2025-11-05T10:00:00Z"] * 2 == [file["migrated_at"] for file in files]


async def test_a_chat_that_gets_a_name_keeps_its_folder(disk_store, make):
    """The folder by id stays, and is found by the new name."""
    nameless = Chat(-1000000000007, ChatType.CHANNEL, "Python")
    await opened(disk_store, nameless)
    async with disk_store.shelf(make.chat) as shelf:
        path = shelf.path(await make.fetch(shelf, 1))
    async with disk_store.open() as archive:
        sealed = await archive.sealed(ChatRef("ru_python"), make.day, make.day)

    assert "channel.7/2025/discussions_2025-11-07.json" == path
    assert {make.day} == sealed


async def test_a_folder_made_by_another_process_is_found(disk_store, make):
    """What was read of the folders is read again when it has changed."""
    ref = ChatRef(username="py_talk")
    async with disk_store.open() as archive:
        before = await archive.sealed(ref, make.day, make.day)
        async with disk_store.shelf() as shelf:
            await make.fetch(shelf, 1)
        between = await archive.sealed(ref, make.day, make.day)
        await opened(disk_store, evolve(make.chat, username="py_talk"))
        after = await archive.sealed(ref, make.day, make.day)

    assert [set(), set(), {make.day}] == [before, between, after]


async def test_a_name_that_leads_to_two_folders_leads_to_none(disk_store, make):
    """Then Telegram has to be asked."""
    async with disk_store.shelf() as shelf:
        await make.fetch(shelf, 1)
    await opened(disk_store, Chat(5, ChatType.USER, "U"))
    described = chat_file(disk_store) | {
        "id": 5,
        "username": "somebody",
        "usernames": ["ru_python"],
    }
    (disk_store.root / "user.5/chat.json").write_text(json.dumps(described))
    async with disk_store.open() as archive:
        sealed = await archive.sealed(ChatRef("ru_python"), make.day, make.day)

    assert set() == sealed


@pytest.mark.parametrize("damage", [None, "", "{}", '{"id": "x"}'])
async def test_without_chat_json_the_index_knows_the_owner(disk_store, make, damage):
    """A lost or damaged ``chat.json`` gives the folder to nobody else, and is made anew for its owner."""
    async with disk_store.shelf() as shelf:
        await make.fetch(shelf, 1)
    path = disk_store.root / "ru_python/chat.json"
    path.unlink()
    if damage is not None:
        path.write_text(damage)
    with capture_logs() as logs:
        with pytest.raises(ChatIdentityChangedError):
            await opened(disk_store, evolve(make.chat, id=-1000000000008))
        await opened(disk_store, make.chat)

    assert make.chat.id == chat_file(disk_store)["id"]
    assert {"archive.chat_file_damaged"} >= {line["event"] for line in logs}


async def test_an_empty_folder_is_taken(disk_store, make):
    """A crash between making a folder and describing it, or an unreadable index, leaves it to who comes."""
    (disk_store.root / "ru_python/2025").mkdir(parents=True)
    (disk_store.root / "ru_python/2025/index.json").write_text("?")
    with capture_logs():
        await opened(disk_store, make.chat)

    assert make.chat.id == chat_file(disk_store)["id"]


@pytest.mark.parametrize("link", ["ru_python", "ru_python/2025", "ru_python/.lock"])
async def test_links_do_not_lead_out_of_the_data_folder(disk_store, make, tmp_path, link):
    """A link in the place of a folder or of the lock is refused, and nothing is written behind it."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    path = disk_store.root / link
    path.parent.mkdir(parents=True)
    path.symlink_to(elsewhere if "." not in link else elsewhere / "lock")

    with pytest.raises(StorageError):
        async with disk_store.shelf() as shelf:
            await make.fetch(shelf, 1)
    assert [] == list(elsewhere.iterdir())


async def test_the_data_folder_itself_may_be_a_link(tmp_path, make, stores):
    """Where the data lies is the operator's choice."""
    (tmp_path / "disk2").mkdir()
    (tmp_path / "data").symlink_to("disk2")
    async with stores(tmp_path / "data").shelf() as shelf:
        await make.fetch(shelf, 1)

    assert (tmp_path / "disk2/ru_python/chat.json").exists()
