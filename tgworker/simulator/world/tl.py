"""The world in Telegram's words: messages as Telethon's TL objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import types

from tgworker.core.model import ChatType
from tgworker.simulator.world.media_model import Giveaway, Media, Story
from tgworker.simulator.world.model import (
    Reply,
    WorldButton,
    WorldEntity,
    WorldForward,
    WorldMessage,
    WorldReaction,
)
from tgworker.simulator.world.tl_actions import action_tl
from tgworker.simulator.world.tl_media import media_tl
from tgworker.simulator.world.tl_plain import moment, peer_tl


def message_tl(
    message: WorldMessage, *, chat_id: int, type: ChatType, linked_id: int | None
) -> Any:
    """The message as ``Message`` or ``MessageService``.

    `chat_id` is the chat's marked id; `linked_id` (bare) is the group that comments on a channel's posts go to, if
    there is one.
    """
    post = type is ChatType.CHANNEL
    common: dict[str, Any] = {
        "id": message.id,
        "peer_id": peer_tl(chat_id),
        "date": moment(message.date),
        "from_id": None if message.sender is None else peer_tl(message.sender),
        "reply_to": None if message.reply is None else _reply(message.reply, message),
        "post": post or None,
    }
    if message.action is not None:
        return types.MessageService(**common, action=action_tl(message.action, message.id))
    return types.Message(
        **common,
        message=message.text,
        entities=[entity_tl(entity) for entity in message.entities] or None,
        media=None if message.media is None else media_tl(message.media, message.id, message.date),
        reply_markup=_markup(message.buttons) if message.buttons else None,
        fwd_from=None if message.forward is None else _forward(message.forward),
        replies=_replies(message.replies_count, linked_id if post else None),
        views=message.views,
        forwards=message.forwards,
        edit_date=None if message.edit_date is None else moment(message.edit_date),
        edit_hide=message.edit_hide or None,
        reactions=None if message.reactions is None else _reactions(message.reactions),
        grouped_id=message.grouped_id,
        via_bot_id=message.via_bot_id,
        post_author=message.post_author,
        pinned=message.pinned or None,
    )


def peers_of(message: WorldMessage) -> frozenset[int]:
    """Marked ids of everyone whom Telegram names along with the message."""
    forward, reply, action = message.forward, message.reply, message.action
    origin = reply.origin if reply is not None else None
    peers = {
        message.sender,
        message.via_bot_id,
        forward.from_id if forward is not None else None,
        reply.other_chat if reply is not None else None,
        reply.story[0] if reply is not None and reply.story is not None else None,
        origin.from_id if origin is not None else None,
        *(entity.user_id for entity in message.entities),
        *_named_in(message.media),
        *(_named_in(reply.media) if reply is not None else ()),
    }
    for value in action.fields.values() if action is not None else ():
        named = value if isinstance(value, tuple) else (value,)
        peers.update(peer for peer in named if isinstance(peer, int))
    return frozenset(peer for peer in peers if isinstance(peer, int))


def _named_in(media: Media | None) -> tuple[int, ...]:
    match media:
        case Giveaway():
            return (*media.channels, *media.winners)
        case Story():
            return (media.peer,)
    return ()


def _reply(reply: Reply, message: WorldMessage) -> Any:
    if reply.story is not None:
        return types.MessageReplyStoryHeader(peer_tl(reply.story[0]), reply.story[1])
    quote, media = reply.quote, reply.media
    return types.MessageReplyHeader(
        reply_to_msg_id=reply.msg_id,
        reply_to_top_id=reply.top_id,
        forum_topic=reply.topic or None,
        reply_to_peer_id=None if reply.other_chat is None else peer_tl(reply.other_chat),
        reply_from=None if reply.origin is None else _forward(reply.origin),
        reply_media=None if media is None else media_tl(media, message.id, message.date),
        quote=quote is not None or None,
        quote_text=None if quote is None else quote.text,
        quote_entities=[entity_tl(each) for each in quote.entities] or None if quote else None,
        quote_offset=None if quote is None else quote.offset,
    )


def _markup(rows: tuple[tuple[WorldButton, ...], ...]) -> Any:
    return types.ReplyInlineMarkup(
        [
            types.KeyboardInlineButtonRow(
                [types.KeyboardInlineButton(each.text, _BUTTONS[each.type](each)) for each in row]
            )
            for row in rows
        ]
    )


_BUTTONS: dict[str, Callable[[WorldButton], Any]] = {
    "url": lambda button: types.InlineButtonTypeUrl(button.url),
    "url_auth": lambda button: types.InlineButtonTypeUrlAuth(button.url, 1),
    "web_view": lambda button: types.InlineButtonTypeWebView(button.url),
    "callback": lambda button: types.InlineButtonTypeCallback(b"data"),
    "switch_inline": lambda button: types.InlineButtonTypeSwitchInline("query"),
    "copy": lambda button: types.InlineButtonTypeCopy(button.text),
}


def _replies(count: int | None, linked_id: int | None) -> Any:
    if count is None:
        return None
    if linked_id is None:
        return types.MessageReplies(replies=count, replies_pts=1)
    return types.MessageReplies(replies=count, replies_pts=1, comments=True, channel_id=linked_id)


def _forward(forward: WorldForward) -> Any:
    return types.MessageFwdHeader(
        date=moment(forward.date),
        from_id=None if forward.from_id is None else peer_tl(forward.from_id),
        from_name=forward.from_name,
        channel_post=forward.channel_post,
        post_author=forward.post_author,
    )


def _reactions(reactions: tuple[WorldReaction, ...]) -> Any:
    return types.MessageReactions(
        [types.ReactionCount(_kind(each), each.count) for each in reactions]
    )


def _kind(reaction: WorldReaction) -> Any:
    if reaction.document_id is not None:
        return types.ReactionCustomEmoji(reaction.document_id)
    return types.ReactionEmoji(reaction.emoji) if reaction.emoji else types.ReactionPaid()


def entity_tl(entity: WorldEntity) -> Any:
    """The entity's own TL type."""
    return _ENTITIES[entity.type](entity, entity.offset, entity.length)


