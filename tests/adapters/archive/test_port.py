"""What both archives promise, on disk and in memory."""

from __future__ import annotations

import hashlib
import json
from datetime import date, timedelta

import pytest
from attrs import evolve

from tgworker.core.model import Chat, ChatRef, ChatType, FetchCommand, Mode
from tgworker.errors import ChatBusyError, ChatIdentityChangedError, StorageError

PATH = "ru_python/2025/discussions_2025-11-07.json"


async def test_a_sealed_day_is_an_artifact_with_a_row_that_fits_it(store, make):
    """The artifact holds the messages in order, the row its figures."""
    async with store.shelf() as shelf:
        row = await make.fetch(shelf, 10, 11, 12)
        path = shelf.path(row)
    data = store.read(path)
    artifact = json.loads(data)

    assert PATH == path
    assert [10, 11, 12] == [message["id"] for message in artifact["messages"]]
    assert (3, 10, 12, True) == (
        artifact["message_count"],
        artifact["first_id"],
        artifact["last_processed_msg_id"],
        artifact["complete"],
    )
    assert (len(data), hashlib.sha256(data).hexdigest()) == (row.bytes, row.sha256)
    assert (make.day, 3, 10, 12, True, make.later) == (
        row.date,
        row.messages,
        row.first_id,
        row.last_processed_msg_id,
        row.complete,
        row.fetched_at,
    )


async def test_an_artifact_names_threads_and_participants(store, make):
    """Reply chains and writers are worked out when the day is sealed."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        page = [make.message(1), make.message(2, reply_to=1), make.message(7, reply_to=900 - 899)]
        await writer.append(page, make.people)
        row = await make.seal(writer)
    artifact = json.loads(store.read(shelf.path(row)))

    assert [
        {"root_id": 1, "message_ids": [1, 2, 7], "participants": [1, 2, 99], "root_in_day": True}
    ] == artifact["threads"]
    assert [
        {"id": 1, "username": "user_1", "name": "Имя 1", "bot": False, "messages": 1},
        {"id": 2, "username": None, "name": "Имя 2", "bot": False, "messages": 1},
        {"id": 99, "username": None, "name": None, "bot": False, "messages": 1},
    ] == artifact["participants"]


async def test_an_empty_day_is_an_artifact_too(store, make):
    """A day without messages is sealed like any other."""
    async with store.shelf() as shelf:
        row = await make.seal(await shelf.open_day(make.day))
        rows = await shelf.rows(make.day, make.day)
    artifact = json.loads(store.read(shelf.path(row)))

    assert (0, None, None) == (row.messages, row.first_id, row.last_processed_msg_id)
    assert ([], [], []) == (
        artifact["messages"],
        artifact["threads"],
        artifact["participants"],
    )
    assert {make.day: row} == rows


async def test_messages_seen_again_are_dropped_and_counted(store, make):
    """A repeated page adds nothing."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        first = await make.write(writer, 1, 2, 3)
        again = await make.write(writer, 2, 3, 4, 4)

        assert (3, 1, 4, 3) == (first, again, writer.saved, writer.deduplicated)
        assert 4 == writer.last_id
        assert 4 == (await make.seal(writer)).messages


async def test_a_day_goes_on_where_it_was_left(store, make):
    """What was appended is held by the next opening; only what it adds counts as saved."""
    async with store.shelf() as shelf:
        await make.write(await shelf.open_day(make.day), 1, 2)
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        before = writer.last_id
        await make.write(writer, 2, 3)

        assert (2, 1, 1) == (before, writer.saved, writer.deduplicated)
        assert 3 == (await make.seal(writer)).messages


