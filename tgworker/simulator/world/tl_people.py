"""Users and chats as TL."""

from __future__ import annotations

from typing import Any

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.simulator.world.model import Outsider, WorldUser
from tgworker.simulator.world.skeleton import day_start
from tgworker.simulator.world.tl_plain import moment
from tgworker.simulator.world.world import WorldChat


def user_tl(user: WorldUser, *, is_self: bool = False) -> Any:
    """The user; only one's own phone number is shown."""
    names = [types.Username(name, active=active or None) for name, active in user.names]
    return types.User(
        id=user.id,
        is_self=is_self or None,
        access_hash=user.access_hash,
        first_name=user.first_name,
        last_name=user.last_name,
        username=user.username,
        usernames=names or None,
        bot=user.bot or None,
        bot_info_version=1 if user.bot else None,
        deleted=user.deleted or None,
        phone=user.phone if is_self else None,
    )


def chat_tl(chat: WorldChat, *, members: int) -> Any:
    """``Channel`` or ``Chat``; of a chat the account was thrown out of, only that it is there."""
    group = chat.type is ChatType.GROUP
    if chat.private:
        if group:
            return types.ChatForbidden(chat.id, chat.title)
        return types.ChannelForbidden(
            id=chat.id,
            access_hash=chat.access_hash,
            title=chat.title,
            broadcast=chat.type is ChatType.CHANNEL or None,
            megagroup=chat.type is not ChatType.CHANNEL or None,
        )
    common: dict[str, Any] = {
        "id": chat.id,
        "title": chat.title,
        "photo": types.ChatPhotoEmpty(),
        "date": moment(day_start(chat.spec.first)),
        "participants_count": members,
    }
    if group:
        became = chat.successor
        return types.Chat(
            **common,
            version=1,
            deactivated=became is not None or None,
            migrated_to=became and types.InputChannel(became.id, became.access_hash),
        )
    return types.Channel(
        **common,
        access_hash=chat.access_hash,
        username=chat.username,
        broadcast=chat.type is ChatType.CHANNEL or None,
        megagroup=chat.type is not ChatType.CHANNEL or None,
        forum=chat.type is ChatType.FORUM or None,
        has_link=chat.discussion is not None or None,
    )


def outsider_tl(outsider: Outsider) -> Any:
    """A channel of another world, or a basic group of which only the name is known."""
    if outsider.id > CHANNEL_MARK:
        return types.ChatForbidden(-outsider.id, outsider.title)
    return types.Channel(
        id=CHANNEL_MARK - outsider.id,
        title=outsider.title,
        photo=types.ChatPhotoEmpty(),
        date=moment(0),
        broadcast=True,
        access_hash=outsider.access_hash,
        username=outsider.username,
    )
