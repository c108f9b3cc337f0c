"""Whatever an export holds, it is served: without an exception, and as the archive's mapping reads it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from telethon.extensions import BinaryReader

from tests.simulator.exports.conftest import world_of
from tgworker.adapters.telegram.mapping import map_page
from tgworker.core.codec import to_json
from tgworker.simulator.exports import ExportError, ExportFile, Loaded, load_exports
from tgworker.simulator.exports.actions import _ACTIONS
from tgworker.simulator.exports.chats import _TALKS, _TYPES
from tgworker.simulator.exports.medias import _KINDS, _UNSERVED
from tgworker.simulator.exports.texts import _TYPES as _MARKUP
from tgworker.simulator.methods.pages import Pages

words = st.text(st.characters(codec="utf-8"), max_size=6)
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
numbers = st.integers(0, 60) | st.integers(-(2**64), 2**64)
ids = st.integers(1, 40)
peers = st.builds(
    "{}{}".format, st.sampled_from(["user", "chat", "channel"]), ids | st.just(1234567890)
) | st.integers(0, 3 << 32)
names = st.none() | st.sampled_from(["Аня", "Bob", "@helper_bot", ""])
digits = st.integers(0, 2**64).map(str) | st.just("stickers/AnimatedSticker.tgs")


def fields(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Some of these, most of them as they should be."""
    return st.fixed_dictionaries({}, optional={key: each | anything for key, each in known.items()})


part = fields(
    type=st.sampled_from([*_MARKUP, "plain", "sparkles"]),
    text=words,
    href=words,
    user_id=numbers,
    document_id=digits,
    language=words,
    collapsed=st.booleans(),
)
text = words | st.lists(words | part, max_size=4)
point = fields(latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
answer = fields(text=text, voters=numbers)
message = fields(
    type=st.sampled_from(["message", "service", "service", "unsupported"]),
    date=st.sampled_from(["2025-11-07T12:00:00", "2025-11-08T12:00:00", "yesterday"]),
    date_unixtime=st.integers(1_762_000_000, 1_762_300_000).map(str),
    edited_unixtime=st.integers(0, 2**31).map(str),
    from_id=peers,
    actor_id=peers,
    actor=names,
    author=names,
    text=text,
    text_entities=st.lists(part, max_size=4),
    reply_to_message_id=ids | st.integers(1 - 10**9, 40 - 10**9),
    message_id=ids,
    reply_to_peer_id=peers,
    forwarded_from=names,
    forwarded_from_id=peers,
    via_bot=names,
    photo=words,
    photo_file_size=numbers,
    width=numbers,
    height=numbers,
    file=words | st.just("(File not included. Change data exporting settings to download.)"),
    file_name=words,
    file_size=numbers,
    media_type=st.sampled_from([*_KINDS, "hologram"]),
    mime_type=words,
    duration_seconds=numbers,
    performer=words,
    title=words,
    sticker_emoji=words,
    contact_information=fields(first_name=words, last_name=words, phone_number=words),
    location_information=point,
    live_location_period_seconds=numbers,
    place_name=words,
    address=words,
    poll=fields(
        question=text, answers=st.lists(answer), total_voters=numbers, closed=st.booleans()
    ),
    invoice_information=fields(title=words, amount=numbers, currency=words).map(json.dumps),
    reactions=st.lists(
        fields(
            type=st.sampled_from(["emoji", "paid"]), count=numbers, emoji=words, document_id=digits
        )
    ),
    action=st.sampled_from([*_ACTIONS, "dance"]),
    members=st.lists(names),
    inviter=names,
    to_id=peers,
    distance=numbers,
    boost_peer_id=peers,
    schedule_date=numbers,
    duration=numbers,
    period=numbers,
    amount=numbers,
    recurring=st.sampled_from(["init", "used"]),
    completed=st.lists(numbers),
    new_title=words,
    new_icon_emoji_id=numbers,
    **dict.fromkeys(("game_title", "todo_list", *_UNSERVED), words),
).flatmap(
    lambda fields: st.builds(
        lambda id: {"id": id, **fields}, ids | numbers | st.integers(-(10**9), 60 - 10**9)
    )
)
chat = st.builds(
    lambda name, type, id, messages: {"name": name, "type": type, "id": id, "messages": messages},
    names,
    st.sampled_from([*_TYPES, *_TALKS, "secret_chat"]),
    st.integers(1, 40),
    st.lists(message | anything, max_size=8),
)
account = st.builds(lambda chats: {"chats": {"list": chats}}, st.lists(chat, max_size=3))


def load(content: bytes) -> Loaded:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        path.write_bytes(content)
        return load_exports([ExportFile(path)])


def written(export: Any) -> bytes:
    return json.dumps(export, ensure_ascii=False).encode()


@given(chat | account)
def test_any_export_is_served_as_the_world_says(export: Any) -> None:
    try:
        world = world_of(load(written(export)))
    except ExportError as error:
        assert any(reason in str(error) for reason in ("can be served", "the same id"))
        return
    pages = Pages(world)
    for chat in world.chats:
        told = [each for day in world.days(chat.marked_id) for each in world.truth(chat.label, day)]
        sent = bytes(pages.history(chat, range(len(chat.history))))
        page = map_page(BinaryReader(sent).tgread_object(), chat.label)

        assert told == [json.loads(to_json(each)) for each in page.messages]
        people = {each.id for each in page.people}
        assert {each.from_id for each in page.messages} - people <= {None}


@given(chat | account, st.data())
def test_a_file_that_was_damaged_is_served_or_refused_in_one_sentence(
    export: Any, data: st.DataObject
) -> None:
    content = written(export)
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
    content = content[:first] + data.draw(st.binary(max_size=4)) + content[last:]
    try:
        loaded = load(content)
    except ExportError as error:
        assert "result.json" in str(error)
        return
    for chat in world_of(loaded).chats:
        assert len(chat.history) == sum(1 for _ in map(chat.history.at, range(len(chat.history))))