_ENTITIES: dict[str, Callable[[WorldEntity, int, int], Any]] = {
    "unknown": lambda e, at, n: types.MessageEntityUnknown(at, n),
    "mention": lambda e, at, n: types.MessageEntityMention(at, n),
    "hashtag": lambda e, at, n: types.MessageEntityHashtag(at, n),
    "bot_command": lambda e, at, n: types.MessageEntityBotCommand(at, n),
    "url": lambda e, at, n: types.MessageEntityUrl(at, n),
    "email": lambda e, at, n: types.MessageEntityEmail(at, n),
    "bold": lambda e, at, n: types.MessageEntityBold(at, n),
    "italic": lambda e, at, n: types.MessageEntityItalic(at, n),
    "code": lambda e, at, n: types.MessageEntityCode(at, n),
    "pre": lambda e, at, n: types.MessageEntityPre(at, n, e.language or ""),
    "text_url": lambda e, at, n: types.MessageEntityTextUrl(at, n, e.url),
    "mention_name": lambda e, at, n: types.MessageEntityMentionName(at, n, e.user_id),
    "phone": lambda e, at, n: types.MessageEntityPhone(at, n),
    "cashtag": lambda e, at, n: types.MessageEntityCashtag(at, n),
    "underline": lambda e, at, n: types.MessageEntityUnderline(at, n),
    "strike": lambda e, at, n: types.MessageEntityStrike(at, n),
    "bank_card": lambda e, at, n: types.MessageEntityBankCard(at, n),
    "spoiler": lambda e, at, n: types.MessageEntitySpoiler(at, n),
    "custom_emoji": lambda e, at, n: types.MessageEntityCustomEmoji(at, n, e.document_id),
    "blockquote": lambda e, at, n: types.MessageEntityBlockquote(at, n, e.collapsed or None),
    "formatted_date": lambda e, at, n: types.MessageEntityFormattedDate(at, n, moment(e.date or 0)),
    "diff_insert": lambda e, at, n: types.MessageEntityDiffInsert(at, n),
    "diff_replace": lambda e, at, n: types.MessageEntityDiffReplace(at, n, e.old_text or ""),
    "diff_delete": lambda e, at, n: types.MessageEntityDiffDelete(at, n),
}
