"""Marked-up stretches of a text, and reactions."""

from __future__ import annotations

from telethon.tl import types

from tgworker.adapters.telegram.plain import TL, tl_name
from tgworker.core.model import Entity, Reaction

PAID_REACTION = "⭐"
"""A paid reaction has no emoji in the protocol; this is what Telegram's own apps show."""


def map_entities(entities: list[TL] | None) -> tuple[Entity, ...]:
    """The entities of a message, in Telegram's order; one of an unknown type keeps its name and its place."""
    return tuple(map(_map_entity, entities or ()))


def _map_entity(entity: TL) -> Entity:
    return Entity(
        type=tl_name(entity, "MessageEntity"),
        offset=entity.offset,
        length=entity.length,
        url=getattr(entity, "url", None),
        user_id=_user_id(entity),
        language=getattr(entity, "language", None) or None,
        document_id=getattr(entity, "document_id", None),
        collapsed=getattr(entity, "collapsed", None) or None,
    )


def _user_id(entity: TL) -> int | None:
    """A client writes a mention with an InputUser in this place, and Telegram's answers hold a number."""
    user_id = getattr(entity, "user_id", None)
    return user_id if isinstance(user_id, int) else None


def map_reactions(reactions: TL | None) -> tuple[Reaction, ...] | None:
    """The reactions of a message, in Telegram's order; None where Telegram says nothing of reactions."""
    return None if reactions is None else tuple(map(_map_reaction, reactions.results))


def _map_reaction(counted: TL) -> Reaction:
    reaction = counted.reaction
    if isinstance(reaction, types.ReactionPaid):
        return Reaction(counted.count, emoji=PAID_REACTION)
    return Reaction(
        counted.count,
        emoji=getattr(reaction, "emoticon", None),
        document_id=getattr(reaction, "document_id", None),
    )
