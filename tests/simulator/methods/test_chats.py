"""Finding chats and people: names, dialogs, topics, full info; and what a client asks first of all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.tl import types
from telethon.tl.functions import channels, contacts, help, messages, updates, users

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.methods import make_methods
from tgworker.simulator.rpc import Caller, RpcFault
from tgworker.simulator.world import World, WorldChat

EMPTY = {"username": "empty", "type": "channel", "from": "-1d", "to": "-1d", "per_day": [0]}

Ask = Callable[[Any], Any]
PeerOf = Callable[[WorldChat], Any]


def dialogs(**changes: Any) -> Any:
    query = {
        "offset_date": None,
        "offset_id": 0,
        "offset_peer": types.InputPeerEmpty(),
        "limit": 100,
    }
    return messages.GetDialogsRequest(**{**query, **changes}, hash=0)


def topics(peer: Any, **changes: Any) -> Any:
    query = {"offset_date": None, "offset_id": 0, "offset_topic": 0, "limit": 100}
    return messages.GetForumTopicsRequest(peer, **{**query, **changes})


def input_channel(chat: WorldChat) -> Any:
    return types.InputChannel(chat.id, chat.access_hash)


def test_a_username_leads_to_its_chat_in_any_case(world: World, ask: Ask) -> None:
    chat = world.chats[0]

    found = ask(contacts.ResolveUsernameRequest("THE_channel"))

    assert chat.id == found.peer.channel_id
    assert (chat.id, chat.access_hash, "The_channel") == (
        found.chats[0].id,
        found.chats[0].access_hash,
        found.chats[0].username,
    )


def test_a_username_may_be_a_users(world: World, ask: Ask) -> None:
    user = next(user for user in world.people.users if user.names)

    found = ask(contacts.ResolveUsernameRequest(user.names[1][0]))

    assert user.id == found.peer.user_id == found.users[0].id


def test_a_renamed_chat_is_found_under_its_new_name_alone(world: World, ask: Ask) -> None:
    world.rename("the_channel", "fresh")

    assert world.chats[0].id == ask(contacts.ResolveUsernameRequest("fresh")).peer.channel_id
    with pytest.raises(RpcFault, match="USERNAME_NOT_OCCUPIED"):
        ask(contacts.ResolveUsernameRequest("the_channel"))


def test_a_name_that_cannot_be_one_is_told_apart(ask: Ask) -> None:
    with pytest.raises(RpcFault, match="USERNAME_INVALID"):
        ask(contacts.ResolveUsernameRequest("a b"))


def test_types_of_chats_are_told_by_their_flags(world: World, ask: Ask) -> None:
    found = ask(channels.GetChannelsRequest(list(map(input_channel, world.chats[:3])))).chats

    assert [(True, False, False), (False, True, False), (False, True, True)] == [
        (chat.broadcast, chat.megagroup, chat.forum) for chat in found
    ]
    (group,) = ask(messages.GetChatsRequest([7654321])).chats
    assert isinstance(group, types.Chat)


def test_a_private_chat_is_known_but_forbidden(world: World, ask: Ask) -> None:
    for chat in world.chats:
        world.make_private(chat.marked_id)
    channel = world.chats[0]

    (found,) = ask(channels.GetChannelsRequest([input_channel(channel)])).chats
    resolved = ask(contacts.ResolveUsernameRequest("the_channel"))
    (group,) = ask(messages.GetChatsRequest([7654321])).chats

    assert isinstance(found, types.ChannelForbidden)
    assert isinstance(resolved.chats[0], types.ChannelForbidden)
    assert isinstance(group, types.ChatForbidden)
    with pytest.raises(RpcFault, match="CHANNEL_PRIVATE"):
        ask(channels.GetFullChannelRequest(input_channel(channel)))
    assert [] == ask(dialogs()).dialogs


def test_a_channel_elsewhere_can_be_seen_from_afar(world: World, ask: Ask) -> None:
    outsider = world.people.outsiders[0]
    peer = types.InputChannel(CHANNEL_MARK - outsider.id, outsider.access_hash)

    (found,) = ask(channels.GetChannelsRequest([peer])).chats

    assert outsider.title == found.title


def test_full_info_is_there_for_both_kinds(world: World, ask: Ask) -> None:
    channel, group = world.chats[0], world.chats[3]

    of_channel = ask(channels.GetFullChannelRequest(input_channel(channel)))
    of_group = ask(messages.GetFullChatRequest(group.id))

    assert channel.history.ids[-1] == of_channel.full_chat.read_inbox_max_id
    assert (channel.id, group.id) == (of_channel.full_chat.id, of_group.full_chat.id)


def test_an_empty_chat_has_full_info_and_a_dialog_too(
    make_world: Callable[..., World], caller: Caller
) -> None:
    world = make_world(EMPTY)
    methods = make_methods(world)

    full = methods.dispatch(caller, channels.GetFullChannelRequest(input_channel(world.chats[0])))
    listed = methods.dispatch(caller, dialogs())

    assert 0 == full.full_chat.read_inbox_max_id
    assert [0] == [dialog.top_message for dialog in listed.dialogs]


def test_dialogs_come_liveliest_first_and_in_pages(world: World, ask: Ask, peer_of: PeerOf) -> None:
    world.post("the_forum", "x", datetime(2025, 11, 6, tzinfo=UTC))
    world.post("the_channel", "x", datetime(2025, 11, 5, tzinfo=UTC))

    whole = ask(dialogs())
    first = ask(dialogs(limit=1))
    second = ask(dialogs(limit=2, offset_peer=peer_of(world.chats[2])))
    by_date = ask(dialogs(offset_date=datetime(2025, 11, 5, tzinfo=UTC)))

    assert [2, 0] == [_place(world, dialog.peer) for dialog in whole.dialogs[:2]]
    assert isinstance(whole, types.messages.Dialogs)
    assert isinstance(first, types.messages.DialogsSlice)
    assert 4 == first.count
    assert [whole.dialogs[0].top_message] == [message.id for message in first.messages]
    assert [d.peer for d in whole.dialogs[1:3]] == [d.peer for d in second.dialogs]
    assert [d.peer for d in whole.dialogs[2:]] == [d.peer for d in by_date.dialogs]


def _place(world: World, peer: Any) -> int:
    return [chat.id for chat in world.chats].index(peer.channel_id)


def test_single_dialogs_can_be_asked_for(world: World, ask: Ask, peer_of: PeerOf) -> None:
    chat = world.chats[1]

    answer = ask(messages.GetPeerDialogsRequest([types.InputDialogPeer(peer_of(chat))]))

    assert [chat.history.ids[-1]] == [dialog.top_message for dialog in answer.dialogs]
    with pytest.raises(RpcFault, match="PEER_ID_INVALID"):
        ask(messages.GetPeerDialogsRequest([types.InputDialogPeerFolder(1)]))


def test_a_forum_tells_its_topics(world: World, ask: Ask, peer_of: PeerOf) -> None:
    forum = world.chats[2]
    opened = forum.history.source.topics
    deleted = max(opened)
    world.delete("the_forum", [deleted])

    whole = ask(topics(peer_of(forum)))
    older = ask(topics(peer_of(forum), offset_topic=whole.topics[0].id, limit=1))
    matching = ask(topics(peer_of(forum), q="вакан"))

    expected = sorted({1, *opened} - {deleted}, reverse=True)
    assert expected == [topic.id for topic in whole.topics]
    assert len(expected) == whole.count
    assert whole.topics[1:2] == older.topics
    assert ["Вакансии 💼"] == [topic.title for topic in matching.topics]
    assert {topic.top_message for topic in whole.topics} == {m.id for m in whole.messages}


def test_topics_by_id_include_deleted_ones(world: World, ask: Ask, peer_of: PeerOf) -> None:
    forum = world.chats[2]
    first = min(forum.history.source.topics)

    answer = ask(messages.GetForumTopicsByIDRequest(peer_of(forum), [first, 10**6]))

    assert [first, 10**6] == [topic.id for topic in answer.topics]
    assert isinstance(answer.topics[1], types.ForumTopicDeleted)


def test_other_chats_have_no_topics(world: World, ask: Ask, peer_of: PeerOf) -> None:
    with pytest.raises(RpcFault, match="CHANNEL_FORUM_MISSING"):
        ask(topics(peer_of(world.chats[1])))


def test_a_client_learns_who_it_is(world: World, ask: Ask) -> None:
    (me,) = ask(users.GetUsersRequest([types.InputUserSelf()]))
    full = ask(users.GetFullUserRequest(types.InputUserSelf()))

    assert (world.account.id, True, "79990000001") == (me.id, me.is_self, me.phone)
    assert world.account.id == full.full_user.id == full.users[0].id


def test_users_are_known_by_id_and_hash(world: World, ask: Ask) -> None:
    user = world.people.users[0]

    found = ask(
        users.GetUsersRequest(
            [
                types.InputUser(user.id, user.access_hash),
                types.InputUser(user.id, 1),
                types.InputUser(1, 1),
            ]
        )
    )

    assert [(user.id, None)] == [(each.id, each.phone) for each in found]
    with pytest.raises(RpcFault, match="USER_ID_INVALID"):
        ask(users.GetFullUserRequest(types.InputUser(1, 1)))


def test_every_data_centre_is_the_server_itself(ask: Ask) -> None:
    config = ask(help.GetConfigRequest())

    assert {("127.0.0.1", 4430)} == {(dc.ip_address, dc.port) for dc in config.dc_options}
    assert config.this_dc in {dc.id for dc in config.dc_options}
    assert config.this_dc == ask(help.GetNearestDcRequest()).this_dc
    assert [] == ask(help.GetAppConfigRequest(0)).config.value


def test_nothing_ever_happened_since(ask: Ask, world: World) -> None:
    state = ask(updates.GetStateRequest())
    now = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)

    assert now == state.date
    assert now == ask(updates.GetDifferenceRequest(pts=1, date=now, qts=0)).date
    of_channel = updates.GetChannelDifferenceRequest(
        input_channel(world.chats[0]), types.ChannelMessagesFilterEmpty(), pts=5, limit=10
    )
    assert (5, True) == ((found := ask(of_channel)).pts, found.final)


def test_what_is_not_known_is_refused(ask: Ask) -> None:
    with pytest.raises(RpcFault, match="INPUT_METHOD_INVALID"):
        ask(help.GetSupportRequest())
