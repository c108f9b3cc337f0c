"""Which chat or user a request means, and whether the caller may say so.

An id only counts together with the access hash that the server once gave out for it.
Source: https://core.telegram.org/api/peers
"""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.rpc import RpcFault
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.model import Outsider, WorldUser


def find_channel(world: World, peer: Any) -> WorldChat | Outsider:
    """The channel or supergroup of an ``InputChannel`` or ``InputPeerChannel``, even one that can't be read.

    Raises:
        RpcFault: 400 ``CHANNEL_INVALID`` for a wrong id or access hash.
    """
    marked_id = CHANNEL_MARK - getattr(peer, "channel_id", 0)
    found = world.chat_by_id(marked_id) or world.outsider(marked_id)
    if found is None or found.access_hash != getattr(peer, "access_hash", None):
        raise RpcFault(400, "CHANNEL_INVALID")
    return found


def find_group(world: World, chat_id: int) -> WorldChat:
    """The basic group with that bare id, even one that can't be read.

    Raises:
        RpcFault: 400 ``PEER_ID_INVALID``.
    """
    found = world.chat_by_id(-chat_id)
    if found is None or found.marked_id != -chat_id:
        raise RpcFault(400, "PEER_ID_INVALID")
    return found


def readable_chat(world: World, peer: Any) -> WorldChat:
    """The chat whose messages a request asks for.

    Raises:
        RpcFault: 400 ``CHANNEL_PRIVATE``, ``CHANNEL_INVALID``, ``PEER_ID_INVALID``.
    """
    if isinstance(peer, types.InputPeerChat):
        chat = find_group(world, peer.chat_id)
        if chat.private:
            raise RpcFault(400, "PEER_ID_INVALID")
        return chat
    if isinstance(peer, types.InputPeerChannel | types.InputChannel):
        found = find_channel(world, peer)
        if isinstance(found, Outsider) or found.private:
            raise RpcFault(400, "CHANNEL_PRIVATE")
        return found
    raise RpcFault(400, "PEER_ID_INVALID")


def find_user(world: World, peer: Any) -> WorldUser | None:
    """The user of an ``InputUser`` or ``InputPeerUser``; None for a wrong id or access hash."""
    if isinstance(peer, types.InputUserSelf | types.InputPeerSelf):
        return world.account
    if isinstance(peer, types.InputUser | types.InputPeerUser):
        user = world.user(peer.user_id)
        if user is not None and (user is world.account or user.access_hash == peer.access_hash):
            return user
    return None
