"""``contacts.resolveUsername``: from a name to an id and its access hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import contacts as functions

from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World
from tgworker.simulator.world.tl_plain import peer_tl

_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {functions.ResolveUsernameRequest: partial(_resolve_username, world, pages)}


def _resolve_username(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    """The chat first, then a user; upper and lower case are the same."""
    username = request.username
    if not _USERNAME.fullmatch(username):
        raise RpcFault(400, "USERNAME_INVALID")
    if (chat := world.chat_by_username(username)) is not None:
        return types.contacts.ResolvedPeer(peer_tl(chat.marked_id), [pages.chat(chat)], [])
    if (user := world.user_by_username(username)) is not None:
        return types.contacts.ResolvedPeer(peer_tl(user.id), [], [pages.user(user)])
    raise RpcFault(400, "USERNAME_NOT_OCCUPIED")
