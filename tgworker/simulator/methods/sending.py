"""``messages.sendMessage``: the account writes into a chat.

Source: https://core.telegram.org/method/messages.sendMessage
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import messages as functions

from tgworker.core.model import ChatType
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import find_user, readable_chat
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World, WorldChat

LONGEST = 4096
"""UTF-16 code units."""


def handlers(world: World, pages: Pages, clock: Callable[[], float]) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {functions.SendMessageRequest: partial(_send_message, world, pages, clock)}


def _send_message(
    world: World, pages: Pages, clock: Callable[[], float], caller: Caller, request: Any
) -> Any:
    """What is written into a chat stands in its history from then on; private chats here have none."""
    user = find_user(world, request.peer)
    chat = None if user is not None else readable_chat(world, request.peer)
    if chat is not None and chat.type is ChatType.CHANNEL:
        raise RpcFault(400, "CHAT_ADMIN_REQUIRED")
    if not request.message.strip():
        raise RpcFault(400, "MESSAGE_EMPTY")
    if len(request.message.encode("utf-16-le")) > 2 * LONGEST:
        raise RpcFault(400, "MESSAGE_TOO_LONG")
    if any(sent.key == request.random_id for sent in world.sent):
        raise RpcFault(500, "RANDOM_ID_DUPLICATE")
    label = chat.label if chat is not None else str(request.peer.user_id)
    now = datetime.fromtimestamp(clock(), UTC)
    id = world.send(label, chat, request.message, now, key=request.random_id)
    news = [types.UpdateMessageID(id, request.random_id)]
    if chat is not None:
        news.append(_new_message(pages, chat, id))
    return types.Updates(news, [], [], now, 0)


def _new_message(pages: Pages, chat: WorldChat, id: int) -> Any:
    (message,) = pages.by_id(chat, [id]).messages
    kind = types.UpdateNewMessage if chat.type is ChatType.GROUP else types.UpdateNewChannelMessage
    return kind(message, pts=1, pts_count=1)
