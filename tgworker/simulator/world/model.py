"""The world's own values: what a message, a file or a person is before TL or the archive put it in their words.

They are deliberately none of the archive's: `tl` turns them into what Telegram sends, `truth` into
what the archive must hold, and neither knows how the worker maps the one to the other. Times are Unix
seconds; ids of people and chats are marked as in the Bot API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import frozen


@frozen
class WorldUser:
    """Somebody with an account. ``names`` are usernames of the newer kind: name and whether it is active."""

    id: int
    access_hash: int
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    names: tuple[tuple[str, bool], ...] = ()
    bot: bool = False
    deleted: bool = False
    phone: str | None = None

    @property
    def shown_username(self) -> str | None:
        """The name people see: the old kind, else the first active one of the newer kind."""
        return self.username or next((name for name, active in self.names if active), None)


@frozen
class Outsider:
    """A channel outside this world: messages are forwarded from it, or posted in its name."""

    id: int
    access_hash: int
    title: str
    username: str | None = None


@frozen
class WorldEntity:
    """A marked-up stretch; ``type`` is the snake-case name of the TL type, offsets are in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str | None = None
    user_id: int | None = None
    language: str | None = None
    document_id: int | None = None
    collapsed: bool = False
    date: int | None = None
    old_text: str | None = None


@frozen
class Reply:
    """What a message answers: another message, one in another chat (``other_chat``), or a story."""

    msg_id: int | None = None
    top_id: int | None = None
    topic: bool = False
    other_chat: int | None = None
    quote: str | None = None
    story: bool = False


@frozen
class WorldForward:
    """Where a message was forwarded from; ``from_id`` is empty when the author hides."""

    date: int
    from_id: int | None = None
    from_name: str | None = None
    channel_post: int | None = None
    post_author: str | None = None


@frozen
class WorldReaction:
    """One kind of reaction: an emoji, a custom emoji's document, or paid with stars (neither is set)."""

    count: int
    emoji: str | None = None
    document_id: int | None = None


@frozen
class Photo:
    """A photo; one that has expired has no sizes any more."""

    sizes: tuple[tuple[int, int, int], ...]
    """Width, height and bytes, ascending."""
    progressive: bool = False


@frozen
class File:
    """A document.

    ``kind`` is the archive's word: sticker, animation, video_note, video, voice, audio or document.
    """

    kind: str
    mime_type: str
    size: int
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    title: str | None = None
    performer: str | None = None
    emoji: str | None = None


@frozen
class WebPage:
    """A link's preview; ``empty`` if Telegram found nothing there."""

    url: str
    site_name: str | None = None
    title: str | None = None
    description: str | None = None
    empty: bool = False


@frozen
class Place:
    """A point on the map: plain, live (``period`` in seconds), or a venue (``title`` and ``address``)."""

    latitude: float
    longitude: float
    period: int | None = None
    title: str | None = None
    address: str | None = None


@frozen
class Contact:
    phone_number: str
    first_name: str
    last_name: str
    user_id: int


@frozen
class Poll:
    question: str
    answers: tuple[str, ...]
    closed: bool
    quiz: bool
    total_voters: int


@frozen
class Dice:
    emoji: str
    value: int


@frozen
class Invoice:
    title: str
    description: str
    currency: str
    total_amount: int
    start_param: str


@frozen
class Bare:
    """Media of which the archive keeps the type alone: ``unsupported``, ``game``, ``to_do``."""

    type: str


Media: TypeAlias = Photo | File | WebPage | Place | Contact | Poll | Dice | Invoice | Bare


@frozen
class Action:
    """What a service message tells. ``fields`` are the TL action's plain ones, in TL order, peers as marked ids.

    Of TL fields that are objects (a photo, a call) the world has nothing: `tl` makes them up.
    """

    type: str
    fields: Mapping[str, Any]


@frozen
class WorldMessage:
    """One message, as the world knows it. ``sender`` is empty for posts of a channel."""

    id: int
    date: int
    sender: int | None = None
    text: str = ""
    entities: tuple[WorldEntity, ...] = ()
    reply: Reply | None = None
    replies_count: int | None = None
    views: int | None = None
    forwards: int | None = None
    edit_date: int | None = None
    edit_hide: bool = False
    reactions: tuple[WorldReaction, ...] | None = None
    media: Media | None = None
    forward: WorldForward | None = None
    grouped_id: int | None = None
    via_bot_id: int | None = None
    post_author: str | None = None
    pinned: bool = False
    action: Action | None = None
