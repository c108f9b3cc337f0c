"""Marked-up stretches of a text, and reactions."""

from __future__ import annotations

from telethon.tl import types

from tgworker.adapters.telegram.plain import TL, count, listed, text_or_none, tl_name, whole
from tgworker.core.message import Entity, Reaction

PAID_REACTION = "⭐"
"""A paid reaction has no emoji in the protocol; this is what Telegram's own apps show."""

_PLACED = frozenset(
    {
        *(types.MessageEntityBold, types.MessageEntityItalic, types.MessageEntityUnderline),
        *(types.MessageEntityStrike, types.MessageEntitySpoiler, types.MessageEntityCode),
        *(types.MessageEntityMention, types.MessageEntityHashtag, types.MessageEntityCashtag),
        *(types.MessageEntityUrl, types.MessageEntityEmail, types.MessageEntityPhone),
        *(types.MessageEntityBotCommand, types.MessageEntityBankCard, types.MessageEntityUnknown),
    }
)
"""Types that have a place and nothing else."""


def map_entities(entities: list[TL] | None) -> tuple[Entity, ...]:
    """The entities of a message, in Telegram's order; one of an unknown type keeps its name and its place."""
    return tuple(map(_map_entity, listed(entities))) if entities else ()


def _map_entity(entity: TL) -> Entity:
    type_ = tl_name(entity, "MessageEntity")
    if type(entity) in _PLACED:
        return Entity(type_, count(entity.offset) or 0, count(entity.length) or 0)
    return Entity(
        type_,
        count(getattr(entity, "offset", 0)) or 0,
        count(getattr(entity, "length", 0)) or 0,
        url=text_or_none(getattr(entity, "url", None)),
        # A client writes a mention with an InputUser in this place, and Telegram's answers hold a number.
        user_id=whole(getattr(entity, "user_id", None)),
        language=text_or_none(getattr(entity, "language", None)),
        document_id=whole(getattr(entity, "document_id", None)),
        collapsed=True if getattr(entity, "collapsed", None) else None,
    )


def map_reactions(reactions: TL | None) -> tuple[Reaction, ...] | None:
    """The reactions of a message, in Telegram's order; None where Telegram says nothing of reactions."""
    if reactions is None:
        return None
    return tuple(map(_map_reaction, listed(getattr(reactions, "results", None))))


def _map_reaction(counted: TL) -> Reaction:
    """One of an unknown kind is counted without saying what it is."""
    number = count(getattr(counted, "count", None)) or 0
    reaction = getattr(counted, "reaction", None)
    if type(reaction) is types.ReactionPaid:
        return Reaction(number, emoji=PAID_REACTION)
    return Reaction(
        number,
        emoji=text_or_none(getattr(reaction, "emoticon", None)),
        document_id=whole(getattr(reaction, "document_id", None)),
    )
