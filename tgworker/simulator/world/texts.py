"""Texts as people write them: two alphabets, emoji of one and of many code points, and every kind of markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from tgworker.simulator.world.draws import pick
from tgworker.simulator.world.model import WorldEntity, WorldUser

PHRASES = (
    "Всем привет!",
    "Кто-нибудь пробовал trio вместо asyncio?",
    "Да, и назад уже не хочется 😄",
    "А как у вас с типами?",
    "mypy --strict, и живём спокойно.",
    "Ёжик в тумане 🦔",
    "Это баг или фича?",
    "По-моему, это в документации, раздел 4.2.",
    "спс",
    "+1",
    "¯\\_(ツ)_/¯",
    "The docs say otherwise, see below.",
    "Works on my machine 🤷🏽‍♀️",
    "Обновился до 3.13 — всё летает 🚀🚀",
    "Не согласен: «преждевременная оптимизация» — не про это.",
    "Семья 👨‍👩‍👧‍👦 и флаг 🇷🇺 в одном сообщении",
    "naïve café, œuvre, ß, ½",
    "数据库连接池 и שלום рядом",
    "Zalgo: z̷a̷l̷g̷o̷",
    "Завтра в 19:00 созвон?",
    "Да.",
    "Нет…",
    "https не открывается",
    "ну такое",
    "𝕌𝕟𝕚𝕔𝕠𝕕𝕖 𝓶𝓪𝓽𝓱",
)
_EMOJI = ("👍", "🔥", "❤️", "👨‍👩‍👧‍👦", "🇩🇪", "🤷🏽‍♀️", "⭐")
_CODE = ("print('привет')", "async with open_nursery() as n:", "SELECT 1", "x = '😀'", "rm -rf /")
_LANGUAGES = ("python", "sql", "bash", "")

_LITERALS: dict[str, Sequence[str]] = {
    "mention": ("@durov", "@ru_python", "@User_1"),
    "hashtag": ("#питон", "#python", "#100days"),
    "cashtag": ("$TON", "$USD"),
    "bot_command": ("/start", "/help@helper_bot"),
    "url": ("https://docs.python.org/3/", "t.me/ru_python", "https://пример.рф/путь?q=1"),
    "email": ("me@example.org",),
    "phone": ("+7 999 000-00-00",),
    "bank_card": ("4242 4242 4242 4242",),
    "code": _CODE,
    "pre": _CODE,
    "custom_emoji": _EMOJI,
    "formatted_date": ("завтра в 10:00", "10 ноября"),
}
"""Kinds that Telegram finds by what the text looks like, or that only make sense over such texts."""

_FREE = (
    *("bold", "italic", "underline", "strike", "spoiler", "blockquote", "text_url"),
    *("unknown", "diff_insert", "diff_delete", "diff_replace"),
)
ENTITY_TYPES = (*_LITERALS, *_FREE, "mention_name")


_LONGEST = 4096
"""UTF-16 units in a message, as Telegram allows. Source: message_length_max of help.getConfig."""
_SEPARATORS = (" ", " ", "\n")


@lru_cache(maxsize=1024)
def utf16_length(text: str) -> int:
    """Length in UTF-16 code units, which is how Telegram counts offsets."""
    return len(text.encode("utf-16-le")) // 2


def plain_text(draw: int) -> str:
    """Two phrases, drawn by one number."""
    first, second = draw % len(PHRASES), draw // len(PHRASES) % len(PHRASES)
    return f"{PHRASES[first]} {PHRASES[second]}"


def rich_text(
    rng: Random, users: Sequence[WorldUser], date: int
) -> tuple[str, tuple[WorldEntity, ...]]:
    """A text and its entities, sorted as Telegram sorts them. One in 500 is as long as Telegram allows."""
    parts: list[str] = []
    entities: list[WorldEntity] = []
    offset = 0
    for _ in range(300 if rng.random() < 0.002 else 1 + int(rng.random() * 5)):
        if rng.random() < 0.6:
            part = pick(rng, PHRASES)
        else:
            part, marks = _marked_up(rng, users, offset, date)
            entities += marks
        length = utf16_length(part) + 1
        if offset + length > _LONGEST:
            break
        parts.append(part)
        offset += length
    kept = tuple(mark for mark in entities if mark.offset < offset)
    return (pick(rng, _SEPARATORS)).join(parts), kept


def _marked_up(
    rng: Random, users: Sequence[WorldUser], offset: int, date: int
) -> tuple[str, list[WorldEntity]]:
    kind = pick(rng, ENTITY_TYPES)
    user = pick(rng, users)
    if kind == "mention_name":
        part = user.first_name or "Deleted Account"
    else:
        part = pick(rng, _LITERALS.get(kind, PHRASES))
    length = utf16_length(part)
    extra = _EXTRA[kind](rng, user, date) if kind in _EXTRA else {}
    marks = [WorldEntity(kind, offset, length, **extra)]
    if kind == "bold" and rng.random() < 0.4:
        marks.append(WorldEntity("italic", offset, length))
    return part, marks


_EXTRA: dict[str, Callable[[Random, WorldUser, int], dict[str, Any]]] = {
    "text_url": lambda rng, user, date: {"url": f"https://example.org/{rng.randrange(10**6)}?q=ё"},
    "mention_name": lambda rng, user, date: {"user_id": user.id},
    "pre": lambda rng, user, date: {"language": pick(rng, _LANGUAGES)},
    "custom_emoji": lambda rng, user, date: {"document_id": rng.getrandbits(62)},
    "blockquote": lambda rng, user, date: {"collapsed": rng.random() < 0.5},
    "formatted_date": lambda rng, user, date: {"date": date + rng.randrange(10**6)},
    "diff_replace": lambda rng, user, date: {"old_text": pick(rng, PHRASES)},
}
