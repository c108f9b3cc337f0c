"""From Telegram's messages to the archive's: pure functions that know nothing of a connection.

Telegram adds types every few weeks. What is not known here keeps its own name and its plain fields, and never raises: a
message that cannot be described in full is still a message that must not be lost.
"""

from __future__ import annotations

from telethon.tl import types

from tgworker.adapters.telegram.entities import map_entities, map_reactions
from tgworker.adapters.telegram.media import map_media
from tgworker.adapters.telegram.people import map_people
from tgworker.adapters.telegram.plain import TL, marked_id, plain_fields, tl_name, utc
from tgworker.core.model import Forward, Message, Page


def map_page(result: TL, label: str) -> Page:
    """An answer of ``messages.getHistory`` as a page, oldest first; `label` is what its messages call the chat.

    Messages are unique even where the answer repeats one. ``messages.messagesNotModified`` is an empty page.
    """
    if isinstance(result, types.messages.MessagesNotModified):
        return Page(ids=(), messages=())
    raw = {message.id: message for message in result.messages}
    ids = tuple(sorted(raw))
    messages = tuple(
        map_message(raw[id], label) for id in ids if not isinstance(raw[id], types.MessageEmpty)
    )
    return Page(ids, messages, map_people(result, (message.from_id for message in messages)))


def map_message(raw: TL, label: str) -> Message:
    """One ``message`` or ``messageService``."""
    if isinstance(raw, types.MessageService):
        return _map_service(raw, label)
    reply_to, thread_id = _map_reply(raw)
    return Message(
        id=raw.id,
        date=utc(raw.date),
        from_id=marked_id(raw.from_id),
        chat=label,
        text=raw.message,
        reply_to=reply_to,
        thread_id=thread_id,
        views=raw.views,
        forwards=raw.forwards,
        replies_count=None if raw.replies is None else raw.replies.replies,
        entities=map_entities(raw.entities),
        # Telegram also sets the date of edits when only the reactions changed, and then hides that.
        edited=raw.edit_date is not None and not raw.edit_hide,
        edit_date=None if raw.edit_date is None else utc(raw.edit_date),
        reactions=map_reactions(raw.reactions),
        media=map_media(raw.media),
        forward_from=_map_forward(raw.fwd_from),
        grouped_id=raw.grouped_id,
        via_bot_id=raw.via_bot_id,
        post_author=raw.post_author,
        pinned=bool(raw.pinned),
    )


def _map_service(raw: TL, label: str) -> Message:
    reply_to, thread_id = _map_reply(raw)
    return Message(
        id=raw.id,
        date=utc(raw.date),
        from_id=marked_id(raw.from_id),
        chat=label,
        text="",
        reply_to=reply_to,
        thread_id=thread_id,
        reactions=map_reactions(raw.reactions),
        service={"action": tl_name(raw.action, "MessageAction"), **plain_fields(raw.action)},
    )


def _map_reply(raw: TL) -> tuple[int | None, int | None]:
    """``reply_to`` and ``thread_id``. Source: https://core.telegram.org/api/threads and /api/forum.

    In a forum, a message that answers nobody "replies" to the topic's first message. Ids of another chat mean nothing
    in this one.
    """
    header = raw.reply_to
    if not isinstance(header, types.MessageReplyHeader):
        return None, None
    if header.reply_to_peer_id is not None and (
        marked_id(header.reply_to_peer_id) != marked_id(raw.peer_id)
    ):
        return None, None
    answered, top = header.reply_to_msg_id, header.reply_to_top_id
    if header.forum_topic and top is None:
        return None, answered
    return answered, answered if top is None else top


def _map_forward(header: TL | None) -> Forward | None:
    if header is None:
        return None
    return Forward(
        from_id=marked_id(header.from_id),
        from_name=header.from_name,
        date=utc(header.date),
        channel_post=header.channel_post,
        post_author=header.post_author,
    )
