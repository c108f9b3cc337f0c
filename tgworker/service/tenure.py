"""The right to write a chat, as the work sees it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import structlog
import trio

from tgworker.core.model import Chat

log = structlog.get_logger()


class Tenure(Protocol):
    """What a fetch asks before it writes."""

    def writing(self, chat: Chat) -> AbstractAsyncContextManager[int | None]:
        """Be the one who writes this chat; gives the fencing number for the archive, None: there is none.

        Raises:
            ChatBusyError: somebody else writes it.
            OutageError, QueueRefusedError: it can't be found out.
        """
        ...

    async def confirm(self) -> None:
        """Make sure, right before something final, that the work still is ours.

        Raises:
            LeaseLostError, ChatBusyError: it is not, or nobody can say.
            CommandCancelledError: nobody wants it any more.
        """
        ...


class Unshared:
    """Nobody hands this work to others, so nobody can take it away: the folder's own lock must do."""

    @asynccontextmanager
    async def writing(self, chat: Chat) -> AsyncIterator[int | None]:
        """No lock, no number."""
        yield None

    async def confirm(self) -> None:
        """Always ours."""
        await trio.lowlevel.checkpoint()


class InTurn(Unshared):
    """For commands that share nothing but this process: who comes to a chat that another one writes waits for it.

    No fetch writes two chats at a time, so there is no deadlock; and at a stop the one who writes leaves, and so
    lets the next one in, to see the stop for itself.
    """

    def __init__(self) -> None:
        self._turns: defaultdict[int, trio.Lock] = defaultdict(trio.Lock)

    @asynccontextmanager
    async def writing(self, chat: Chat) -> AsyncIterator[int | None]:
        """One at a time, in the order they came; no number."""
        turn = self._turns[chat.id]
        if turn.locked():
            log.info("chat.awaited", relative=chat.label)
        async with turn:
            yield None
