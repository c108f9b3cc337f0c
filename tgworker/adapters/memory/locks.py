"""`ChatLocks` in memory, with the behaviour of those on Redis: one object is shared by any number of workers."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, field

from tgworker.errors import ChatBusyError, QueueUnavailableError
from tgworker.ports import Claim


@define
class _Lock:
    claim: Claim
    fence: int
    ends: float


@define
class MemoryChatLocks:
    """Locks by chat id. ``clock`` gives seconds; under trio's MockClock locks end by themselves.

    For tests: while ``away`` is true nothing answers; the next ``lose_replies`` calls take effect and get no reply.
    """

    clock: Callable[[], float] = trio.current_time
    away: bool = False
    lose_replies: int = 0
    _locks: dict[int, _Lock] = field(factory=dict)
    _fence: int = 0

    @property
    def held(self) -> set[int]:
        """The chats that are locked now."""
        return {chat_id for chat_id in self._locks if self._find(chat_id) is not None}

    async def hold(self, chat_id: int, claim: Claim, seconds: float) -> int:
        """Lock a chat; see `tgworker.ports.ChatLocks`."""
        await self._reach()
        lock = self._find(chat_id)
        if lock is not None and not _may_take(lock.claim, claim):
            raise ChatBusyError(f"Another worker writes chat {chat_id}.")
        if lock is None or lock.claim.epoch != claim.epoch:
            self._fence += 1
            lock = _Lock(claim, self._fence, 0.0)
        lock.ends = self.clock() + seconds
        self._locks[chat_id] = lock
        self._reply()
        return lock.fence

    async def renew(self, chat_id: int, claim: Claim, seconds: float) -> bool:
        """Prolong the lock."""
        await self._reach()
        lock = self._find_own(chat_id, claim)
        if lock is not None:
            lock.ends = self.clock() + seconds
        self._reply()
        return lock is not None

    async def release(self, chat_id: int, claim: Claim) -> None:
        """Unlock the chat, if the lock is this claim's."""
        await self._reach()
        if self._find_own(chat_id, claim) is not None:
            del self._locks[chat_id]
        self._reply()

    def _find(self, chat_id: int) -> _Lock | None:
        lock = self._locks.get(chat_id)
        return lock if lock is not None and lock.ends > self.clock() else None

    def _find_own(self, chat_id: int, claim: Claim) -> _Lock | None:
        lock = self._find(chat_id)
        mine = lock is not None and (lock.claim.job_id, lock.claim.epoch) == (
            claim.job_id,
            claim.epoch,
        )
        return lock if mine else None

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.away:
            raise QueueUnavailableError("The locks in memory were told to be away.")

    def _reply(self) -> None:
        if self.lose_replies:
            self.lose_replies -= 1
            raise QueueUnavailableError("The locks in memory were told to lose this reply.")


def _may_take(holder: Claim, claim: Claim) -> bool:
    """Whether the lock is this claim's already, or an earlier delivery's of the same command."""
    return holder.job_id == claim.job_id and holder.epoch <= claim.epoch
