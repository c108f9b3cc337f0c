"""What a message answers, what of it is quoted, and where a forward came from."""

from __future__ import annotations

from attrs import frozen
from telethon.tl import types

from tgworker.adapters.telegram.entities import map_entities
from tgworker.adapters.telegram.media import map_media
from tgworker.adapters.telegram.plain import (
    TL,
    count,
    marked_id,
    message_id,
    text_or_none,
    time_or_none,
    tl_name,
    whole,
)
from tgworker.core.message import Forward, Quote, ReplyFrom


@frozen
class Reply:
    """All that a message's reply header becomes."""

    reply_to: int | None = None
    thread_id: int | None = None
    reply_from: ReplyFrom | None = None
    quote: Quote | None = None


NO_REPLY = Reply()


def map_reply(header: TL, here: TL) -> Reply:
    """A reply header, of a message in the chat `here` (a Peer).

    In a forum, a message that answers nobody "replies" to the topic's first message; one in the General topic replies
    to nothing. Ids of another chat mean nothing in this one, so they stand apart.
    Sources: https://core.telegram.org/api/threads, https://core.telegram.org/api/forum
    """
    if isinstance(header, types.MessageReplyStoryHeader):
        story = ReplyFrom("story", marked_id(header.peer), story_id=whole(header.story_id))
        return Reply(reply_from=story)
    if not isinstance(header, types.MessageReplyHeader):
        return Reply(reply_from=ReplyFrom(tl_name(header, "MessageReply")))
    quote = map_quote(header)
    answered, top = message_id(header.reply_to_msg_id), message_id(header.reply_to_top_id)
    if _is_elsewhere(header, here, answered):
        # Only a topic is of this chat.
        return Reply(None, top if header.forum_topic else None, _elsewhere(header), quote)
    if header.forum_topic and top is None:
        return Reply(None if quote is None else answered, answered, None, quote)
    return Reply(answered, answered if top is None else top, None, quote)


def _is_elsewhere(header: TL, here: TL, answered: int | None) -> bool:
    """The other chat is named, or hidden, and then so is the id."""
    if header.reply_to_peer_id is None:
        return answered is None and header.reply_from is not None
    return marked_id(header.reply_to_peer_id) != marked_id(here)


def _elsewhere(header: TL) -> ReplyFrom:
    """Where the answered message is, as far as its author lets that be seen."""
    origin = map_forward(header.reply_from) or Forward()
    return ReplyFrom(
        "message",
        marked_id(header.reply_to_peer_id),
        message_id(header.reply_to_msg_id),
        from_id=origin.from_id,
        from_name=origin.from_name,
        date=origin.date,
        channel_post=origin.channel_post,
        post_author=origin.post_author,
        media=map_media(header.reply_media),
    )


def map_quote(header: TL) -> Quote | None:
    """The stretch of the answered text that is quoted."""
    text = text_or_none(header.quote_text)
    if text is None:
        return None
    return Quote(text, count(header.quote_offset), map_entities(header.quote_entities))


def map_forward(header: TL | None) -> Forward | None:
    """Where a forwarded message came from."""
    if header is None:
        return None
    return Forward(
        from_id=marked_id(getattr(header, "from_id", None)),
        from_name=text_or_none(getattr(header, "from_name", None)),
        date=time_or_none(getattr(header, "date", None)),
        channel_post=whole(getattr(header, "channel_post", None)),
        post_author=text_or_none(getattr(header, "post_author", None)),
    )
