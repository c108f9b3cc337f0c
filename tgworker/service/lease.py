"""Keeps a claimed command while it is worked on, and stops the work when it is not ours any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

from tgworker.errors import (
    CommandCancelledError,
    LeaseLostError,
    QueueRefusedError,
    QueueUnavailableError,
)
from tgworker.ports import Cancelled, Claim, CommandQueue, Held, Lost

log = structlog.get_logger()

CANCELLED = "The command was cancelled."

MARGIN_SECONDS = 10.0
"""Writing stops that long before the lease could end: the clocks are not the same, and a write takes time."""


async def hold_lease(
    queue: CommandQueue,
    claim: Claim,
    work: Callable[[], Awaitable[None]],
    *,
    seconds: float,
    since: float,
) -> None:
    """Do the work while the claim is held; `since` is when it was asked for, on trio's clock.

    Raises: what `work` raises, and
        LeaseLostError: the work was cancelled, because somebody else may hold the command.
        CommandCancelledError: the work was cancelled, because somebody asked for it.
    """
    lease = _Lease(queue, claim, seconds, since + seconds)
    failure: Exception | None = None
    finished = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lease.keep, nursery.cancel_scope)
        try:
            await work()
            finished = True
        except Exception as error:  # raised again below, outside of the nursery's exception group
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if not finished and lease.ended is not None:
        raise lease.ended


class _Lease:
    def __init__(self, queue: CommandQueue, claim: Claim, seconds: float, ends: float) -> None:
        self._queue = queue
        self._claim = claim
        self._seconds = seconds
        self._ends = ends
        self.ended: LeaseLostError | CommandCancelledError | None = None

    async def keep(self, work: trio.CancelScope) -> None:
        """Renew four times in a lease; cancel the work when it may not go on."""
        margin = min(MARGIN_SECONDS, self._seconds / 3)
        while self.ended is None:
            await trio.sleep(self._seconds / 4)
            with trio.move_on_at(self._ends - margin):
                await self._renew()
            if trio.current_time() >= self._ends - margin:
                self.ended = LeaseLostError("The lease could not be renewed in time.")
        work.cancel()

    async def _renew(self) -> None:
        asked = trio.current_time()
        try:
            renewal = await self._queue.renew(self._claim)
        except (QueueUnavailableError, QueueRefusedError) as error:
            log.warning("lease.not_renewed", error=str(error))
            return
        match renewal:
            case Held(lease_seconds):
                self._ends = asked + lease_seconds
            case Lost():
                self.ended = LeaseLostError("Another worker holds the command now.")
            case Cancelled():
                self.ended = CommandCancelledError(CANCELLED)
