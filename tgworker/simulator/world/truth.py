"""What the archive must hold, worked out from the world and not from what Telegram sends.

Written from the archive's contract alone and without the worker's own mapping from TL: that both agree
on every message is what the tests of the worker show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tgworker.simulator.world.model import (
    Action,
    Bare,
    Contact,
    Dice,
    File,
    Invoice,
    Media,
    Photo,
    Place,
    Poll,
    Reply,
    WebPage,
    WorldEntity,
    WorldForward,
    WorldMessage,
    WorldReaction,
)

_PAID_REACTION = "⭐"


def message_truth(message: WorldMessage, chat: str) -> dict[str, Any]:
    """The message as the archive writes it, JSON-ready; `chat` is the label (``@name`` or the marked id)."""
    reply_to, thread_id = _reply(message.reply)
    return {
        "id": message.id,
        "date": _time(message.date),
        "from_id": message.sender,
        "chat": chat,
        "text": message.text,
        "reply_to": reply_to,
        "thread_id": thread_id,
        "views": message.views,
        "forwards": message.forwards,
        "replies_count": message.replies_count,
        "entities": [_entity(entity) for entity in message.entities],
        "edited": message.edit_date is not None and not message.edit_hide,
        "edit_date": None if message.edit_date is None else _time(message.edit_date),
        "deleted": False,
        "reactions": (
            None if message.reactions is None else [_reaction(each) for each in message.reactions]
        ),
        "media": None if message.media is None else _media(message.media),
        "forward_from": None if message.forward is None else _forward(message.forward),
        "grouped_id": message.grouped_id,
        "via_bot_id": message.via_bot_id,
        "post_author": message.post_author,
        "pinned": message.pinned,
        "service": None if message.action is None else _service(message.action),
    }


def _time(seconds: int) -> str:
    return _utc(datetime.fromtimestamp(seconds, UTC))


def _utc(moment: datetime) -> str:
    return moment.isoformat()[:19] + "Z"


def _present(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Without the keys that have no value: None, False, and empty texts and lists."""
    return {
        key: value
        for key, value in pairs
        if value is not None and value is not False and value != "" and value != []
    }


def _reply(reply: Reply | None) -> tuple[int | None, int | None]:
    """What is answered, and the thread; a message that is merely in a topic answers nothing."""
    if reply is None or reply.story or reply.other_chat is not None:
        return None, None
    if reply.topic and reply.top_id is None:
        return None, reply.msg_id
    return reply.msg_id, reply.top_id or reply.msg_id


def _entity(entity: WorldEntity) -> dict[str, Any]:
    kept = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    extra = {
        "url": entity.url,
        "user_id": entity.user_id,
        "language": entity.language,
        "document_id": entity.document_id,
        "collapsed": entity.collapsed,
    }
    return kept | _present(extra.items())


def _reaction(reaction: WorldReaction) -> dict[str, Any]:
    if reaction.document_id is not None:
        return {"count": reaction.count, "document_id": reaction.document_id}
    return {"count": reaction.count, "emoji": reaction.emoji or _PAID_REACTION}


def _forward(forward: WorldForward) -> dict[str, Any]:
    return _present(
        {
            "from_id": forward.from_id,
            "from_name": forward.from_name,
            "date": _time(forward.date),
            "channel_post": forward.channel_post,
            "post_author": forward.post_author,
        }.items()
    )


def _service(action: Action) -> dict[str, Any]:
    return {"action": action.type} | _present(
        (key, _plain(value)) for key, value in action.fields.items()
    )


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return _utc(value)
    return list(value) if isinstance(value, tuple) else value


def _media(media: Media) -> dict[str, Any]:
    return _present(_media_fields(media).items())


def _media_fields(media: Media) -> Mapping[str, Any]:
    match media:
        case Photo(sizes=()):
            return {"type": "photo"}
        case Photo():
            width, height, size = media.sizes[-1]
            return {"type": "photo", "width": width, "height": height, "size": size}
        case File():
            return {
                "type": media.kind,
                "file_name": media.file_name,
                "mime_type": media.mime_type,
                "size": media.size,
                "width": media.width,
                "height": media.height,
                "duration": media.duration,
                "title": media.title,
                "performer": media.performer,
                "emoji": media.emoji,
            }
        case WebPage():
            return {
                "type": "web_page",
                "url": media.url,
                "site_name": media.site_name,
                "title": media.title,
                "description": media.description,
            }
        case Place():
            return _place(media)
        case Contact():
            return {
                "type": "contact",
                "phone_number": media.phone_number,
                "first_name": media.first_name,
                "last_name": media.last_name,
                "user_id": media.user_id or None,
            }
        case Poll():
            return {
                "type": "poll",
                "question": media.question,
                "answers": list(media.answers),
                "closed": media.closed,
                "quiz": media.quiz,
                "total_voters": media.total_voters,
            }
        case Dice():
            return {"type": "dice", "emoji": media.emoji, "value": media.value}
        case Invoice():
            return {
                "type": "invoice",
                "title": media.title,
                "description": media.description,
                "currency": media.currency,
                "total_amount": media.total_amount,
                "start_param": media.start_param,
            }
        case Bare():
            return {"type": media.type}


def _place(place: Place) -> Mapping[str, Any]:
    kind = "venue" if place.title else "geo_live" if place.period else "geo"
    return {
        "type": kind,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "period": place.period,
        "title": place.title,
        "address": place.address,
    }
