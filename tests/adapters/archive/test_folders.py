"""Whose folder is whose, on the disk."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from tgworker.core.model import Chat, ChatRef, ChatType
from tgworker.errors import ChatIdentityChangedError, StorageError


def chat_file(store) -> dict[str, object]:
    return json.loads(store.read("ru_python/chat.json"))


async def opened(store, chat) -> None:
    async with store.shelf(chat):
        pass


async def test_chat_json_says_whose_folder_it_is(disk_store, make):
    """With every name the chat has and had."""
    await opened(disk_store, evolve(make.chat, usernames=("ru_python", "Py")))
    await opened(disk_store, evolve(make.chat, username="py_talk", title="Talk"))
    await opened(disk_store, evolve(make.chat, username="py"))

    assert {
        "schema_version": "1.0.0",
        "id": make.chat.id,
        "username": "py",
        "usernames": [],
        "title": "Python",
        "type": "supergroup",
        "former_usernames": ["py_talk", "ru_python"],
    } == chat_file(disk_store)
    assert ["ru_python"] == [path.name for path in disk_store.root.iterdir() if path.is_dir()]


async def test_chat_json_is_not_written_without_need(disk_store, make):
    """A chat that has not changed costs no write."""
    await opened(disk_store, make.chat)
    before = (disk_store.root / "ru_python/chat.json").stat().st_ino
    await opened(disk_store, make.chat)

    assert before == (disk_store.root / "ru_python/chat.json").stat().st_ino


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
