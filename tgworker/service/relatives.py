"""The chats that belong with the one a command names: the group it was or became, and the comments on its posts.

Each has ids and a folder of its own, and is locked by itself, after the other was let go. So whatever ends the work in
between, what is sealed stays sealed, and the next delivery goes on with what is missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
from attrs import frozen

from tgworker.core.lineage import (
    Part,
    is_basic_group,
    may_have_been_a_group,
    tells_end,
    told_origin,
)
from tgworker.core.message import Message
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery, Migration
from tgworker.core.planning import Span
from tgworker.errors import ChatUnavailableError
from tgworker.ports import Archive, Gateway

log = structlog.get_logger()


@frozen
class Family:
    """Fetches what a command names, and then what belongs with it.

    ``fetch`` gets one chat's share and returns the days it was about, None if the chat is empty; ``enough`` says
    whether the command's limit is reached.
    """

    gateway: Gateway
    archive: Archive
    fetch: Callable[[Part], Awaitable[Span | None]]
    enough: Callable[[], bool]

    async def run(self, named: Part, *, comments: bool) -> None:
        """Raises: everything that ``fetch`` and the ports raise."""
        if is_basic_group(named.chat):
            await self._run_group(named)
            return
        days = await self.fetch(named)
        migration = await self.archive.migration(named.chat)
        if migration is not None and not self.enough():
            await self._fetch_past(named, migration)
        if comments and days is not None and not self.enough():
            await self._fetch_comments(named, days)

    async def _run_group(self, named: Part) -> None:
        """A basic group that became a supergroup is followed there."""
        migration = await self.archive.migration(named.chat)
        own: Part | None = named
        then: Part | None = None
        if migration is None:
            group = await self.gateway.resolve(named.chat)
            successor = (await self.gateway.relatives(group)).successor
            if successor is not None:
                then = named.of(successor)
                migration = await self._end_of(group, successor)
        if migration is not None:
            own, then = named.before(migration), named.after(migration)
        for part in (own, then):
            if part is not None and not self.enough():
                await self.fetch(part)

    async def _end_of(self, group: Chat, successor: int) -> Migration | None:
        """When a group came to its end, if its newest message tells; one request, as it is noted in the archive."""
        page = await self.gateway.history(group, HistoryQuery(limit=1))
        ends = (message.date for message in page.messages if tells_end(message))
        at = next(ends, None)
        return None if at is None else Migration(group.id, successor, at)

    async def _fetch_past(self, named: Part, migration: Migration) -> None:
        """The days of the group that the chat was. An account that joined later may not see them, and never will."""
        past = named.before(migration)
        if past is None:
            return
        try:
            await self.fetch(past)
        except ChatUnavailableError as error:
            log.warning(
                "relative.unavailable",
                relative=str(past.chat),
                error_type=error.error_type,
                error=str(error),
            )

    async def _fetch_comments(self, named: Part, days: Span) -> None:
        """The same days of the group in which a channel's posts are commented on."""
        chat = await self.gateway.resolve(named.chat)
        try:
            discussion = await self._discussion_of(chat)
            if discussion is None:
                log.info("comments.none")
            else:
                await self.fetch(Part(ChatRef(id=discussion), days.first, days.last))
        except ChatUnavailableError as error:
            raise ChatUnavailableError(
                f"The days of {chat.label} are saved, but not the comments: {error}",
                error_type=error.error_type,
            ) from error

    async def _discussion_of(self, chat: Chat) -> int | None:
        if chat.type is not ChatType.CHANNEL:
            return None
        return (await self.gateway.relatives(chat)).discussion


async def origin_of(gateway: Gateway, chat: Chat, first: Message) -> Migration | None:
    """What a chat was before its first message, if it was anything.

    Mostly that message tells. Only where it was deleted Telegram has to be asked, once.
    """
    if not may_have_been_a_group(chat):
        return None
    group = told_origin(first)
    if group is None and first.id > 1:
        group = (await gateway.relatives(chat)).predecessor
    return None if group is None else Migration(group, chat.id, first.date)
