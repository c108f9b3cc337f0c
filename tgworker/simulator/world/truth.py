"""What the archive must hold, worked out from the world and not from what Telegram sends.

Written from the archive's contract alone and without the worker's own mapping from TL: that both agree
on every message is what the tests of the worker show.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world.model import (
    Action,
    Reply,
    WorldEntity,
    WorldForward,
    WorldMessage,
    WorldReaction,
)
from tgworker.simulator.world.truth_media import media_truth, present, time_truth

_PAID_REACTION = "⭐"


def message_truth(message: WorldMessage, chat: str) -> dict[str, Any]:
    """The message as the archive writes it, JSON-ready; `chat` is the label (``@name`` or the marked id)."""
    reply_to, thread_id = _reply(message.reply)
    return {
        "id": message.id,
        "date": time_truth(message.date),
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
        "edit_date": None if message.edit_date is None else time_truth(message.edit_date),
        "deleted": False,
        "reactions": (
            None if message.reactions is None else [_reaction(each) for each in message.reactions]
        ),
        "media": None if message.media is None else media_truth(message.media),
        "forward_from": None if message.forward is None else _forward(message.forward),
        "grouped_id": message.grouped_id,
        "via_bot_id": message.via_bot_id,
        "post_author": message.post_author,
        "pinned": message.pinned,
        "service": None if message.action is None else _service(message.action),
        **_beyond(message),
    }


def _beyond(message: WorldMessage) -> dict[str, Any]:
    """What goes beyond the contract, and is there only where there is something to say."""
    reply = message.reply
    told: dict[str, Any] = {}
    if reply is not None and (elsewhere := _reply_from(reply)):
        told["reply_from"] = elsewhere
    if reply is not None and reply.quote is not None:
        quote = reply.quote
        told["quote"] = {"text": quote.text, "offset": quote.offset}
        if quote.entities:
            told["quote"]["entities"] = [_entity(entity) for entity in quote.entities]
    if message.buttons:
        told["buttons"] = [
            {"type": each.type, "text": each.text} | ({"url": each.url} if each.url else {})
            for row in message.buttons
            for each in row
        ]
    return told


def _reply(reply: Reply | None) -> tuple[int | None, int | None]:
    """What is answered, and the thread; a message that is merely in a topic answers nothing.

    A quote shows that the first message of a topic is answered indeed. What is answered elsewhere has no id here, but
    the answer may be in a topic all the same.
    """
    if reply is None or reply.story is not None:
        return None, None
    if reply.elsewhere:
        return None, reply.top_id if reply.topic else None
    if reply.topic and reply.top_id is None:
        return None if reply.quote is None else reply.msg_id, reply.msg_id
    return reply.msg_id, reply.top_id or reply.msg_id


def _reply_from(reply: Reply) -> dict[str, Any] | None:
    if reply.story is not None:
        return {"type": "story", "chat_id": reply.story[0], "story_id": reply.story[1]}
    if not reply.elsewhere:
        return None
    told = {"type": "message", "chat_id": reply.other_chat, "message_id": reply.msg_id}
    told |= {} if reply.origin is None else _forward(reply.origin)
    return present((told | {"media": reply.media and media_truth(reply.media)}).items())


def _entity(entity: WorldEntity) -> dict[str, Any]:
    kept = {"type": entity.type, "offset": entity.offset, "length": entity.length}
    extra = {
        "url": entity.url,
        "user_id": entity.user_id,
        "language": entity.language,
        "document_id": entity.document_id,
        "collapsed": entity.collapsed,
    }
    return kept | present(extra.items())


def _reaction(reaction: WorldReaction) -> dict[str, Any]:
    if reaction.document_id is not None:
        return {"count": reaction.count, "document_id": reaction.document_id}
    return {"count": reaction.count, "emoji": reaction.emoji or _PAID_REACTION}


def _forward(forward: WorldForward) -> dict[str, Any]:
    return present(
        {
            "from_id": forward.from_id,
            "from_name": forward.from_name,
            "date": time_truth(forward.date),
            "channel_post": forward.channel_post,
            "post_author": forward.post_author,
        }.items()
    )


def _service(action: Action) -> dict[str, Any]:
    return {"action": action.type} | present(
        (key, _plain(key, value)) for key, value in action.fields.items()
    )


def _plain(key: str, value: Any) -> Any:
    """Ids of chats are marked, of objects their own names are kept."""
    if key in ("channel_id", "chat_id"):
        return CHANNEL_MARK - value if key == "channel_id" else -value
    if isinstance(value, datetime):
        return value.isoformat()[:19] + "Z"
    if isinstance(value, Mapping):
        return present(value.items())
    return list(value) if isinstance(value, tuple) else value
