"""Files: which chats they hold, what is wrong with them, and what is told of what they hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.simulator.exports.conftest import NOON, export_of, world_of
from tgworker.core.model import ChatType
from tgworker.simulator.exports import ExportError, ExportFile, Loaded, load_exports
from tgworker.simulator.world.spec import SpecError

Load = Callable[..., Loaded]
Write = Callable[..., str]
DAY = date(2025, 11, 7)


def test_an_export_of_one_chat_is_that_chat(load: Load) -> None:
    world = world_of(load(export_of({"text": "привет"}, {"text": "пока"})))

    (chat,) = world.chats
    assert (ChatType.SUPERGROUP, "Питон 🐍", None) == (chat.type, chat.title, chat.username)
    assert (-1001234567890, "-1001234567890") == (chat.marked_id, chat.label)
    assert [DAY] == world.days(chat.marked_id)
    assert ["привет", "пока"] == [each["text"] for each in world.truth(chat.marked_id, DAY)]


def test_a_chat_gets_the_username_that_is_named(load: Load) -> None:
    world = world_of(load(export_of({}), "@Ru_Python="))

    assert "@ru_python" == world.chat("ru_python").label == world.truth("ru_python", DAY)[0]["chat"]


def test_fields_may_come_in_any_order(write: Write) -> None:
    export = export_of({"text": "привет"})
    reordered = {"messages": export.pop("messages"), "about": {"a": [1]}, **export}

    loaded = load_exports([ExportFile.parse(write(reordered))])

    assert "Питон 🐍" == loaded.imports.chats[0].spec.title


def test_an_export_of_an_account_is_all_its_chats(load: Load) -> None:
    chats = [export_of({}, id=n, type=type) for n, type in enumerate(TYPES, 1)]
    left = [export_of({}, id=77, type="private_channel")]
    account = {"about": "…", "contacts": {"list": []}, "chats": {"about": "…", "list": chats}}

    world = world_of(load({**account, "left_chats": {"list": left}}))

    assert [*TYPES.values(), ChatType.CHANNEL] == [chat.type for chat in world.chats]


TYPES = {
    "private_group": ChatType.GROUP,
    "private_supergroup": ChatType.SUPERGROUP,
    "public_supergroup": ChatType.SUPERGROUP,
    "private_channel": ChatType.CHANNEL,
    "public_channel": ChatType.CHANNEL,
    "personal_chat": ChatType.GROUP,
    "bot_chat": ChatType.GROUP,
    "saved_messages": ChatType.GROUP,
    "replies": ChatType.GROUP,
    "verification_codes": ChatType.GROUP,
}


@pytest.mark.parametrize(
    ("type", "title"),
    [("personal_chat", "Deleted Account"), ("saved_messages", "Saved Messages")],
)
def test_a_chat_without_a_name_gets_that_which_telegram_shows(
    type: str, title: str, load: Load
) -> None:
    loaded = load(export_of(name=None, type=type))

    assert title == loaded.imports.chats[0].spec.title


def test_a_chat_without_messages_has_one_empty_day(load: Load) -> None:
    world = world_of(load(export_of()))

    (day,) = world.days(-1001234567890)
    assert [] == world.truth(-1001234567890, day)


def test_messages_are_put_in_order(load: Load) -> None:
    rows = [(5, 9), (2, 4), (2, 5), (3, 2), (9, 9)]
    messages = ({"id": id, "date_unixtime": str(NOON + at), "text": f"{id}"} for id, at in rows)

    loaded = load(export_of(*messages))

    truth = world_of(loaded).truth(-1001234567890, DAY)
    assert [("2", 4), ("3", 4), ("5", 9), ("9", 9)] == [
        (each["text"], int(each["date"][-3:-1])) for each in truth
    ]
    assert [
        "messages with the id of an earlier one, left out: 1",
        "messages dated before the one before them, given its date: 1",
    ] == [remark.partition(".json: ")[2] for remark in loaded.remarks]


def test_an_old_export_has_local_times_that_are_taken_for_utc(load: Load) -> None:
    old = {"date_unixtime": None, "date": "2020-01-02T03:04:05", "edited": "2020-01-02T03:05:00"}

    loaded = load(export_of(old, {**old, "edited": "1970-01-01T00:00:00"}))

    first, second = world_of(loaded).truth(-1001234567890, date(2020, 1, 2))
    assert ("2020-01-02T03:04:05Z", "2020-01-02T03:05:00Z") == (first["date"], first["edit_date"])
    assert None is second["edit_date"]
    assert "local times, taken for UTC: 4" in loaded.remarks[0]


def test_a_time_that_names_its_zone_is_that_time(load: Load) -> None:
    loaded = load(export_of({"date_unixtime": None, "date": "2025-11-07T15:00:00+03:00"}))

    (message,) = world_of(loaded).truth(-1001234567890, DAY)
    assert ("2025-11-07T12:00:00Z", ()) == (message["date"], loaded.remarks)


def test_what_can_not_be_served_is_left_out_and_counted(load: Load) -> None:
    loaded = load(
        export_of(
            {"date_unixtime": None, "date": "yesterday"},
            {"date_unixtime": "0"},
            {"id": -2000000000},
            {"id": None},
            {"id": 0},
            {"text": {"a": 1}, "sparkles": 1},
            {"type": "unsupported", "date_unixtime": None},
        )
    )

    truth = world_of(loaded).truth(-1001234567890, DAY)
    assert [(6, None), (7, {"type": "unsupported"})] == [(m["id"], m["media"]) for m in truth]
    assert truth[0]["date"] == truth[1]["date"]
    assert {
        "messages without an id, left out: 3",
        "field id of an unknown form, left out: 1",
        "messages without a date, left out: 2",
        "messages without a date, given that of the one before: 1",
        "field date of an unknown form, left out: 1",
        "field text of an unknown form, left out: 1",
        "field 'sparkles', not known: 1",
    } == {remark.partition(".json: ")[2] for remark in loaded.remarks}


def test_endless_kinds_of_remarks_are_cut_short(load: Load) -> None:
    loaded = load(export_of({f"field{n}": n for n in range(30)}))

    assert (21, True) == (len(loaded.remarks), "and 10 more kinds" in loaded.remarks[-1])


def test_a_supergroup_follows_the_group_that_it_was(load: Load) -> None:
    shift = -1_000_000_000
    moved = {"type": "service", "action": "migrate_to_supergroup"}
    came = {"type": "service", "action": "migrate_from_group", "title": "Питон"}
    world = world_of(
        load(
            export_of(
                {"id": shift + 7, "text": "раньше"},
                {"id": shift + 9, "reply_to_message_id": shift + 7},
                {"id": shift + 12, **moved},
                {"id": 1, **came},
                {"id": 2, "reply_to_message_id": 9, "reply_to_peer_id": "chat77"},
            ),
            "@py_chat=",
        )
    )

    group, chat = world.chats
    assert (-1234567890, chat) == (group.marked_id, group.successor)
    assert (group, "@py_chat") == (chat.predecessor, chat.label)
    assert [(7, None, None), (9, 7, None), (12, None, {"channel_id": -1001234567890})] == [
        (m["id"], m["reply_to"], service(m)) for m in world.truth(group.marked_id, DAY)
    ]
    assert [(1, None, {"title": "Питон", "chat_id": -1234567890}), (2, None, None)] == [
        (m["id"], m["reply_to"], service(m)) for m in world.truth("py_chat", DAY)
    ]


def test_a_supergroup_that_was_a_group_follows_it_even_if_its_messages_are_gone(
    load: Load,
) -> None:
    came = {"type": "service", "action": "migrate_from_group", "title": "Питон"}

    group, chat = world_of(load(export_of(came))).chats

    assert (chat, 0, 1) == (group.successor, len(group.history), len(chat.history))


def service(message: dict[str, Any]) -> dict[str, Any] | None:
    """What a service message tells, without its name."""
    told = message["service"]
    return told and {key: value for key, value in told.items() if key != "action"}


def test_only_a_supergroup_was_a_group_before(load: Load) -> None:
    loaded = load(export_of({"id": -999_999_999}, type="private_channel"))

    assert 1 == len(loaded.imports.chats)
    assert "messages without an id, left out: 1" in loaded.remarks[0]


def test_a_chat_of_an_unknown_type_is_left_out(load: Load) -> None:
    chats = [export_of(type="secret_chat"), export_of()]

    loaded = load({"chats": {"list": chats}})

    assert 1 == len(loaded.imports.chats)
    assert "chats of type 'secret_chat', left out: 1" in loaded.remarks[0]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "can't be read: it is empty"),
        ("{}", "$ has neither messages nor chats: it is no JSON of Telegram Desktop"),
        ("[]", "$ has '[' where { should be"),
        ('{"messages": {}}', "$.messages has '{' where [ should be"),
        ({"chats": {"list": []}}, "$ holds no chat that can be served"),
        (
            {"chats": {"list": [export_of(), {"id": 1}]}},
            "$.chats.list[1] has no messages, not even an empty list of them",
        ),
        (export_of(type=None), "$ holds no chat that can be served"),
        (export_of(id="1"), "$.id must be a whole number from 1 to 999999999999"),
        (
            {"chats": {"list": [export_of(id=5), export_of(id=None)]}},
            "$.chats.list[1].id must be a whole number",
        ),
        (
            {"chats": {"list": [export_of(), export_of()]}},
            "$ holds a chat with the same id (1234567890) as one in ",
        ),
        (json.dumps(export_of({}, {}))[:-9], "$.messages[1] does not end: the file was cut off"),
        (
            json.dumps(export_of({"text": "x"}, {"text": 1})).replace('"text": 1', '"text": one'),
            "$.messages[1] is not JSON: ",
        ),
    ],
)
def test_a_broken_file_is_told_with_name_place_and_reason(
    content: Any, told: str, load: Load
) -> None:
    with pytest.raises(ExportError, match=f"result.json:? {re.escape(told)}"):
        load(content)


def test_a_file_that_is_not_there_is_told(load: Load) -> None:
    with pytest.raises(ExportError, match="nowhere.json can't be read: No such file"):
        load_exports([ExportFile.parse("nowhere.json")])


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        ({"chats": {"list": [export_of(id=1), export_of(id=2)]}}, "@python", "holds 2 chats"),
        (export_of(type="private_group"), "@python", "$.type is one that has no username"),
        (export_of(), "@1", "@1 must be 4 to 32 letters"),
    ],
)
def test_a_username_that_can_not_be_given_is_told(
    content: Any, name: str, told: str, load: Load
) -> None:
    with pytest.raises(ExportError, match=re.escape(told)):
        load(content, f"{name}=")


def test_two_exports_of_one_chat_are_told_apart_by_file(write: Write) -> None:
    files = [ExportFile.parse(write(export_of(), name)) for name in ("a.json", "b.json")]

    with pytest.raises(ExportError, match="b.json: .* as one in .*a.json"):
        load_exports(files)


def test_a_username_is_given_once(write: Write) -> None:
    files = [ExportFile.parse(f"@python={write(export_of(id=n), f'{n}.json')}") for n in (1, 2)]

    with pytest.raises(SpecError, match="two of them have the same username"):
        world_of(load_exports(files))


def test_people_are_named_as_far_as_the_export_goes(load: Load) -> None:
    world = world_of(
        load(
            export_of(
                {"from": None, "from_id": "user42"},
                {"from": "Аня Б", "from_id": "user42"},
                {"from": None, "from_id": "user43"},
                {"from": "Новости", "from_id": "channel5"},
                {"from": "Старая группа", "from_id": "chat6"},
                {"from": "Питон 🐍", "from_id": "channel1234567890"},
            )
        )
    )

    people = world.people_truth(-1001234567890, DAY)

    assert [
        (-1001234567890, "Питон 🐍"),
        (-1000000000005, "Новости"),
        (-6, "Старая группа"),
        (42, "Аня Б"),
        (43, ""),
    ] == [(each["id"], each["name"]) for each in people]


@pytest.mark.parametrize(
    ("type", "first", "topics", "threads"),
    [
        (
            "public_supergroup",
            {"action": "topic_created", "title": "Флуд"},
            {1: "Флуд"},
            {1: [2, 3]},
        ),
        ("public_supergroup", {}, {}, {1: [2, 3], 900: [4]}),
        ("personal_chat", {"action": "topic_created", "title": "Флуд"}, {}, {}),
    ],
)
def test_threads_are_those_of_topics_in_a_forum_and_of_answers_elsewhere(
    type: str, first: Any, topics: Any, threads: Any, load: Load
) -> None:
    answers = ({"reply_to_message_id": n} for n in (1, 2, 900))

    source = (
        load(export_of({"type": "service", **first}, *answers, type=type)).imports.chats[0].source
    )

    assert topics == source.topics
    assert threads == {root: list(ids) for root, ids in source.threads.items()}


def test_a_world_with_an_export_can_change(load: Load) -> None:
    world = world_of(load(export_of({"text": "а"}, {"text": "б"})))

    world.edit(-1001234567890, 1, "в")
    world.delete(-1001234567890, [2])

    assert ["в"] == [each["text"] for each in world.truth(-1001234567890, DAY)]
