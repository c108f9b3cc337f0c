"""The ways people write which chat they mean, made one.

Names follow Telegram's rule (letters, digits, underscores; four characters at least, as collectible names may be that
short) and are compared without case. Ids are marked as in the Bot API, whose ranges hold here:
https://core.telegram.org/api/bots/ids

A bare positive number means a channel, as links and other programs show it; so a private chat with a user is named by
Telegram's own link to a user. `str` of what `parse_chat` gives can be read by it again.
"""

from __future__ import annotations

import re

from tgworker.core.model import CHANNEL_MARK, ChatRef

CHAT_FORMS = "@name, name, https://t.me/name, t.me/c/<id>, tg://user?id=<id> or a numeric id"
LOWEST_ID = -4_000_000_000_000
HIGHEST_ID = 3_000_000_000_000
"""The bounds of a numeric id, marked or a channel's bare one."""

_NAME = re.compile(r"@?([A-Za-z][A-Za-z0-9_]{3,31})")
_ID = re.compile(r"-?[1-9][0-9]{0,12}")
_USER = re.compile(r"tg://user\?id=([1-9][0-9]{0,12})")
_HOST = re.compile(r"(?:https?://)?(?:t|telegram)\.me/")
_REST = re.compile(r"(?:/[0-9]+){0,3}/?(?:[?#][^\x00-\x1f]*)?")
"""What may follow a chat in a link: numbers of a topic, a message, a comment; parameters."""
_PRIVATE = re.compile(r"c/([1-9][0-9]{0,12})")
_PUBLIC = re.compile(r"(?:s/)?([A-Za-z][A-Za-z0-9_]{3,31})")
_NO_CHATS = frozenset(
    ["addemoji", "addlist", "addstickers", "boost", "contact", "giftcode", "invoice", "login"]
    + ["proxy", "setlanguage", "share", "socks"]
)
"""Words in a link's first place that are no names: https://core.telegram.org/api/links"""


def parse_chat(text: str | int) -> ChatRef:
    """Read a chat in any of `CHAT_FORMS`.

    A positive number is a channel's bare id; a negative one is marked.

    Raises:
        ValueError: with a sentence that says what would be right.
    """
    if isinstance(text, int):
        return ChatRef(id=_marked(text))
    if _ID.fullmatch(text):
        return ChatRef(id=_marked(int(text)))
    if user := _USER.fullmatch(text):
        return ChatRef(id=_in_bounds(int(user[1])))
    if host := _HOST.match(text):
        return _from_link(text[host.end() :])
    if name := _NAME.fullmatch(text):
        return ChatRef(username=name[1].lower())
    raise ValueError(f"must be {CHAT_FORMS}")


def _from_link(path: str) -> ChatRef:
    if path.startswith(("+", "joinchat/")):
        raise ValueError(
            "is an invite link: let the account join the chat, then name it by @name or by its numeric id"
        )
    for kind in (_PRIVATE, _PUBLIC):
        found = kind.match(path)
        if found and _REST.fullmatch(path, found.end()):
            if kind is _PRIVATE:
                return ChatRef(id=_marked(int(found[1])))
            if found[1].lower() not in _NO_CHATS:
                return ChatRef(username=found[1].lower())
    raise ValueError(
        "is a link to something else than a chat: must be https://t.me/name or t.me/c/<id>"
    )


def _marked(number: int) -> int:
    number = _in_bounds(number)
    return CHANNEL_MARK - number if number > 0 else number


def _in_bounds(number: int) -> int:
    if not LOWEST_ID <= number <= HIGHEST_ID or number in (0, CHANNEL_MARK):
        raise ValueError("is an id no chat can have: must be like -1001234567890")
    return number
