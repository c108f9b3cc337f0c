"""A flood ledger in memory: it outlives the guard that writes it, not the process."""

from __future__ import annotations

from collections.abc import Callable

import trio
from attrs import define, field

from tgworker.errors import QueueUnavailableError


@define
class MemoryFloodLedger:
    """Fulfils `ports.FloodLedger`. ``clock`` gives seconds. For tests: while ``away`` is true nothing answers."""

    clock: Callable[[], float] = trio.current_time
    away: bool = False
    calls: int = 0
    _ends: dict[str, float] = field(factory=dict)

    async def rest(self, method: str) -> float:
        await self._reach()
        return max(0.0, self._ends.get(method, 0.0) - self.clock())

    async def extend(self, method: str, seconds: float) -> None:
        await self._reach()
        self._ends[method] = max(self._ends.get(method, 0.0), self.clock() + seconds)

    async def _reach(self) -> None:
        await trio.lowlevel.checkpoint()
        self.calls += 1
        if self.away:
            raise QueueUnavailableError("The ledger in memory was told to be away.")
