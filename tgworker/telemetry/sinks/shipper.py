"""Takes lines from a buffer to a log store, in batches, as well as the store can take them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import httpx2
import structlog
import trio
from attrs import define, field, frozen

from tgworker.telemetry.sinks.buffer import SHIPPING, LineBuffer

BATCH_LINES = 1_000
BATCH_BYTES = 1_000_000
"""Stores refuse what is larger than a few of these."""
PAUSE_SECONDS = 1.0
"""Between two looks into the buffer: lines come in bursts, and a request for each would be a waste."""
REQUEST_SECONDS = 5.0
FLUSH_SECONDS = 1.0
"""So long a stop waits for the last lines."""
AWAY_FLUSH_SECONDS = 0.3
"""So long where the store did not answer before."""
LONGEST_PAUSE_SECONDS = 60.0
"""Between two tries at a store that is away."""

log = structlog.get_logger(SHIPPING)


@frozen
class LogStore:
    """Where lines go: a POST of `encode(lines)` to `url`, which may hold a password."""

    name: str
    url: str = field(repr=False)
    content_type: str
    encode: Callable[[Sequence[str]], bytes]


@define
class _Shipper:
    buffer: LineBuffer
    store: LogStore
    client: httpx2.AsyncClient
    rng: random.Random = field(factory=random.Random)
    failures: int = 0
    """In a row."""

    async def run(self) -> None:
        while True:
            await trio.sleep(self._pause())
            await self.ship_all()

    async def ship_all(self) -> None:
        """Ship what the buffer holds, until it is empty or the store fails."""
        while lines := self.buffer.take(BATCH_LINES, BATCH_BYTES):
            if not await self._ship(lines):
                return

    async def _ship(self, lines: list[str]) -> bool:
        """One batch. False: the store could not take it now, and the lines are in the buffer again."""
        try:
            body = self.store.encode(lines)
        except Exception as error:  # no batch may stand in the way of all others for ever
            self._refused(lines, f"{type(error).__name__} in the worker")
            return True
        delivered = False
        try:
            answer = await self.client.post(
                self.store.url, content=body, headers={"Content-Type": self.store.content_type}
            )
            delivered = answer.status_code < 500 and answer.status_code != 429
        except Exception as error:  # whatever it is, the work must not suffer from it
            self._failed(type(error).__name__)
            return False
        finally:
            if not delivered:  # also when this is cancelled: the flush at the end tries once more
                self.buffer.put_back(lines)
        if not delivered:
            self._failed(f"HTTP {answer.status_code}")
        elif answer.is_success:
            self._succeeded()
        else:
            self._refused(lines, f"HTTP {answer.status_code}")
        return delivered

    def _refused(self, lines: Sequence[str], reason: str) -> None:
        """Nobody will ever want these lines, whoever asks."""
        self.buffer.drop(len(lines))
        self._failed(f"{reason}, {len(lines)} lines refused")

    def _pause(self) -> float:
        """Full jitter on top of the ordinary pause, with a ceiling that doubles by each failure."""
        ceiling = min(LONGEST_PAUSE_SECONDS, PAUSE_SECONDS * 2.0**self.failures)
        return PAUSE_SECONDS if not self.failures else self.rng.uniform(PAUSE_SECONDS, ceiling)

    def _failed(self, reason: str) -> None:
        """Said once for each time that the store goes away: everything else would be noise."""
        self.failures += 1
        if self.failures == 1:
            log.warning("logs.store_away", store=self.store.name, error=reason)

    def _succeeded(self) -> None:
        if self.failures:
            log.info("logs.store_back", store=self.store.name, dropped=self.buffer.dropped)
        self.failures = 0


async def ship_lines(
    buffer: LineBuffer,
    store: LogStore,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Ship until cancelled, then flush what is left, for a second at most. Fails at nothing."""
    limits = httpx2.Limits(max_connections=1)
    async with httpx2.AsyncClient(timeout=REQUEST_SECONDS, limits=limits) as client:
        shipper = _Shipper(buffer, store, client)
        task_status.started()
        try:
            await shipper.run()
        finally:
            seconds = AWAY_FLUSH_SECONDS if shipper.failures else FLUSH_SECONDS
            with trio.move_on_after(seconds, shield=True):
                await shipper.ship_all()
            if left := len(buffer):
                log.warning("logs.not_shipped", store=store.name, lines=left)
