"""The world's own values: what a message, a file or a person is before TL or the archive put it in their words.

They are deliberately none of the archive's: `tl` turns them into what Telegram sends, `truth` into
what the archive must hold, and neither knows how the worker maps the one to the other. Times are Unix
seconds; ids of people and chats are marked as in the Bot API.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from tgworker.simulator.world.media_model import Media


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
class WorldForward:
    """Where a message was forwarded from; ``from_id`` is empty when the author hides."""

    date: int
    from_id: int | None = None
    from_name: str | None = None
    channel_post: int | None = None
    post_author: str | None = None


@frozen
class WorldQuote:
    """What an answer quotes; ``offset`` is where it begins in the text that is answered."""

    text: str
    entities: tuple[WorldEntity, ...] = ()
    offset: int = 0


@frozen
class Reply:
    """What a message answers: another message, one in another chat (``other_chat``), or a story.

    Of a message in another chat Telegram sends along where it is from (``origin``) and what it carries (``media``);
    a chat that this account may not see is not named, and ``other_chat`` and ``msg_id`` are empty. ``topic`` says that
    the message is in a topic: ``top_id``, or where that is empty, ``msg_id``.
    """

    msg_id: int | None = None
    top_id: int | None = None
    topic: bool = False
    other_chat: int | None = None
    origin: WorldForward | None = None
    media: Media | None = None
    quote: WorldQuote | None = None
    story: tuple[int, int] | None = None
    """Whose story (marked id), and which."""

    @property
    def elsewhere(self) -> bool:
        """Whether it answers a message that is not in the same chat."""
        return self.other_chat is not None or self.origin is not None


@frozen
class WorldReaction:
    """One kind of reaction: an emoji, a custom emoji's document, or paid with stars (neither is set)."""

    count: int
    emoji: str | None = None
    document_id: int | None = None


@frozen
class WorldButton:
    """A button under a message.

    ``type`` is the archive's word: url, web_view, url_auth, callback, switch_inline or copy.
    """

    type: str
    text: str
    url: str | None = None


@frozen
class Action:
    """What a service message tells. ``fields`` are the TL action's plain ones, in TL order, peers as marked ids.

    Fields that TL itself has as bare ids (``chat_id``, ``channel_id``) are bare; small objects (a gift, tasks) are
    mappings. Of other objects (a photo, a call) the world has nothing: `tl` makes them up.
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
    buttons: tuple[tuple[WorldButton, ...], ...] = ()
    """Rows of them."""


@frozen
class SentMessage:
    """A message that the account wrote into the chat called so; ``key`` is what the client calls it."""

    chat: str
    text: str
    key: int
    id: int
