"""A way to people that remembers: the twin of the Notifier port."""

from __future__ import annotations

import trio
from attrs import define, field

from tgworker.core.notices import Digest


@define
class MemoryNotifier:
    """Fulfils `ports.Notifier`. Each try takes `seconds`, then raises the next of `stumbles`, if there is one."""

    stumbles: list[Exception] = field(factory=list)
    closed: Exception | None = None
    """What `open` raises."""
    seconds: float = 0.0
    told: list[tuple[float, Digest]] = field(factory=list)
    """With when, on trio's clock."""
    tries: int = 0
    name: str = "memory"

    async def open(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.closed is not None:
            raise self.closed

    async def tell(self, digest: Digest) -> None:
        self.tries += 1
        await trio.sleep(self.seconds)
        if self.stumbles:
            raise self.stumbles.pop(0)
        self.told.append((trio.current_time(), digest))
