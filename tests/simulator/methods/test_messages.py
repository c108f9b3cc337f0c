"""Reading histories, threads and single messages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from telethon.tl import types
from telethon.tl.functions import channels, messages

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.methods import make_methods
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.rpc import Caller, RpcFault, encode_answer
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.media_model import Giveaway, Story

PLACES = range(4)
NAMES = ("channel", "supergroup", "forum", "group")

Ask = Callable[[Any], Any]
PeerOf = Callable[[WorldChat], Any]


def history(peer: Any, **changes: Any) -> Any:
    query = {
        "offset_id": 0,
        "offset_date": None,
        "add_offset": 0,
        "limit": 100,
        "max_id": 0,
        "min_id": 0,
    }
    return messages.GetHistoryRequest(peer, **{**query, **changes}, hash=0)


def replies(peer: Any, msg_id: int, **changes: Any) -> Any:
    query = {
        "offset_id": 0,
        "offset_date": None,
        "add_offset": 0,
        "limit": 100,
        "max_id": 0,
        "min_id": 0,
    }
    return messages.GetRepliesRequest(peer, msg_id, **{**query, **changes}, hash=0)


def search(peer: Any, q: str = "", **changes: Any) -> Any:
    query: dict[str, Any] = {
        **{"filter": types.InputMessagesFilterEmpty(), "min_date": None, "max_date": None},
        **{"offset_id": 0, "add_offset": 0, "limit": 100, "max_id": 0, "min_id": 0},
    }
    return messages.SearchRequest(peer, q, **{**query, **changes}, hash=0)


def ids(answer: Any) -> list[int]:
    return [message.id for message in answer.messages]


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
def test_a_walk_from_the_oldest_gives_every_message_once(
    world: World, ask: Ask, peer_of: PeerOf, place: int
) -> None:
    chat = world.chats[place]
    walked: list[int] = []
    while page := ask(
        history(peer_of(chat), offset_id=walked[-1] + 1 if walked else 1, add_offset=-100)
    ).messages:
        walked += [message.id for message in reversed(page)]

    assert list(chat.history.ids) == walked


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
def test_a_page_names_everybody_who_occurs_in_it(
    world: World, ask: Ask, peer_of: PeerOf, place: int
) -> None:
    chat = world.chats[place]
    page = ask(history(peer_of(chat), offset_id=150))

    users = {user.id for user in page.users}
    channels_named = {each.id for each in page.chats}
    assert chat.id in channels_named
    for message in page.messages:
        named = [message.from_id, getattr(message.fwd_from, "from_id", None)]
        assert users >= {peer.user_id for peer in named if isinstance(peer, types.PeerUser)}
        assert channels_named >= {p.channel_id for p in named if isinstance(p, types.PeerChannel)}
        assert message.via_bot_id is None or message.via_bot_id in users
        users_acting = getattr(message.action, "users", [])
        assert users >= set(users_acting)


def test_a_page_names_whom_its_media_name(make_world: Callable[..., World]) -> None:
    day = {"from": "2025-11-01", "to": "2025-11-01", "per_day": [1000]}
    world = make_world({"username": "many", "type": "channel", **day})
    chat, pages, kinds = world.chats[0], Pages(world), set()
    for place in range(len(chat.history)):
        media = chat.history.at(place).media
        answer = pages.history(chat, [place])
        users = {each.id for each in answer.users}
        if isinstance(media, Giveaway):
            assert {CHANNEL_MARK - id for id in media.channels} <= {c.id for c in answer.chats}
            assert {*media.winners} <= users
        elif isinstance(media, Story):
            assert media.peer in users
        kinds.add(type(media))

    assert {Giveaway, Story} <= kinds


def test_channels_and_groups_answer_with_their_own_types(
    make_world: Callable[..., World], world: World, ask: Ask, peer_of: PeerOf
) -> None:
    of_channel = ask(history(peer_of(world.chats[0])))
    of_group = ask(history(peer_of(world.chats[3])))
    small = make_world("group")
    whole = Pages(small).history(small.chats[0], [1, 0], count=2)

    assert isinstance(of_channel, types.messages.ChannelMessages)
    assert 572 == of_channel.count
    assert isinstance(of_group, types.messages.MessagesSlice)
    assert 572 == of_group.count
    assert isinstance(whole, types.messages.Messages)


@pytest.mark.parametrize("place", PLACES, ids=NAMES)
def test_a_page_tells_where_its_offset_is_whatever_is_added_to_it(
    world: World, ask: Ask, peer_of: PeerOf, place: int
) -> None:
    chat = world.chats[place]
    newest_first = chat.history.ids[::-1]

    answers = [
        ask(history(peer_of(chat), offset_id=newest_first[41], add_offset=moved, limit=1))
        for moved in (-1, 0, -100)
    ]
    without = ask(history(peer_of(chat)))

    assert [42, 42, 42] == [answer.offset_id_offset for answer in answers]
    assert newest_first[41] == ids(answers[0])[0]
    assert without.offset_id_offset is None


def test_a_thread_counts_the_place_among_its_own_messages(
    world: World, ask: Ask, peer_of: PeerOf
) -> None:
    chat = world.chats[1]
    threads = chat.history.source.threads
    root = max((id for id in threads if chat.history.place(id)), key=lambda id: len(threads[id]))
    oldest, *newer = threads[root]

    answer = ask(replies(peer_of(chat), root, offset_id=oldest, limit=1))

    assert len(newer) + 1 == answer.offset_id_offset


def test_a_date_leads_to_what_was_before_it(world: World, ask: Ask, peer_of: PeerOf) -> None:
    chat = world.chats[1]
    start = datetime(2025, 11, 4, tzinfo=UTC)

    older = ask(history(peer_of(chat), offset_date=start, limit=1))
    newer = ask(history(peer_of(chat), offset_date=start, add_offset=-100))

    assert world.truth("the_supergroup", date(2025, 11, 3))[-1]["id"] == ids(older)[0]
    assert [item["id"] for item in world.truth("the_supergroup", date(2025, 11, 4))][:100] == ids(
        newer
    )[::-1]


def test_the_account_has_no_messages_of_its_own(ask: Ask) -> None:
    assert [] == ask(history(types.InputPeerSelf())).messages


@pytest.mark.parametrize(
    ("peer", "message"),
    [
        (types.InputPeerChannel(1, 1), "CHANNEL_INVALID"),
        (types.InputPeerChat(1), "PEER_ID_INVALID"),
        (types.InputPeerUser(1, 1), "PEER_ID_INVALID"),
        (types.InputPeerEmpty(), "PEER_ID_INVALID"),
    ],
)
def test_an_unknown_peer_is_refused(ask: Ask, peer: Any, message: str) -> None:
    with pytest.raises(RpcFault, match=message):
        ask(history(peer))


def test_an_id_counts_only_with_its_access_hash(world: World, ask: Ask) -> None:
    chat = world.chats[0]

    with pytest.raises(RpcFault, match="CHANNEL_INVALID"):
        ask(history(types.InputPeerChannel(chat.id, chat.access_hash + 1)))
    with pytest.raises(RpcFault, match="PEER_ID_INVALID"):
        ask(history(types.InputPeerChat(chat.id)))


def test_a_private_chat_cannot_be_read(world: World, ask: Ask, peer_of: PeerOf) -> None:
    world.make_private("the_channel")
    world.make_private(7654321)
    outsider = world.people.outsiders[0]
    elsewhere = types.InputPeerChannel(-1_000_000_000_000 - outsider.id, outsider.access_hash)

    for peer in (peer_of(world.chats[0]), elsewhere):
        with pytest.raises(RpcFault, match="CHANNEL_PRIVATE"):
            ask(history(peer))
    with pytest.raises(RpcFault, match="PEER_ID_INVALID"):
        ask(history(peer_of(world.chats[3])))


def test_a_page_shows_what_the_world_is_now(world: World, ask: Ask, peer_of: PeerOf) -> None:
    chat = world.chats[0]
    first = ask(history(peer_of(chat)))
    edited, deleted = ids(first)[3], ids(first)[4]

    world.edit("the_channel", edited, "иначе")
    world.delete("the_channel", [deleted])
    posted = world.post("the_channel", "новое", datetime(2025, 11, 5, tzinfo=UTC))
    second = ask(history(peer_of(chat)))

    assert (posted, "новое") == (second.messages[0].id, second.messages[0].message)
    assert "иначе" == {message.id: message.message for message in second.messages}[edited]
    assert deleted not in ids(second)
    assert first.pts < second.pts


def test_what_is_not_kept_any_more_is_made_again_the_same(world: World) -> None:
    chat = world.chats[0]
    pages, forgetful = Pages(world), Pages(world, keep=10)

    for _ in range(2):
        assert bytes(pages.history(chat, range(99, -1, -1))) == bytes(
            forgetful.history(chat, range(99, -1, -1))
        )


def test_a_thread_holds_the_answers_to_its_root(world: World, ask: Ask, peer_of: PeerOf) -> None:
    chat = world.chats[1]
    threads = chat.history.source.threads
    root = max((id for id in threads if chat.history.place(id)), key=lambda id: len(threads[id]))

    whole = ask(replies(peer_of(chat), root))
    oldest = ask(replies(peer_of(chat), root, offset_id=root, add_offset=-2, limit=2))

    assert list(threads[root]) == ids(whole)[::-1]
    assert len(threads[root]) == whole.count
    assert list(threads[root])[:2] == ids(oldest)[::-1]
    assert {root} == {
        m.reply_to.reply_to_top_id or m.reply_to.reply_to_msg_id for m in whole.messages
    }


def test_a_message_without_answers_has_an_empty_thread(
    world: World, ask: Ask, peer_of: PeerOf
) -> None:
    chat = world.chats[3]

    assert [] == ids(ask(replies(peer_of(chat), chat.history.ids[0])))
    with pytest.raises(RpcFault, match="MSG_ID_INVALID"):
        ask(replies(peer_of(chat), 10**6))


def test_a_search_finds_texts(world: World, ask: Ask, peer_of: PeerOf) -> None:
    found = ask(search(peer_of(world.chats[1]), "ПРИВЕТ"))

    assert found.messages
    assert all("привет" in message.message.lower() for message in found.messages)


def test_a_search_can_be_narrowed(world: World, ask: Ask, peer_of: PeerOf) -> None:
    chat = world.chats[1]
    user = world.people.users[0]
    threads = chat.history.source.threads
    root = next(id for id in threads if chat.history.place(id) is not None)
    day = {
        "min_date": datetime(2025, 11, 2, tzinfo=UTC),
        "max_date": datetime(2025, 11, 4, tzinfo=UTC),
    }

    in_thread = ask(search(peer_of(chat), top_msg_id=root))
    by_user = ask(search(peer_of(chat), from_id=types.InputPeerUser(user.id, user.access_hash)))
    by_nobody = ask(search(peer_of(chat), from_id=types.InputPeerUser(1, 1)))
    in_time = ask(search(peer_of(chat), **day))

    assert list(threads[root]) == ids(in_thread)[::-1]
    assert {user.id} == {message.from_id.user_id for message in by_user.messages}
    assert [] == ids(by_nobody)
    assert [item["id"] for item in world.truth(chat.label, date(2025, 11, 3))] == ids(in_time)


def test_a_search_by_kind_of_media_is_refused(world: World, ask: Ask, peer_of: PeerOf) -> None:
    with pytest.raises(RpcFault, match="INPUT_FILTER_INVALID"):
        ask(search(peer_of(world.chats[1]), filter=types.InputMessagesFilterPhotos()))


def test_single_messages_of_a_channel_are_empty_if_gone(world: World, ask: Ask) -> None:
    chat = world.chats[0]
    wanted = [types.InputMessageID(chat.history.ids[5]), types.InputMessageID(10**6)]

    answer = ask(channels.GetMessagesRequest(types.InputChannel(chat.id, chat.access_hash), wanted))

    assert [chat.history.ids[5], 10**6] == ids(answer)
    assert isinstance(answer.messages[1], types.MessageEmpty)


def test_single_messages_of_groups_need_no_peer(world: World, ask: Ask) -> None:
    group = world.chats[3]
    wanted = [types.InputMessageID(group.history.ids[5]), types.InputMessageID(10**6)]

    answer = ask(messages.GetMessagesRequest(wanted))

    assert [group.history.ids[5], 10**6] == ids(answer)
    assert isinstance(answer.messages[1], types.MessageEmpty)
    assert [group.id] == [chat.id for chat in answer.chats if isinstance(chat, types.Chat)]


def test_asking_for_no_message_or_in_an_odd_way_is_refused(ask: Ask) -> None:
    with pytest.raises(RpcFault, match="MESSAGE_IDS_EMPTY"):
        ask(messages.GetMessagesRequest([]))
    with pytest.raises(RpcFault, match="MESSAGE_ID_INVALID"):
        ask(messages.GetMessagesRequest([types.InputMessagePinned()]))


def test_a_second_reading_gives_the_same_bytes(
    world: World, caller: Caller, peer_of: PeerOf
) -> None:
    methods = make_methods(world)
    request = history(peer_of(world.chats[1]))

    first, second = (encode_answer(methods.dispatch(caller, request)) for _ in range(2))

    assert first == second == encode_answer(make_methods(world).dispatch(caller, request))
