"""A message and what it consists of: values as those of `model`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

from attrs import frozen

Json: TypeAlias = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


@frozen(slots=False)  # made as often as messages, and in two thirds of the time without slots
class Entity:
    """A marked-up stretch of a text; ``offset`` and ``length`` count UTF-16 code units, as Telegram gives them.

    ``type`` is the TL type's own name in snake case: ``MessageEntityTextUrl`` is ``text_url``.
    """

    type: str
    offset: int
    length: int
    url: str | None = None
    user_id: int | None = None
    language: str | None = None
    document_id: int | None = None
    collapsed: bool | None = None


@frozen
class Reaction:
    """How often one reaction was given: a plain ``emoji``, or a custom one by its ``document_id``."""

    count: int
    emoji: str | None = None
    document_id: int | None = None


@frozen
class Forward:
    """Where a forwarded message came from, as far as its author lets that be seen."""

    from_id: int | None = None
    from_name: str | None = None
    date: datetime | None = None
    channel_post: int | None = None
    post_author: str | None = None


@frozen
class ReplyFrom:
    """What a message answers that is no message of its chat, as far as its author lets that be seen.

    ``type`` is ``message`` (of another chat) or ``story``; ``chat_id`` is marked.
    """

    type: str
    chat_id: int | None = None
    message_id: int | None = None
    story_id: int | None = None
    from_id: int | None = None
    from_name: str | None = None
    date: datetime | None = None
    channel_post: int | None = None
    post_author: str | None = None
    media: Mapping[str, Json] | None = None


@frozen
class Quote:
    """The part of the answered text that an answer quotes; ``offset``, in UTF-16 units, is where it begins there."""

    text: str
    offset: int | None = None
    entities: tuple[Entity, ...] = ()


@frozen
class Button:
    """A button under a message; ``type`` says what it does (``url``, ``callback``, …), ``url`` what it opens."""

    type: str
    text: str
    url: str | None = None


@frozen(slots=False)  # of so many fields, it is made in half the time without slots
class Message:
    """One message of the archive; the field order is the order in the files.

    The last three are beyond the contract, and stand in a file only where there is something to say: so the files of
    before are what would be written today, and nobody's reader meets keys it has no use for.
    """

    id: int
    date: datetime
    from_id: int | None
    chat: str
    text: str
    reply_to: int | None = None
    thread_id: int | None = None
    views: int | None = None
    forwards: int | None = None
    replies_count: int | None = None
    entities: tuple[Entity, ...] = ()
    edited: bool = False
    edit_date: datetime | None = None
    deleted: bool = False
    reactions: tuple[Reaction, ...] | None = None
    media: Mapping[str, Json] | None = None
    """``{"type": "photo", …}``: ``type`` and what that type has."""
    forward_from: Forward | None = None
    grouped_id: int | None = None
    via_bot_id: int | None = None
    post_author: str | None = None
    pinned: bool = False
    service: Mapping[str, Json] | None = None
    """``{"action": "chat_add_user", …}`` for service messages."""
    reply_from: ReplyFrom | None = None
    quote: Quote | None = None
    buttons: tuple[Button, ...] = ()
