"""Users and chats: as who wrote a message, and as where messages are."""

from __future__ import annotations

from collections.abc import Iterable

from telethon.tl import types

from tgworker.adapters.telegram.plain import TL, listed, text_or_none
from tgworker.core.account import Account
from tgworker.core.model import CHANNEL_MARK, Chat, ChatType, Person


def entity_id(entity: TL) -> int:
    """The marked id of a user or chat."""
    match entity:
        case types.User() | types.UserEmpty():
            return int(entity.id)
        case types.Chat() | types.ChatForbidden() | types.ChatEmpty():
            return -int(entity.id)
        case _:
            return CHANNEL_MARK - int(entity.id)


def map_people(result: TL, writers: Iterable[int | None]) -> tuple[Person, ...]:
    """Those users and chats of an answer whose marked ids are among `writers`, by id."""
    wanted = frozenset(writers)
    named = {
        entity_id(entity): entity
        for entity in (*listed(result.users), *listed(result.chats))
        if isinstance(getattr(entity, "id", None), int)
        and not isinstance(entity, types.UserEmpty | types.ChatEmpty)
    }
    return tuple(_map_person(id, named[id]) for id in sorted(named.keys() & wanted))


def _map_person(id: int, entity: TL) -> Person:
    return Person(
        id=id,
        username=_main_username(entity),
        name=_display_name(entity),
        bot=bool(getattr(entity, "bot", False)),
    )


def map_account(user: TL) -> Account:
    """The user who is signed in."""
    return Account(
        id=user.id,
        name=_display_name(user),
        username=next(iter(_usernames(user)), None),
        phone=text_or_none(user.phone),
    )


def map_chat(entity: TL) -> Chat:
    """A user or chat that messages can be fetched from."""
    usernames = tuple(dict.fromkeys(name.lower() for name in _usernames(entity)))
    return Chat(
        id=entity_id(entity),
        type=_chat_type(entity),
        title=_display_name(entity),
        username=usernames[0] if usernames else None,
        usernames=usernames,
    )


def _chat_type(entity: TL) -> ChatType:
    match entity:
        case types.User():
            return ChatType.USER
        case types.Channel(forum=True):
            return ChatType.FORUM
        case types.Channel(broadcast=True) | types.ChannelForbidden(broadcast=True):
            return ChatType.CHANNEL
        case types.Channel() | types.ChannelForbidden():
            return ChatType.SUPERGROUP
        case _:
            return ChatType.GROUP


def _main_username(entity: TL) -> str | None:
    main = text_or_none(getattr(entity, "username", None))
    return next(iter(_usernames(entity)), None) if main is None else main


def _usernames(entity: TL) -> list[str]:
    """Every active username, the main one first.

    A chat with one name has it in ``username``; with several, ``username`` is empty and ``usernames`` holds them.
    Source: https://core.telegram.org/api/fragment
    """
    others = listed(getattr(entity, "usernames", None))
    named = (entity, *(each for each in others if getattr(each, "active", None)))
    names = (text_or_none(getattr(each, "username", None)) for each in named)
    return list(dict.fromkeys(name for name in names if name))


def _display_name(entity: TL) -> str:
    if not isinstance(entity, types.User):
        return text_or_none(getattr(entity, "title", None)) or ""
    if entity.deleted:
        return ""
    names = (text_or_none(entity.first_name), text_or_none(entity.last_name))
    return " ".join(name for name in names if name).strip()
