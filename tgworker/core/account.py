"""Who is signed in, and which chats the account has."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen

from tgworker.core.model import Chat

_SHOWN_FIRST, _SHOWN_LAST = 3, 2
"""So many digits of a phone number may be seen."""


@frozen
class Account:
    """The user who is signed in. ``phone`` is in digits, without a ``+``, and nobody else's business."""

    id: int
    name: str
    username: str | None = None
    phone: str | None = None

    @property
    def hidden_phone(self) -> str | None:
        """Enough of the number for its owner to know it."""
        if not self.phone:
            return None
        hidden = max(0, len(self.phone) - _SHOWN_FIRST - _SHOWN_LAST)
        return f"+{self.phone[:_SHOWN_FIRST]}{'•' * hidden}{self.phone[_SHOWN_FIRST + hidden:]}"

    def __str__(self) -> str:
        name = f"@{self.username}" if self.username else None
        return ", ".join(filter(None, (self.name, name, f"id {self.id}")))


@frozen
class Dialog:
    """A chat of the account's. Not ``readable``: it is known by name, and its messages can't be had."""

    chat: Chat
    readable: bool


@frozen
class DialogPlace:
    """Where the next page of dialogs begins: behind the newest message of a chat."""

    date: datetime
    message_id: int
    chat_id: int
    access_hash: int


@frozen
class DialogPage:
    """Some dialogs, the liveliest first; ``next`` is None where there are no more."""

    dialogs: tuple[Dialog, ...]
    next: DialogPlace | None
    total: int
    """How many there are in all, as Telegram says."""
