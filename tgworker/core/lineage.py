"""Which chats a command is about besides the one it names, and which of their days. All days are UTC calendar days."""

from __future__ import annotations

from datetime import date

from attrs import evolve, frozen

from tgworker.core.message import Message
from tgworker.core.model import CHANNEL_MARK, Chat, ChatRef, ChatType, Migration
from tgworker.core.planning import Span, day_of


@frozen
class Part:
    """What a command wants of one chat: the days from ``first`` (None: that of its first message) to ``last``."""

    chat: ChatRef
    first: date | None
    last: date
    migration: Migration | None = None
    """What is known already of the chat's past or future."""

    @property
    def span(self) -> Span | None:
        """The days, if they are known without the chat's first message."""
        return None if self.first is None else Span(self.first, self.last)

    def before(self, migration: Migration) -> Part | None:
        """The group's share: the days until it became a supergroup, that day included; None: none."""
        last = min(self.last, day_of(migration.at))
        if self.first is not None and self.first > last:
            return None
        return Part(ChatRef(id=migration.group), self.first, last, migration)

    def after(self, migration: Migration) -> Part | None:
        """The supergroup's share: the days since it was made, that day included; None: none."""
        made = day_of(migration.at)
        if self.last < made:
            return None
        first = None if self.first is None else max(self.first, made)
        return Part(ChatRef(id=migration.supergroup), first, self.last, migration)

    def of(self, chat_id: int) -> Part:
        """The same days of another chat."""
        return evolve(self, chat=ChatRef(id=chat_id), migration=None)


def is_basic_group(ref: ChatRef) -> bool:
    """Whether only a basic group can be meant; those have no usernames."""
    return ref.id is not None and CHANNEL_MARK < ref.id < 0


def may_have_been_a_group(chat: Chat) -> bool:
    """Whether the chat is of a type that basic groups become."""
    return chat.type in (ChatType.SUPERGROUP, ChatType.FORUM)


def told_origin(first: Message) -> int | None:
    """The marked id of the group that a supergroup was, as its first message tells it."""
    return _told(first, "channel_migrate_from", "chat_id")


def tells_end(last: Message) -> bool:
    """Whether this message is the last one of a basic group: what comes after is a supergroup's."""
    return _told(last, "chat_migrate_to", "channel_id") is not None


def _told(message: Message, action: str, field: str) -> int | None:
    service = message.service or {}
    told = service.get(field) if service.get("action") == action else None
    return -abs(told) if isinstance(told, int) else None
