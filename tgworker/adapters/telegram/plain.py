"""What is plain in a TL object: its name, its ids, and those of its fields that JSON can hold as they are.

TL (Type Language) is Telegram's schema: https://core.telegram.org/schema. Telethon has a class for each constructor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from math import isfinite
from typing import Any, TypeAlias

from telethon.tl import types

from tgworker.core.message import Json
from tgworker.core.model import CHANNEL_MARK

TL: TypeAlias = Any
"""An object of one of Telethon's generated classes, which carry no types that a checker could use."""

# Looked up once: these are asked for with every message.
_PeerUser, _PeerChat, _PeerChannel = types.PeerUser, types.PeerChat, types.PeerChannel

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LONG = 2**63
"""TL's numbers have at most 64 bits, and so have those of many readers of JSON."""
_SECRET = frozenset({"access_hash"})
"""Differs from account to account, and opens what it belongs to."""
_BARE_CHANNELS = frozenset({"channel_id", "channels"})
_BARE_GROUPS = frozenset({"chat_id"})
_SMALL = (
    *(types.StarGift, types.StarGiftUnique, types.StarsAmount, types.StarsTonAmount),
    *(types.TodoItem, types.PollAnswer, types.Birthday, types.ChatTheme),
)
"""Objects that are worth more than their name, and of which the plain fields say all that matters."""


@lru_cache(maxsize=4096)
def _snake(name: str, prefix: str) -> str:
    return _WORD_START.sub("_", name.removeprefix(prefix)).lower()


def tl_name(obj: TL, prefix: str) -> str:
    """The object's class, without `prefix` and in snake case: ``MessageActionPinMessage`` is ``pin_message``."""
    return _snake(type(obj).__name__, prefix)


def marked_id(peer: TL) -> int | None:
    """The id of a Peer as the Bot API marks it; None for no peer and for kinds of peers that are not known here."""
    kind = type(peer)
    if kind is _PeerUser:
        return whole(peer.user_id)
    if kind is _PeerChannel:
        return marked_channel(peer.channel_id)
    return marked_group(peer.chat_id) if kind is _PeerChat else None


def marked_channel(id: TL) -> int | None:
    """The marked id of a channel or supergroup, of its bare one."""
    return whole(CHANNEL_MARK - id) if type(id) is int else None


def marked_group(id: TL) -> int | None:
    """The marked id of a basic group, of its bare one."""
    return whole(-id) if type(id) is int else None


def utc(moment: datetime) -> datetime:
    """The same moment, aware and in UTC; Telegram's naive times are in UTC already."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # in the first or the last hours that a datetime can hold
        return moment.replace(tzinfo=UTC)


def time_or_none(value: TL) -> datetime | None:
    """As `utc`; None for what is no time."""
    return utc(value) if isinstance(value, datetime) else None


def time_text(value: TL) -> str | None:
    """A time as the archive writes it; None for what is no time."""
    return f"{utc(value).isoformat()[:19]}Z" if isinstance(value, datetime) else None


def whole(value: TL) -> int | None:
    """A whole number of at most 64 bits; None for anything else."""
    return value if type(value) is int and -_LONG <= value < _LONG else None


def count(value: TL) -> int | None:
    """A number of things; None for anything else."""
    return value if type(value) is int and 0 <= value < _LONG else None


def message_id(value: TL) -> int | None:
    """The id of a message, which is never 0; None for anything else."""
    return value if type(value) is int and 0 < value < _LONG else None


def text_or_none(value: TL) -> str | None:
    """A text that says something, marked up (``textWithEntities``) or not; None for anything else."""
    if type(value) is str:
        return value or None
    inner = getattr(value, "text", None)
    return inner if type(inner) is str and inner else None


def listed(value: TL) -> list[TL]:
    """A TL vector; one that is missing is empty."""
    return value if isinstance(value, list) else []


def described(type: str, **fields: TL) -> dict[str, Json]:
    """``{"type": …}`` and those of `fields` that have a value JSON can hold; zero is one.

    Lists made here come as tuples: what Telegram has as a list is not looked into.
    """
    sound = ((name, _sound(value)) for name, value in fields.items())
    return {"type": type} | {name: value for name, value in sound if value is not None}


def _sound(value: TL) -> Json:
    kind = type(value)
    if kind is str:
        return value or None
    if kind is int:
        return whole(value)
    if kind is float:
        return value if isfinite(value) else None
    if kind is tuple:
        return list(value)
    return value if kind is bool else None


def plain_fields(obj: TL) -> dict[str, Json]:
    """The fields of `obj` that are plain, in Telethon's order; nested objects, bytes and what is empty are left out.

    Ids of chats are marked; of small objects (a gift, a task) the plain fields are kept in turn.
    """
    plain = ((name, _field(name, value)) for name, value in getattr(obj, "__dict__", {}).items())
    return {name: value for name, value in plain if value is not None}


def _field(name: str, value: TL) -> Json:
    if name in _SECRET:
        return None
    if name in _BARE_CHANNELS:
        ids = [marked_channel(each) for each in value] if isinstance(value, list) else None
        return marked_channel(value) if ids is None else ids or None
    return marked_group(value) if name in _BARE_GROUPS else _plain(value)


def _plain(value: TL) -> Json:
    """One field as JSON; None if it is empty or not plain. Zero is a value, an unset flag is not."""
    match value:
        case bool():
            return True if value else None
        case int():
            return whole(value)
        case float():
            return value if isfinite(value) else None
        case str() | types.TextWithEntities():
            return text_or_none(value)
        case datetime():
            return time_text(value)
        case list():
            return [item for item in map(_plain, value) if item is not None] or None
        case _ if isinstance(value, _SMALL):
            return plain_fields(value) or None
        case _ if type(value).__name__.startswith("PhoneCallDiscardReason"):
            return tl_name(value, "PhoneCallDiscardReason")
        case _:
            return marked_id(value)
