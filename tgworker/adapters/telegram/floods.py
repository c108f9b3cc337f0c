"""The flood ledger in the session file: it goes with the login, and needs no Redis."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

import trio

from tgworker.adapters.telegram.session import TelegramSession
from tgworker.errors import StorageError


class SessionFloodLedger:
    """Fulfils `ports.FloodLedger`. ``clock`` gives seconds since 1970: they must mean the same to the next process.

    Nobody else writes the file while the session is held: it is read once.
    """

    def __init__(self, session: TelegramSession, *, clock: Callable[[], float] = time.time) -> None:
        self._session = session
        self._clock = clock
        self._known = session.floods()

    async def rest(self, method: str) -> float:
        """A clock that was set back makes no rest longer than it was."""
        await trio.lowlevel.checkpoint()
        ends_at, seconds = self._known.get(method, (0.0, 0.0))
        return min(seconds, max(0.0, ends_at - self._clock()))

    async def extend(self, method: str, seconds: float) -> None:
        """Raises: StorageError: the file can't be written; this process knows of the rest all the same."""
        if seconds <= await self.rest(method):
            return
        ends_at = self._clock() + seconds
        self._known[method] = ends_at, seconds
        try:
            await trio.to_thread.run_sync(self._session.remember_flood, method, ends_at, seconds)
        except sqlite3.Error as error:
            raise StorageError(f"The session can't be written: {error}") from error
