"""What is in a world: the same for the same seed, and everything that real chats have."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgworker.core.model import ChatType
from tgworker.simulator.world import World, parse_world
from tgworker.simulator.world.model import WorldMessage
from tgworker.simulator.world.texts import ENTITY_TYPES, utf16_length

TYPES = ("channel", "supergroup", "forum", "group")
DAY = date(2025, 11, 1)
NEXT_DAYS = (date(2025, 11, 2), date(2025, 11, 3), date(2025, 11, 4))

Entry = Callable[..., dict[str, Any]]
MakeWorld = Callable[..., World]


def messages(world: World, place: int = 0) -> list[WorldMessage]:
    history = world.chats[place].history
    return [history.at(index) for index in range(len(history))]


def at(second: str) -> int:
    return int(datetime.fromisoformat(f"2025-11-{second}+00:00").timestamp())


@pytest.fixture
def busy(make_world: MakeWorld, entry: Entry) -> World:
    """One busy day in a chat of each type: enough for everything rare to happen."""
    return make_world(*(entry(type, to="2025-11-01", per_day=[2500]) for type in TYPES))


def test_the_same_seed_gives_the_same_messages(make_world: MakeWorld, entry: Entry) -> None:
    for type in TYPES:
        assert messages(make_world(entry(type))) == messages(make_world(entry(type)))


def test_another_seed_gives_others(make_world: MakeWorld, entry: Entry) -> None:
    chat = entry("supergroup")

    assert messages(make_world(chat, seed=1)) != messages(make_world(chat, seed=2))


def test_a_chat_is_the_same_whatever_else_is_in_the_file(
    make_world: MakeWorld, entry: Entry
) -> None:
    alone = make_world(entry("forum"))
    among_others = make_world(entry("channel"), entry("forum"), entry("group"))

    assert messages(alone) == messages(among_others, 1)


def test_another_process_gives_the_same_messages(world: World) -> None:
    """Nothing hangs on ``hash()``, which differs from process to process."""
    program = (
        "from datetime import UTC, datetime\n"
        "from tgworker.simulator.world import World, parse_world\n"
        "chat = {'username': 'The_supergroup', 'type': 'supergroup', 'from': '2025-11-01',"
        " 'to': '2025-11-04', 'per_day': [300, 0, 1, 271]}\n"
        "spec = parse_world({'seed': 7, 'chats': [chat]}, now=datetime(2026, 1, 1, tzinfo=UTC))\n"
        "history = World(spec).chats[0].history\n"
        "print([history.at(place) for place in range(len(history))])"
    )

    told = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        encoding="utf-8",
        check=True,
    ).stdout

    assert repr(messages(world, 1)) == told.rstrip("\n")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(-(2**63), 2**63 - 1),
    type=st.sampled_from(TYPES),
    per_day=st.lists(st.integers(0, 60), min_size=1, max_size=4),
    deleted=st.floats(0, 0.9),
    edges=st.booleans(),
)
def test_ids_ascend_with_dates_and_each_day_has_its_count(
    seed: int, type: str, per_day: list[int], deleted: float, edges: bool
) -> None:
    chat = {
        **({"id": 5} if type == "group" else {"username": "abcd"}),
        **{"type": type, "from": "2025-11-01", "to": "2025-11-05", "per_day": per_day},
        **{"deleted": deleted, "edges": edges},
    }
    now = datetime(2026, 1, 1, tzinfo=UTC)
    world = World(parse_world({"seed": seed, "chats": [chat]}, now=now))
    history = world.chats[0].history

    assert sorted(set(history.ids)) == list(history.ids)
    assert sorted(history.dates) == list(history.dates)
    expected = [per_day[number % len(per_day)] for number in range(5)]
    assert expected == [len(world.truth(world.chats[0].label, day)) for day in _five_days()]


def _five_days() -> list[date]:
    return [date(2025, 11, number) for number in range(1, 6)]


def test_a_days_messages_touch_both_its_edges(world: World) -> None:
    for chat in world.chats:
        dates = [message.date for message in chat.history.on(DAY)]

        assert (at("01T00:00:00"), at("01T23:59:59")) == (dates[0], dates[-1])


def test_edges_can_be_left_alone(make_world: MakeWorld, entry: Entry) -> None:
    world = make_world(entry("channel", edges=False, per_day=[2]))

    assert at("01T00:00:00") != messages(world)[0].date


def test_today_is_cut_off_at_now(make_world: MakeWorld, entry: Entry) -> None:
    now = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    chat = entry("supergroup", per_day=[200], **{"from": "today", "to": "today"})

    written = messages(make_world(chat, now=now))

    assert 200 == len(written)
    assert max(message.date for message in written) <= now.timestamp()


def test_some_ids_are_missing(make_world: MakeWorld, entry: Entry) -> None:
    whole = make_world(entry("channel", deleted=0)).chats[0].history
    torn = make_world(entry("channel", deleted=0.5)).chats[0].history

    assert list(range(1, len(whole) + 1)) == list(whole.ids)
    assert len(torn) * 1.5 < torn.ids[-1] < len(torn) * 2.5


def test_every_kind_of_entity_occurs_and_lies_inside_the_text(busy: World) -> None:
    seen = Counter[str]()
    for place in range(len(busy.chats)):
        for message in messages(busy, place):
            seen.update(entity.type for entity in message.entities)
            for entity in message.entities:
                raw = message.text.encode("utf-16-le")
                covered = raw[entity.offset * 2 : (entity.offset + entity.length) * 2]
                # Decoding fails if an offset cuts a surrogate pair in two.
                assert entity.length == utf16_length(covered.decode("utf-16-le")) > 0

    assert set(ENTITY_TYPES) == seen.keys()


def test_texts_are_never_longer_than_telegram_allows(busy: World) -> None:
    lengths = [utf16_length(message.text) for message in messages(busy, 1)]

    assert 3900 < max(lengths) <= 4096


def test_surrogates_stand_before_and_inside_of_entities(busy: World) -> None:
    marked = [
        (message.text, entity) for message in messages(busy, 1) for entity in message.entities
    ]

    assert any(ord(text[0]) > 0xFFFF for text, entity in marked if entity.offset > 0)
    assert any(entity.type == "custom_emoji" and entity.length > 2 for _, entity in marked)


def test_every_kind_of_media_occurs(busy: World) -> None:
    seen = {
        item["media"]["type"]
        for chat in busy.chats
        for item in busy.truth(chat.label, DAY)
        if item["media"] is not None
    }

    assert {
        *("photo", "document", "video", "voice", "audio", "sticker", "animation", "video_note"),
        *("geo", "geo_live", "venue", "contact", "poll", "dice", "web_page", "invoice"),
        *("game", "to_do", "unsupported", "paid_media", "story", "giveaway", "giveaway_results"),
    } == seen


def test_an_album_is_sent_at_once_by_one_sender(busy: World) -> None:
    albums: dict[int, list[WorldMessage]] = {}
    for message in messages(busy, 1):
        if message.grouped_id is not None:
            albums.setdefault(message.grouped_id, []).append(message)

    assert 10 == max(map(len, albums.values()))
    for album in albums.values():
        assert 1 == len({(message.sender, message.date) for message in album})
        assert all(message.media is not None for message in album)


def test_answers_point_back_to_other_days_and_to_deleted_messages_too(
    make_world: MakeWorld, entry: Entry
) -> None:
    world = make_world(entry("supergroup", per_day=[400]))
    history = world.chats[0].history
    answered = [
        (message, message.reply.msg_id)
        for message in messages(world)
        if message.reply is not None and message.reply.msg_id and not message.reply.other_chat
    ]

    assert all(target < message.id for message, target in answered)
    assert any(history.place(target) is None for _, target in answered)
    parents = [(message, parent) for message, id in answered if (parent := history.find(id))]
    assert any(message.date // 86_400 > parent.date // 86_400 for message, parent in parents)


def test_a_threads_root_counts_its_answers(busy: World) -> None:
    history = busy.chats[1].history
    threads = history.source.threads

    assert max(map(len, threads.values())) >= 3
    for root, ids in threads.items():
        for id in ids:
            reply = (found := history.find(id)) and found.reply
            assert reply and root == (reply.top_id or reply.msg_id)
        parent = history.find(root)
        if parent is not None and parent.action is None:
            assert len(ids) == parent.replies_count


def test_in_a_forum_messages_are_in_topics_and_some_in_the_general_one(busy: World) -> None:
    chat = busy.chats[2]
    topics = chat.history.source.topics
    counts = Counter(
        reply.top_id or reply.msg_id
        for message in messages(busy, 2)
        if (reply := message.reply) is not None and reply.topic
    )

    assert ChatType.FORUM is chat.type
    assert topics.keys() == counts.keys()
    opened = [m.id for m in messages(busy, 2) if m.action and m.action.type == "topic_create"]
    assert list(topics) == opened
    assert any(m.reply is None and m.action is None for m in messages(busy, 2))


def test_channel_posts_have_no_sender_but_views(busy: World) -> None:
    posts = [message for message in messages(busy) if message.action is None]

    assert {None} == {message.sender for message in posts}
    assert all(message.views and message.forwards is not None for message in posts)


def test_some_write_in_the_name_of_a_chat(busy: World) -> None:
    senders = {message.sender for message in messages(busy, 1)}

    assert busy.chats[1].marked_id in senders
    assert senders & {outsider.id for outsider in busy.people.outsiders}


def test_edits_forwards_reactions_pins_and_bots_occur(busy: World) -> None:
    written = messages(busy, 1)
    reactions = [each for m in written for each in m.reactions or ()]
    forwards = [message.forward for message in written if message.forward is not None]

    assert {True, False} == {m.edit_hide for m in written if m.edit_date is not None}
    assert any(each.emoji for each in reactions)
    assert any(each.document_id for each in reactions)
    assert any(each.emoji is None and each.document_id is None for each in reactions)
    assert any(message.reactions == () for message in written)
    assert {True, False} == {forward.from_id is None for forward in forwards}
    assert any(forward.channel_post for forward in forwards)
    assert any(message.pinned for message in written)
    assert any(message.via_bot_id for message in written)


def test_a_plain_chat_has_nothing_but_text(make_world: MakeWorld, entry: Entry) -> None:
    group = messages(make_world(entry("supergroup", plain=True)))
    channel = messages(make_world(entry("channel", plain=True)))

    texts = [WorldMessage(m.id, m.date, m.sender, m.text) for m in group]
    posts = [
        WorldMessage(m.id, m.date, None, m.text, views=m.views, forwards=m.forwards)
        for m in channel
    ]
    assert (texts, posts) == (group, channel)
    assert all(message.text and message.sender for message in group)
    assert all(message.views and message.forwards is not None for message in channel)


def test_a_day_of_a_hundred_thousand_is_there_at_once(make_world: MakeWorld, entry: Entry) -> None:
    world = make_world(entry("supergroup", plain=True, to="2025-11-01", per_day=[100_000]))
    history = world.chats[0].history

    assert 100_000 == len(history)
    assert history.at(99_999).text
    assert world.chats[0].history.source.threads == {}
