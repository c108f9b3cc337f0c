"""Texts with markup: an export has them in pieces, Telegram as one text and entities over it."""

from __future__ import annotations

from tgworker.simulator.exports.item import INT64, Item
from tgworker.simulator.world.model import WorldEntity

_TYPES = {
    "link": "url",
    "text_link": "text_url",
    "strikethrough": "strike",
    **{
        same: same
        for same in (
            *("unknown", "mention", "hashtag", "cashtag", "bot_command", "email", "phone", "bold"),
            *("italic", "underline", "code", "pre", "spoiler", "blockquote", "bank_card"),
            *("mention_name", "custom_emoji"),
        )
    },
}
"""The export's word for each type of entity, and Telegram's own.

Source: ``SerializeText`` in Telegram Desktop's ``export_output_json.cpp``.
"""


def read_text(message: Item) -> tuple[str, tuple[WorldEntity, ...]]:
    """The message's text and its entities, with offsets in UTF-16 code units.

    ``text_entities`` holds the whole text, too, and is missing before Telegram Desktop 4.
    """
    return _joined(message, "text_entities" if message.data.get("text_entities") else "text")


def plain_text(item: Item, key: str) -> str:
    """A field that newer exports have in pieces, without its markup."""
    return _joined(item, key)[0]


def _joined(item: Item, key: str) -> tuple[str, tuple[WorldEntity, ...]]:
    value = item.data.get(key)
    pieces = item.values(key) if not isinstance(value, str) else [value]
    text, entities, offset = [], [], 0
    for piece in pieces:
        if isinstance(piece, dict):
            part = Item(piece, item.notes)
            words = part.text("text")
            if words and (entity := _entity(part, offset, _units(words))) is not None:
                entities.append(entity)
        elif isinstance(piece, str):
            words = piece
        else:
            item.notes.add("pieces of a text of an unknown form, left out")
            continue
        text.append(words)
        offset += _units(words)
    return "".join(text), tuple(entities)


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def _entity(part: Item, offset: int, length: int) -> WorldEntity | None:
    kind = part.text("type")
    if kind == "plain":
        return None
    type = _TYPES.get(kind)
    if type is None:
        part.notes.add(f"markup of type {kind!r}, kept as plain text")
        return None
    url, user_id, document_id = None, None, None
    if type == "text_url":
        url = part.text("href")
    elif type == "mention_name":
        user_id = part.whole("user_id", INT64)
    elif type == "custom_emoji":
        document_id = _document_id(part)
    if type in _NEEDY and not (url or user_id or document_id):
        part.notes.add(f"markup of type {kind!r} that leads nowhere, kept as plain text")
        return None
    return WorldEntity(
        *(type, offset, length, url, user_id),
        language=(part.text("language") or None) if type == "pre" else None,
        document_id=document_id,
        collapsed=type == "blockquote" and part.flag("collapsed"),
    )


_NEEDY = frozenset({"text_url", "mention_name", "custom_emoji"})
"""Types that are nothing without what they lead to."""


def _document_id(part: Item) -> int | None:
    """None where the emoji was downloaded: then an export has its path in this place, and its id nowhere."""
    return part.whole("document_id", INT64) if part.text("document_id").isdecimal() else None
