"""The account writes into chats, and each message once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from telethon.tl import types
from telethon.tl.functions import messages

from tgworker.core.model import ChatType
from tgworker.simulator.rpc import RpcFault
from tgworker.simulator.world import World, WorldChat

Ask = Callable[[Any], Any]
PeerOf = Callable[[WorldChat], Any]


def send(peer: Any, text: str, key: int = 1) -> Any:
    return messages.SendMessageRequest(peer, text, random_id=key)


@pytest.mark.parametrize("type", ["supergroup", "forum", "group"])
def test_what_is_sent_stands_last_in_the_history_and_is_kept(
    world: World, ask: Ask, peer_of: PeerOf, type: str
) -> None:
    chat = next(chat for chat in world.chats if chat.type is ChatType(type))

    answer = ask(send(peer_of(chat), "Привет", 7))

    (sent,) = world.sent
    assert (chat.label, "Привет", 7) == (sent.chat, sent.text, sent.key)
    last = chat.history.at(len(chat.history) - 1)
    assert (sent.id, "Привет", world.account.id) == (last.id, last.text, last.sender)
    named, news = answer.updates
    assert (sent.id, 7) == (named.id, named.random_id)
    assert (sent.id, "Привет") == (news.message.id, news.message.message)


def test_a_user_can_be_written_to(world: World, ask: Ask) -> None:
    user = world.people.users[0]

    ask(send(types.InputPeerUser(user.id, user.access_hash), "hi"))

    assert [(str(user.id), "hi")] == [(sent.chat, sent.text) for sent in world.sent]


def test_a_message_sent_twice_is_one(world: World, ask: Ask, peer_of: PeerOf) -> None:
    peer = peer_of(world.chat("the_supergroup"))
    ask(send(peer, "once"))

    with pytest.raises(RpcFault, match="RANDOM_ID_DUPLICATE"):
        ask(send(peer, "once"))

    assert 1 == len(world.sent)


@pytest.mark.parametrize(
    ("chat", "text", "refusal"),
    [
        ("the_channel", "hi", "CHAT_ADMIN_REQUIRED"),
        ("the_forum", "hi", "CHANNEL_PRIVATE"),
        ("the_supergroup", " \n", "MESSAGE_EMPTY"),
        ("the_supergroup", "😀" * 2049, "MESSAGE_TOO_LONG"),
    ],
)
def test_what_may_not_be_sent_is_refused(
    world: World, ask: Ask, peer_of: PeerOf, chat: str, text: str, refusal: str
) -> None:
    world.make_private("the_forum")

    with pytest.raises(RpcFault, match=refusal):
        ask(send(peer_of(world.chat(chat)), text))

    assert [] == world.sent
