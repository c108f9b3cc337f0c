"""A world of every type of chat, and somebody who asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import types

from tgworker.core.model import ChatType
from tgworker.simulator.methods import make_methods
from tgworker.simulator.rpc import Caller, Methods, encode_answer
from tgworker.simulator.world import World, WorldChat, parse_world

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)


def chat_entry(type: str, **changes: Any) -> dict[str, Any]:
    name = {"id": 7654321} if type == "group" else {"username": f"The_{type}"}
    days = {"from": "2025-11-01", "to": "2025-11-04", "per_day": [300, 0, 1, 271]}
    return {**name, "type": type, **days, **changes}


@pytest.fixture
def make_world() -> Callable[..., World]:
    """A world of these types of chats, or of these chats."""

    def make(*chats: str | dict[str, Any], **top: Any) -> World:
        entries = [chat_entry(chat) if isinstance(chat, str) else chat for chat in chats]
        return World(parse_world({"seed": 7, "chats": entries, **top}, now=NOW))

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world("channel", "supergroup", "forum", "group")


@pytest.fixture
def methods(world: World) -> Methods:
    return make_methods(world, clock=NOW.timestamp)


@pytest.fixture
def caller(world: World) -> Caller:
    return Caller(auth_key_id=1, user_id=world.account.id, server=("127.0.0.1", 4430))


@pytest.fixture
def ask(methods: Methods, caller: Caller) -> Callable[[Any], Any]:
    """Asks as a client does: through bytes both ways."""

    def ask(request: Any) -> Any:
        read = BinaryReader(bytes(request)).tgread_object()
        return request.read_result(BinaryReader(encode_answer(methods.dispatch(caller, read))))

    return ask


@pytest.fixture
def peer_of() -> Callable[[WorldChat], Any]:
    """The chat as a client names it."""

    def peer(chat: WorldChat) -> Any:
        if chat.type is ChatType.GROUP:
            return types.InputPeerChat(chat.id)
        return types.InputPeerChannel(chat.id, chat.access_hash)

    return peer