async def test_nothing_is_held_of_a_day_that_was_never_opened(store, make):
    """Reading starts at the day's beginning."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)

        assert (make.day, None, 0, 0) == (
            writer.day,
            writer.last_id,
            writer.saved,
            writer.deduplicated,
        )


async def test_an_open_day_is_topped_up(store, make):
    """A day sealed incomplete goes on after its last message."""
    async with store.shelf() as shelf:
        await make.fetch(shelf, 1, 2, complete=False)
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        before = writer.last_id
        new = await make.write(writer, 3, 4)
        row = await make.seal(writer)

    assert (2, 2, 4) == (before, new, row.messages)


async def test_a_message_that_turns_up_late_is_not_lost(store, make):
    """An id below the last one, which nobody holds, is taken, whether artifact or part goes beyond it."""
    async with store.shelf() as shelf:
        await make.fetch(shelf, 1, 5, complete=False)
        writer = await shelf.open_day(make.day)
        new = [await make.write(writer, *ids) for ids in [(3,), (9,), (7,)]]
        row = await make.seal(writer)
    artifact = json.loads(store.read(shelf.path(row)))

    assert [1, 1, 1] == new
    assert [1, 3, 5, 7, 9] == [message["id"] for message in artifact["messages"]]


async def test_a_day_read_afresh_takes_the_new_forms_and_keeps_the_rest(store, make):
    """A forced fetch starts at the beginning; what Telegram does not give any more stays."""
    async with store.shelf() as shelf:
        await make.fetch(shelf, 1, 2, 3)
        writer = await shelf.open_day(make.day, afresh=True)
        before = writer.last_id
        edited = [make.message(1, "new one"), make.message(3, "new three"), make.message(4)]
        new = await writer.append(edited, make.people)
        row = await make.seal(writer)
    artifact = json.loads(store.read(shelf.path(row)))

    assert (None, 1, 1, 2) == (before, new, writer.saved, writer.deduplicated)
    texts = [message["text"] for message in artifact["messages"]]
    assert ["new one", make.message(2).text, "new three", make.message(4).text] == texts


async def test_afresh_throws_the_part_away(store, make):
    """What was read before a forced fetch began is read again."""
    async with store.shelf() as shelf:
        await make.write(await shelf.open_day(make.day), 1, 2)
        writer = await shelf.open_day(make.day, afresh=True)
        before = writer.last_id
        new = await make.write(writer, 1)

        assert (None, 1) == (before, new)
        assert 1 == (await make.seal(writer)).messages


async def test_a_writer_goes_on_after_sealing(store, make):
    """Sealing does not end a writer; sealing twice changes nothing."""
    async with store.shelf() as shelf:
        writer = await shelf.open_day(make.day)
        await make.write(writer, 1)
        await make.seal(writer, complete=False)
        new = await make.write(writer, 1, 2)
        row = await make.seal(writer)
        again = await make.seal(writer)

        assert (1, 2, 2, 1) == (new, row.messages, writer.saved, writer.deduplicated)
        assert (row, 2) == (again, writer.last_id)


async def test_only_complete_days_are_sealed(store, make):
    """A day that is open does not count as sealed, though it has a row."""
    async with store.open() as archive:
        async with archive.open_chat(make.chat) as shelf:
            for distance, complete in ((0, True), (1, False), (400, True)):
                writer = await shelf.open_day(make.day + timedelta(distance))
                await make.seal(writer, complete=complete)
            rows = await shelf.rows(make.day, make.day + timedelta(1))
        ref = ChatRef(username="ru_python")
        month = await archive.sealed(ref, make.day, make.day + timedelta(30))
        ever = await archive.sealed(ref, date(2013, 1, 1), date(2040, 1, 1))

    assert [make.day, make.day + timedelta(1)] == sorted(rows)
    assert {make.day} == month
    assert {make.day, make.day + timedelta(400)} == ever


async def test_sealed_days_are_found_by_any_name_and_by_id(store, make):
    """A renamed chat keeps its folder, and is found by what it was called."""
    renamed = evolve(make.chat, username="py_talk", usernames=("Py_Talk2",))
    async with store.open() as archive:
        async with archive.open_chat(make.chat) as shelf:
            await make.fetch(shelf, 1)
        async with archive.open_chat(renamed) as shelf:
            writer = await shelf.open_day(make.day + timedelta(1))
            path = shelf.path(await make.seal(writer))
        found = [
            len(await archive.sealed(ref, make.day, make.day + timedelta(9)))
            for ref in [
                ChatRef(username="ru_python"),
                ChatRef(username="py_talk"),
                ChatRef(username="py_talk2"),
                ChatRef(id=make.chat.id),
                ChatRef(username="somebody"),
                ChatRef(id=5),
            ]
        ]

    assert "ru_python/2025/discussions_2025-11-08.json" == path
    assert [2, 2, 2, 2, 0, 0] == found


@pytest.mark.parametrize(
    ("chat", "folder"),
    [
        (Chat(-1001234567890, ChatType.CHANNEL, "C"), "channel.1234567890"),
        (Chat(-1001234567890, ChatType.FORUM, "C"), "channel.1234567890"),
        (Chat(-55, ChatType.GROUP, "G"), "group.55"),
        (Chat(55, ChatType.USER, "U"), "user.55"),
        (Chat(55, ChatType.USER, "U", username="Somebody"), "somebody"),
    ],
)
async def test_a_folder_is_called_after_the_name_or_the_id(store, make, chat, folder):
    """Names in lower case; without one the bare id."""
    async with store.shelf(chat) as shelf:
        row = await make.fetch(shelf, 1)

        assert f"{folder}/2025/discussions_2025-11-07.json" == shelf.path(row)
        assert chat == shelf.chat


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".", "..", "a\0b", "имя", "a" * 65, "a.b"])
async def test_no_name_leads_out_of_the_data_folder(store, make, name):
    """A name that is no folder's name is refused, whoever let it through."""
    async with store.open() as archive:
        with pytest.raises(StorageError, match="folder"):
            async with archive.open_chat(evolve(make.chat, username=name)):
                raise AssertionError("it was opened")


