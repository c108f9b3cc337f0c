"""From Telegram's messages to the archive's: pure functions that know nothing of a connection.

Telegram adds types every few weeks. What is not known here keeps its own name and its plain fields, and never raises: a
message that cannot be described in full is still a message that must not be lost. Numbers and texts that are not what
the schema promises are left out one by one.
"""

from __future__ import annotations

from datetime import UTC, datetime

from telethon.tl import types

from tgworker.adapters.telegram import reading
from tgworker.adapters.telegram.buttons import map_buttons
from tgworker.adapters.telegram.entities import map_entities, map_reactions
from tgworker.adapters.telegram.media import map_media
from tgworker.adapters.telegram.people import map_people
from tgworker.adapters.telegram.plain import (
    TL,
    count,
    listed,
    marked_id,
    message_id,
    plain_fields,
    time_or_none,
    tl_name,
    whole,
)
from tgworker.adapters.telegram.replies import NO_REPLY, map_forward, map_reply
from tgworker.core.message import Json, Message
from tgworker.core.model import Page

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PeerUser = types.PeerUser
_TOLD = frozenset({"action", "id", "peer_id", "date", "message", "from_id"})
"""Fields that have a place of their own in the archive."""


def map_page(result: TL, label: str) -> Page:
    """An answer of ``messages.getHistory`` as a page, oldest first; `label` is what its messages call the chat.

    Messages are unique even where the answer repeats one. ``messages.messagesNotModified`` is an empty page.
    """
    if isinstance(result, types.messages.MessagesNotModified):
        return Page(ids=(), messages=())
    found = ((message_id(getattr(each, "id", None)), each) for each in listed(result.messages))
    raw = {id: each for id, each in found if id is not None}
    ids = tuple(sorted(raw))
    messages = tuple(
        map_message(raw[id], label) for id in ids if not isinstance(raw[id], reading.MessageEmpty)
    )
    people = map_people(result, {message.from_id for message in messages})
    return Page(ids, messages, people, *_map_numbers(result))


def _map_numbers(result: TL) -> tuple[int | None, int | None]:
    """``count`` and ``position`` of an answer that has them (``messages.messages`` has not) and calls them exact."""
    if getattr(result, "inexact", None):
        return None, None
    return (
        count(getattr(result, "count", None)),
        count(getattr(result, "offset_id_offset", None)),
    )


def map_message(raw: TL, label: str) -> Message:
    """One ``message``, ``messageService``, or whatever kind of message Telegram has by then."""
    if not isinstance(raw, reading.Message):
        return _map_service(raw, label)
    header, entities, reactions, media = raw.reply_to, raw.entities, raw.reactions, raw.media
    reply = NO_REPLY if header is None else map_reply(header, raw.peer_id)
    edit_date = None if raw.edit_date is None else time_or_none(raw.edit_date)
    text, author = raw.message, raw.post_author
    return Message(
        raw.id,
        time_or_none(raw.date) or _EPOCH,
        _sender(raw),
        label,
        text if isinstance(text, str) else "",
        reply.reply_to,
        reply.thread_id,
        None if raw.views is None else count(raw.views),
        None if raw.forwards is None else count(raw.forwards),
        None if raw.replies is None else count(getattr(raw.replies, "replies", None)),
        map_entities(entities) if entities else (),
        # Telegram also sets the date of edits when only the reactions changed, and then hides that.
        edit_date is not None and not raw.edit_hide,
        edit_date,
        False,
        None if reactions is None else map_reactions(reactions),
        None if media is None else map_media(media),
        None if raw.fwd_from is None else map_forward(raw.fwd_from),
        None if raw.grouped_id is None else whole(raw.grouped_id),
        None if raw.via_bot_id is None else whole(raw.via_bot_id),
        author if isinstance(author, str) else None,
        bool(raw.pinned),
        None,
        reply.reply_from,
        reply.quote,
        () if raw.reply_markup is None else map_buttons(raw.reply_markup),
    )


def _map_service(raw: TL, label: str) -> Message:
    """A service message; a kind of message that is not known here is written like one, named after its class."""
    header = getattr(raw, "reply_to", None)
    reply = NO_REPLY if header is None else map_reply(header, getattr(raw, "peer_id", None))
    text = getattr(raw, "message", None)
    return Message(
        id=raw.id,
        date=time_or_none(getattr(raw, "date", None)) or _EPOCH,
        from_id=_sender(raw) if isinstance(raw, reading.MessageService) else _named_sender(raw),
        chat=label,
        text=text if isinstance(text, str) else "",
        reply_to=reply.reply_to,
        thread_id=reply.thread_id,
        reactions=map_reactions(getattr(raw, "reactions", None)),
        service=_action(raw),
        reply_from=reply.reply_from,
        quote=reply.quote,
    )


def _action(raw: TL) -> dict[str, Json]:
    if isinstance(raw, reading.MessageService):
        return {"action": tl_name(raw.action, "MessageAction"), **plain_fields(raw.action)}
    own = {key: value for key, value in plain_fields(raw).items() if key not in _TOLD}
    return {"action": tl_name(raw, ""), **own}


def _sender(raw: TL) -> int | None:
    """Who wrote it. What the other one writes in a private chat has no sender of its own.

    Source: https://core.telegram.org/constructor/message, ``from_id``
    """
    if raw.from_id is not None:
        return marked_id(raw.from_id)
    return marked_id(raw.peer_id) if isinstance(raw.peer_id, _PeerUser) and not raw.out else None


def _named_sender(raw: TL) -> int | None:
    return marked_id(getattr(raw, "from_id", None))
