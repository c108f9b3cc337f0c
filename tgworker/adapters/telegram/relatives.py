"""What Telegram tells of the chats that belong with a chat.

Sources: https://core.telegram.org/api/discussion, https://core.telegram.org/api/channel#migration
"""

from __future__ import annotations

from collections.abc import Iterable

from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.reading import Message
from tgworker.core.model import CHANNEL_MARK, Chat, ChatType, Relatives


def relatives_of(chat: Chat, full: TL) -> Relatives:
    """From a ``channelFull``; what is linked to a supergroup is its channel, and none of its relatives here."""
    discussion = full.linked_chat_id if chat.type is ChatType.CHANNEL else None
    predecessor = full.migrated_from_chat_id
    return Relatives(
        discussion=CHANNEL_MARK - discussion if discussion else None,
        predecessor=-predecessor if predecessor else None,
    )


def discussion_of(messages: Iterable[TL]) -> int | None:
    """The group that comments go to, as the newest of these posts tells it; None: none does."""
    posts = (
        (message.id, CHANNEL_MARK - message.replies.channel_id)
        for message in messages
        if isinstance(message, Message)
        and message.replies is not None
        and message.replies.comments
        and message.replies.channel_id
    )
    return max(posts, default=(0, None))[1]
