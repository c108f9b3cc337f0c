"""``channels.*``: channels and supergroups themselves, and single messages of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import channels as functions

from tgworker.simulator.methods.messages import requested_ids
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import find_channel, readable_chat
from tgworker.simulator.rpc import Caller, Handler
from tgworker.simulator.world import World


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetChannelsRequest: partial(_get_channels, world, pages),
        functions.GetFullChannelRequest: partial(_get_full_channel, world, pages),
        functions.GetMessagesRequest: partial(_get_messages, world, pages),
    }


def _get_channels(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    return types.messages.Chats([pages.chat(find_channel(world, peer)) for peer in request.id])


def _get_full_channel(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    chat = readable_chat(world, request.channel)
    newest = pages.newest(chat)
    linked = chat.discussion or chat.discusses
    before = chat.predecessor
    full = types.ChannelFull(
        id=chat.id,
        about="",
        read_inbox_max_id=newest.id if newest is not None else 0,
        read_outbox_max_id=0,
        unread_count=0,
        chat_photo=types.PhotoEmpty(0),
        notify_settings=types.PeerNotifySettings(),
        bot_info=[],
        pts=chat.history.next_id() + chat.changed,
        participants_count=len(world.people.users) + 1,
        linked_chat_id=None if linked is None else linked.id,
        migrated_from_chat_id=None if before is None else before.id,
        migrated_from_max_id=None if before is None else before.history.next_id() - 1,
    )
    named = [each for each in (chat, linked, before) if each is not None]
    return types.messages.ChatFull(full, [pages.chat(each) for each in named], [])


def _get_messages(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    return pages.by_id(readable_chat(world, request.channel), requested_ids(request))
