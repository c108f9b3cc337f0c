"""The truth, Telegram's own words for the same messages, and the worker's mapping from the one to the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import types

from tgworker.adapters.telegram.mapping import map_message
from tgworker.core.codec import OPTIONAL, to_json
from tgworker.core.message import Message
from tgworker.simulator.world import World
from tgworker.simulator.world.media_model import Contact, Dice, File, Photo, Poll, WebPage
from tgworker.simulator.world.model import (
    Action,
    Reply,
    WorldButton,
    WorldEntity,
    WorldForward,
    WorldMessage,
    WorldQuote,
    WorldReaction,
)
from tgworker.simulator.world.tl import message_tl
from tgworker.simulator.world.truth import message_truth

TYPES = ("channel", "supergroup", "forum", "group")
DAY = date(2025, 11, 1)
NOON = 1_762_516_800
"""2025-11-07 12:00 UTC."""
QUOTE = WorldQuote("то самое", (WorldEntity("bold", 0, 2),), offset=4)


def truth(**fields: Any) -> dict[str, Any]:
    return message_truth(WorldMessage(1, NOON, **fields), "@abcd")


@pytest.fixture
def busy(make_world: Callable[..., World], entry: Callable[..., dict[str, Any]]) -> World:
    return make_world(*(entry(type, to="2025-11-01", per_day=[1200]) for type in TYPES), seed=5)


@pytest.mark.parametrize("place", range(len(TYPES)), ids=TYPES)
def test_what_telegram_sends_reads_back_as_it_was_written(busy: World, place: int) -> None:
    chat = busy.chats[place]
    for message in chat.history.on(DAY):
        data = bytes(message_tl(message, chat_id=chat.marked_id, type=chat.type, linked_id=9))

        assert data == bytes(BinaryReader(data).tgread_object())


@pytest.mark.parametrize("place", range(len(TYPES)), ids=TYPES)
def test_the_workers_mapping_gives_the_truth(busy: World, place: int) -> None:
    """Two pieces of code that know nothing of each other agree on every message."""
    chat = busy.chats[place]
    for message in chat.history.on(DAY):
        sent = bytes(message_tl(message, chat_id=chat.marked_id, type=chat.type, linked_id=9))
        mapped = map_message(BinaryReader(sent).tgread_object(), chat.label)

        assert message_truth(message, chat.label) == json.loads(to_json(mapped))


def test_the_workers_mapping_gives_the_truth_of_plain_chats_too(
    make_world: Callable[..., World], entry: Callable[..., dict[str, Any]]
) -> None:
    for type in TYPES:
        chat = make_world(entry(type, plain=True)).chats[0]
        for message in chat.history.on(DAY):
            sent = bytes(message_tl(message, chat_id=chat.marked_id, type=chat.type, linked_id=9))
            mapped = map_message(BinaryReader(sent).tgread_object(), chat.label)

            assert message_truth(message, chat.label) == json.loads(to_json(mapped))


def test_the_truth_of_a_plain_message_has_every_key_in_order() -> None:
    told = truth(sender=5, text="Привет")

    assert [f.name for f in Message.__attrs_attrs__ if f.name not in OPTIONAL] == list(told)
    assert {
        "id": 1,
        "date": "2025-11-07T12:00:00Z",
        "from_id": 5,
        "chat": "@abcd",
        "text": "Привет",
    } == {key: told[key] for key in ("id", "date", "from_id", "chat", "text")}
    rest = list(told.values())[5:]
    assert [None] * 5 + [[], False, None, False] + [None] * 6 + [False, None] == rest


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (None, (None, None)),
        (Reply(msg_id=5), (5, 5)),
        (Reply(msg_id=5, top_id=3), (5, 3)),
        (Reply(msg_id=3, topic=True), (None, 3)),
        (Reply(msg_id=5, top_id=3, topic=True), (5, 3)),
        (Reply(msg_id=5, other_chat=-1001), (None, None)),
        (Reply(msg_id=5, top_id=3, topic=True, other_chat=-1001), (None, 3)),
        (Reply(origin=WorldForward(NOON, from_name="A"), quote=QUOTE), (None, None)),
        (Reply(msg_id=3, topic=True, quote=QUOTE), (3, 3)),
        (Reply(story=(5, 1)), (None, None)),
    ],
)
def test_answers_and_threads(reply: Reply | None, expected: tuple[int | None, int | None]) -> None:
    told = truth(reply=reply)

    assert expected == (told["reply_to"], told["thread_id"])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(story=(5, 1)), {"reply_from": {"type": "story", "chat_id": 5, "story_id": 1}}),
        (
            Reply(msg_id=5, other_chat=-1001, media=Dice("🎲", 6)),
            {
                "reply_from": {
                    "type": "message",
                    "chat_id": -1001,
                    "message_id": 5,
                    "media": {"type": "dice", "emoji": "🎲", "value": 6},
                }
            },
        ),
        (
            Reply(origin=WorldForward(NOON, from_name="A")),
            {
                "reply_from": {
                    "type": "message",
                    "from_name": "A",
                    "date": "2025-11-07T12:00:00Z",
                }
            },
        ),
        (
            Reply(msg_id=5, quote=QUOTE),
            {
                "quote": {
                    "text": "то самое",
                    "offset": 4,
                    "entities": [{"type": "bold", "offset": 0, "length": 2}],
                }
            },
        ),
    ],
)
def test_what_is_answered_elsewhere_and_what_is_quoted(
    reply: Reply, expected: dict[str, Any]
) -> None:
    told = truth(reply=reply)

    assert expected == {key: told[key] for key in OPTIONAL if key in told}


def test_buttons_stand_row_after_row() -> None:
    rows = (
        (WorldButton("url", "A", "u"), WorldButton("callback", "B")),
        (WorldButton("copy", "C"),),
    )

    assert [
        {"type": "url", "text": "A", "url": "u"},
        {"type": "callback", "text": "B"},
        {"type": "copy", "text": "C"},
    ] == truth(buttons=rows)["buttons"]


def test_an_edit_that_is_hidden_is_none_but_keeps_its_time() -> None:
    hidden = truth(edit_date=NOON + 1, edit_hide=True)

    assert (False, "2025-11-07T12:00:01Z") == (hidden["edited"], hidden["edit_date"])
    assert truth(edit_date=NOON + 1)["edited"]


def test_entities_keep_what_their_type_has() -> None:
    entities = (
        WorldEntity("blockquote", 0, 1, collapsed=True),
        WorldEntity("blockquote", 2, 1),
        WorldEntity("pre", 4, 1, language=""),
    )

    assert [
        {"type": "blockquote", "offset": 0, "length": 1, "collapsed": True},
        {"type": "blockquote", "offset": 2, "length": 1},
        {"type": "pre", "offset": 4, "length": 1},
    ] == truth(entities=entities)["entities"]


def test_a_paid_reaction_is_a_star_and_no_reactions_are_an_empty_list() -> None:
    assert [{"count": 3, "emoji": "⭐"}] == truth(reactions=(WorldReaction(3),))["reactions"]
    assert [] == truth(reactions=())["reactions"]
    assert truth()["reactions"] is None


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        (Photo(()), {"type": "photo"}),
        (Photo(((1, 2, 3), (4, 5, 6))), {"type": "photo", "width": 4, "height": 5, "size": 6}),
        (
            File("voice", "audio/ogg", 10, duration=2),
            {"type": "voice", "mime_type": "audio/ogg", "size": 10, "duration": 2},
        ),
        (WebPage("u", empty=True), {"type": "web_page", "url": "u"}),
        (Contact("1", "A", "", 0), {"type": "contact", "phone_number": "1", "first_name": "A"}),
        (
            Poll("?", ("a", "b"), closed=False, quiz=True, total_voters=0),
            {
                "type": "poll",
                "question": "?",
                "answers": ["a", "b"],
                "quiz": True,
                "total_voters": 0,
            },
        ),
    ],
)
def test_media_have_only_the_keys_with_a_value(media: Any, expected: dict[str, Any]) -> None:
    assert expected == truth(media=media)["media"]


def test_a_service_message_tells_its_plain_fields() -> None:
    action = Action("todo_completions", {"completed": (1, 2), "incompleted": ()})

    assert {"action": "todo_completions", "completed": [1, 2]} == truth(action=action)["service"]


def test_service_messages_are_sent_as_such(busy: World) -> None:
    chat = busy.chats[0]
    creation = chat.history.at(0)

    sent = message_tl(creation, chat_id=chat.marked_id, type=chat.type, linked_id=9)

    assert isinstance(sent, types.MessageService)
    assert isinstance(sent.action, types.MessageActionChannelCreate)
