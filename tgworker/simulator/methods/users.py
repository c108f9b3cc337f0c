"""``users.*``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import users as functions

from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import find_user
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetUsersRequest: partial(_get_users, world, pages),
        functions.GetFullUserRequest: partial(_get_full_user, world, pages),
    }


def _get_users(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    """Those that there are; Telegram leaves the others out."""
    users = (find_user(world, peer) for peer in request.id)
    return [pages.user(user) for user in users if user is not None]


def _get_full_user(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    user = find_user(world, request.id)
    if user is None:
        raise RpcFault(400, "USER_ID_INVALID")
    full = types.UserFull(
        id=user.id,
        settings=types.PeerSettings(),
        notify_settings=types.PeerNotifySettings(),
        common_chats_count=0,
    )
    return types.users.UserFull(full, [], [pages.user(user)])
