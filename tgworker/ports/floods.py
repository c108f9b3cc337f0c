"""Flood waits that outlive the process."""

from __future__ import annotations

from typing import Protocol


class FloodLedger(Protocol):
    """How long Telegram wants a rest of each method, for one account; outlives this process.

    ``method`` is Telegram's name, as `FloodWaitError` has it. Raises (every method): TgworkerError: it can't be read or
    written now.
    """

    async def rest(self, method: str) -> float:
        """Seconds until the method may be asked for again; 0: now."""
        ...

    async def extend(self, method: str, seconds: float) -> None:
        """Enter a rest that begins now. One that ends later stays as it is. Repeatable."""
        ...
