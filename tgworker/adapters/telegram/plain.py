"""What is plain in a TL object: its name, its ids, and those of its fields that JSON can hold as they are.

TL (Type Language) is Telegram's schema: https://core.telegram.org/schema. Telethon has a class for each constructor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, TypeAlias

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK, Json

TL: TypeAlias = Any
"""An object of one of Telethon's generated classes, which carry no types that a checker could use."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def tl_name(obj: TL, prefix: str) -> str:
    """The object's class, without `prefix` and in snake case: ``MessageActionPinMessage`` is ``pin_message``."""
    return _WORD_START.sub("_", type(obj).__name__.removeprefix(prefix)).lower()


def marked_id(peer: TL) -> int | None:
    """The id of a Peer as the Bot API marks it; None for no peer and for kinds of peers that are not known here."""
    match peer:
        case types.PeerUser():
            return int(peer.user_id)
        case types.PeerChat():
            return -int(peer.chat_id)
        case types.PeerChannel():
            return CHANNEL_MARK - int(peer.channel_id)
        case _:
            return None


def utc(moment: datetime) -> datetime:
    """The same moment, aware and in UTC; Telegram's naive times are in UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def plain_fields(obj: TL) -> dict[str, Json]:
    """The fields of `obj` that are plain, in Telethon's order; nested objects, bytes and what is empty are left out."""
    plain = ((name, _plain(value)) for name, value in vars(obj).items())
    return {name: value for name, value in plain if value is not None}


def _plain(value: TL) -> Json:
    """One field as JSON; None if it is empty or not plain. Zero is a value, an unset flag is not."""
    match value:
        case bool():
            return True if value else None
        case int() | float():
            return value
        case str():
            return value or None
        case datetime():
            return f"{utc(value):%Y-%m-%dT%H:%M:%SZ}"
        case types.TextWithEntities():
            return str(value.text) or None
        case list():
            return [item for item in map(_plain, value) if item is not None] or None
        case _:
            return marked_id(value)