async def test_one_writer_at_a_time(store, make):
    """A second task is told that the chat is busy; afterwards it is free, even if the first one failed."""
    async with store.open() as archive:
        with pytest.raises(ZeroDivisionError):
            async with archive.open_chat(make.chat):
                with pytest.raises(ChatBusyError, match="@ru_python"):
                    async with archive.open_chat(make.chat):
                        raise AssertionError("it was opened")
                raise ZeroDivisionError
        async with archive.open_chat(make.chat) as shelf:
            assert make.chat == shelf.chat


async def test_two_chats_never_share_a_folder(store, make):
    """A name that leads to another chat than before fails, and touches nothing."""
    other = evolve(make.chat, id=-1000000000008)
    async with store.open() as archive:
        async with archive.open_chat(make.chat) as shelf:
            await make.fetch(shelf, 1)
        before = store.read(PATH)
        with pytest.raises(ChatIdentityChangedError, match="-1000000000007"):
            async with archive.open_chat(other):
                raise AssertionError("it was opened")

    assert before == store.read(PATH)


async def test_the_twin_can_be_broken(twins, make):
    """As a full disk would, for tests of those who use it."""
    store = twins()
    async with store.shelf() as shelf:
        store.archive.broken = StorageError("The disk is full.")
        with pytest.raises(StorageError, match="full"):
            await shelf.open_day(make.day)


async def test_a_name_taken_over_by_a_chat_with_a_folder_fails_too(store, make):
    """The label would be that of the other chat's folder."""
    other = Chat(-1000000000008, ChatType.SUPERGROUP, "Other")
    async with store.open() as archive:
        async with archive.open_chat(make.chat), archive.open_chat(other):
            pass
        with pytest.raises(ChatIdentityChangedError):
            async with archive.open_chat(evolve(other, username="ru_python")):
                raise AssertionError("it was opened")


async def test_commands_begin_and_end_as_often_as_one_likes(store, make):
    """Both are idempotent."""
    command = FetchCommand(
        ChatRef(username="ru_python"), Mode.DATE, make.day, make.day, command_id="c-1"
    )
    async with store.open() as archive:
        await archive.command_begins(command, make.later)
        await archive.command_begins(command, make.later)
        await archive.command_begins(evolve(command, command_id=None), make.later)
        await archive.command_ends("c-1")
        await archive.command_ends("c-1")
        await archive.command_ends("never begun")


async def test_what_a_command_saved_is_known_to_its_next_delivery(store, make):
    """In all its days, sealed or not; not what it met again, nor what is thrown away to be read again."""
    command = FetchCommand(
        ChatRef(username="ru_python"), Mode.DATE, make.day, make.day, command_id="c-1"
    )
    saved = []
    async with store.open() as archive:
        for ids, complete in (((1, 2), False), ((2, 3), False), ((3, 4), True), ((5,), None)):
            saved.append((await archive.command_begins(command, make.later)).saved)
            async with archive.open_chat(make.chat, command_id="c-1") as shelf:
                writer = await shelf.open_day(make.day)
                assert 0 == writer.saved
                await make.write(writer, *ids)
                if complete is not None:
                    await make.seal(writer, complete=complete)
        saved.append((await archive.command_begins(command, make.later)).saved)
        async with archive.open_chat(make.chat, command_id="c-1") as shelf:
            writer = await shelf.open_day(make.day, afresh=True)
            saved.append(writer.saved)
            await make.write(writer, 4, 5)
            saved.append(writer.saved)
        saved.append((await archive.command_begins(command, make.later)).saved)
        other = evolve(command, command_id="c-2")
        assert 0 == (await archive.command_begins(other, make.later)).saved

    assert [0, 2, 3, 4, 5, -1, 0, 5] == saved


async def test_open_work_of_all_processes_can_be_asked_for_and_taken_out_at_once(store, make):
    """Whoever entered it."""
    command = FetchCommand(ChatRef(username="ru_python"), Mode.DATE, make.day, make.day)
    async with store.open() as archive:
        nothing = await archive.commands_under_way()
        for command_id in ("c-1", "c-2", "c-3"):
            await archive.command_begins(evolve(command, command_id=command_id), make.later)
    async with store.open() as archive:
        all_of_them = await archive.commands_under_way()
        await archive.command_ends("c-1", "c-3", "never begun")
        one = await archive.commands_under_way()

    assert (set(), {"c-1", "c-2", "c-3"}, {"c-2"}) == (nothing, all_of_them, one)
