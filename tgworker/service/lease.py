"""Keeps a claimed command, and the chat it writes, and stops the work when they are not ours any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
import trio

from tgworker.core.facts import LeaseRenewed
from tgworker.core.model import Chat
from tgworker.errors import (
    ChatBusyError,
    CommandCancelledError,
    LeaseLostError,
    QueueRefusedError,
    QueueUnavailableError,
    TgworkerError,
)
from tgworker.ports import (
    UNOBSERVED,
    Cancelled,
    ChatLocks,
    Claim,
    CommandQueue,
    Held,
    Lost,
    Observer,
)
from tgworker.service.outage import Outage

log = structlog.get_logger()

CANCELLED = "The command was cancelled."

MARGIN_SECONDS = 10.0
"""Writing stops that long before the lease could end: the clocks are not the same, and a write takes time."""

RETRY_SECONDS = 1.0
"""A renewal that got no answer is tried again after this."""

CONFIRM_SECONDS = 2.0
"""So long a seal may wait for Redis's word; after that, what is left of the lease must do."""

RELEASE_SECONDS = 5.0
"""So long unlocking a chat may take when everything is being cancelled; the lock would end by itself too."""


class Lease:
    """A claim that is kept while it is worked on; fulfils `tenure.Tenure`.

    ``seconds`` is what the queue gives, ``since`` when the claim was asked for, on trio's clock. ``sleep`` waits
    between two tries to lock a chat, and may raise to end that.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        queue: CommandQueue,
        locks: ChatLocks,
        outage: Outage,
        sleep: Callable[[float], Awaitable[object]],
        seconds: float,
        since: float,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._claim = claim
        self._queue = queue
        self._locks = locks
        self._outage = outage
        self._sleep = sleep
        self._seconds = seconds
        self._observer = observer
        self._margin = min(MARGIN_SECONDS, seconds / 3)
        self._renewed_at = since
        self._ends = since + seconds
        """Of the claim, and of the chat's lock, which is taken and renewed later than the claim."""
        self._chat_id: int | None = None
        self._ended: TgworkerError | None = None

    async def hold(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work while the claim is held.

        Raises: what `work` raises, and, after the work was cancelled,
            LeaseLostError: somebody else may hold the command.
            ChatBusyError: somebody else writes the chat.
            CommandCancelledError: somebody asked for it.
        """
        failure: Exception | None = None
        finished = False
        self._observer.note(LeaseRenewed())  # the claim itself
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep, nursery.cancel_scope)
            try:
                await work()
                finished = True
            except Exception as error:  # raised again below, outside of the nursery's group
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if not finished and self._ended is not None:
            raise self._ended

    @asynccontextmanager
    async def writing(self, chat: Chat) -> AsyncIterator[int]:
        """Lock the chat on all hosts; see `tenure.Tenure`."""
        try:
            fence = await self._outage.outlast(
                lambda: self._locks.hold(chat.id, self._claim, self._seconds), sleep=self._sleep
            )
            self._chat_id = chat.id
            yield fence
        finally:
            # Also when it is not known whether it was locked: the reply may have been lost, or not waited for.
            self._chat_id = None
            with trio.move_on_after(RELEASE_SECONDS, shield=True):
                await self._release(chat.id)

    async def confirm(self) -> None:
        """Ask Redis, unless it gave its word a moment ago; see `tenure.Tenure`."""
        await trio.lowlevel.checkpoint()
        now = trio.current_time()
        if now - self._renewed_at > self._seconds / 4:
            with trio.move_on_at(min(self._last_moment, now + CONFIRM_SECONDS)):
                await self._renew()
        self._look_at_the_clock()
        if self._ended is not None:
            raise self._ended

    async def _keep(self, work: trio.CancelScope) -> None:
        """Renew four times in a lease; cancel the work when it may not go on."""
        wait = self._seconds / 4
        while self._ended is None:
            with trio.move_on_at(self._last_moment):
                await trio.sleep(wait)
                answered = await self._renew()
                wait = self._seconds / 4 if answered else min(RETRY_SECONDS, self._seconds / 4)
            self._look_at_the_clock()
        work.cancel()

    @property
    def _last_moment(self) -> float:
        return self._ends - self._margin

    def _look_at_the_clock(self) -> None:
        if self._ended is None and trio.current_time() >= self._last_moment:
            self._ended = LeaseLostError("The lease could not be renewed in time.")

    async def _renew(self) -> bool:
        """Prolong the claim and the lock. False: there was no word of it."""
        asked_at = trio.current_time()
        chat_id = self._chat_id
        try:
            renewal = await self._queue.renew(self._claim)
            locked = chat_id is None or await self._locks.renew(chat_id, self._claim, self._seconds)
        except (QueueUnavailableError, QueueRefusedError) as error:
            log.warning("lease.not_renewed", error=str(error))
            return False
        match renewal:
            case Held(lease_seconds):
                self._renewed_at, self._ends = asked_at, asked_at + lease_seconds
                self._observer.note(LeaseRenewed())
            case Lost():
                self._ended = LeaseLostError("Another worker holds the command now.")
            case Cancelled():
                self._ended = CommandCancelledError(CANCELLED)
        if self._ended is None and not locked and self._chat_id == chat_id:
            self._ended = ChatBusyError(f"Another worker writes chat {chat_id} now.")
        return True

    async def _release(self, chat_id: int) -> None:
        try:
            await self._locks.release(chat_id, self._claim)
        except TgworkerError as error:
            log.warning("lock.left", error_type=error.error_type, error=str(error))
