"""``messages.getDialogs``: the account's chats, the liveliest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import messages as functions

from tgworker.simulator.methods.messages import unix
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import readable_chat
from tgworker.simulator.methods.updates import state
from tgworker.simulator.paging import MAX_LIMIT
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.tl_plain import peer_tl


def handlers(world: World, pages: Pages, clock: Callable[[], float]) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetDialogsRequest: partial(_get_dialogs, world, pages),
        functions.GetPeerDialogsRequest: partial(_get_peer_dialogs, world, pages, clock),
    }


def _get_dialogs(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    chats = [chat for chat in world.chats if not chat.private]
    chats.sort(key=lambda chat: (_newest_date(chat), chat.marked_id), reverse=True)
    start = _after_offset(world, chats, request)
    chosen = chats[start : start + min(max(request.limit, 0), MAX_LIMIT)]
    parts = _parts(pages, chosen)
    if len(chosen) < len(chats):
        return types.messages.DialogsSlice(len(chats), **parts)
    return types.messages.Dialogs(**parts)


def _after_offset(world: World, chats: list[WorldChat], request: Any) -> int:
    """Where the next page begins: behind the chat of ``offset_peer``, else at the first one before ``offset_date``."""
    try:
        return chats.index(readable_chat(world, request.offset_peer)) + 1
    except RpcFault:
        before = unix(request.offset_date)
    return sum(1 for chat in chats if before and _newest_date(chat) >= before)


def _get_peer_dialogs(
    world: World, pages: Pages, clock: Callable[[], float], caller: Caller, request: Any
) -> Any:
    chats = [readable_chat(world, getattr(each, "peer", None)) for each in request.peers]
    return types.messages.PeerDialogs(**_parts(pages, chats), state=state(clock))


def _newest_date(chat: WorldChat) -> int:
    return chat.history.dates[-1] if len(chat.history) else 0


def _parts(pages: Pages, chats: list[WorldChat]) -> dict[str, Any]:
    newest = {chat.marked_id: pages.newest(chat) for chat in chats}
    messages = [piece for piece in newest.values() if piece is not None]
    named_chats, users = pages.named_in(messages, chats)
    return {
        "dialogs": [_dialog(chat, newest[chat.marked_id]) for chat in chats],
        "messages": messages,
        "chats": named_chats,
        "users": users,
    }


def _dialog(chat: WorldChat, newest: Any) -> Any:
    return types.Dialog(
        peer=peer_tl(chat.marked_id),
        top_message=0 if newest is None else newest.id,
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=chat.history.next_id() + chat.changed,
    )
