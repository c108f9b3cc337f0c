"""Flood waits: Telegram's "not before so many seconds", kept for every caller, the next process, and another one.

They are kept in ledgers. These are not read before every request: this process hears of each flood wait of its own
anyway, so the ledgers tell it only what an earlier process left (one look is enough) and what another process on the
same account hears. So a look is good for `LOOK_SECONDS`, at any rate of requests; and a ledger that does not answer
is left alone for a while, since pacing must not depend on it.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from math import ceil, inf
from typing import TypeVar, TypeVarTuple, Unpack

import structlog
import trio
from attrs import define, field, frozen

from tgworker.core.facts import FloodWaited
from tgworker.errors import FloodWaitError, ParkedError, TgworkerError
from tgworker.ports import FloodLedger, Observer
from tgworker.service.stop import Stop
from tgworker.service.waiting import tell_of_wait

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger()

NEVER = -inf

LOOK_SECONDS = 0.5
"""So long what a ledger said of a method is taken as it is."""

ANSWER_SECONDS = 1.0
"""So long may a ledger take to answer."""

AWAY_SECONDS = 30.0
"""So long a ledger is left alone that did not answer."""

LAG_SECONDS = 1.0
"""By so much less may a ledger say of a rest than this process knows, before it is told again."""


@frozen
class FloodPolicy:
    """``longest`` and ``jitter`` are seconds."""

    longest: float = 300.0
    """What Telegram asks for beyond that is not waited for."""
    jitter: float = 5.0
    """Added at most, so that not everybody comes back at the same moment."""
    park: bool = True
    """What is too long to wait for parks the command; else it fails it."""


@define
class _Shelf:
    """A ledger, and how it is with it."""

    ledger: FloodLedger
    away_until: float = NEVER
    looked_at: dict[str, float] = field(factory=dict)


class Floods:
    """The flood waits of one account: one deadline for each method.

    Raises (every method that waits):
        ParkedError: it is longer than is worth waiting for.
        FloodWaitError: the same, where commands are to fail of it.
        StoppingError: the worker is stopping.
    """

    def __init__(
        self,
        policy: FloodPolicy,
        ledgers: Sequence[FloodLedger],
        *,
        stop: Stop,
        clock: Callable[[], datetime],
        rng: random.Random,
        observer: Observer,
    ) -> None:
        self._policy = policy
        self._shelves = [_Shelf(ledger) for ledger in ledgers]
        self._stop = stop
        self._clock = clock
        self._rng = rng
        self._observer = observer
        self._ends: dict[str, float] = {}

    def rest(self, method: str) -> float:
        """Seconds until this method may be asked for, as far as this process knows."""
        return max(0.0, self._ends.get(method, 0.0) - trio.current_time())

    async def outlast(self, method: str) -> None:
        """Wait until this method may be asked for."""
        while True:
            await self._look(method)
            rest = self.rest(method)
            if rest <= 0:
                return
            flood = FloodWaitError(method, ceil(rest))
            if rest > self._policy.longest + self._policy.jitter:
                self._give_up(flood)
            await tell_of_wait(rest, flood.error_type, str(flood))
            await self._stop.sleep(rest)

    async def begin(self, target: str, flood: FloodWaitError) -> None:
        """Telegram has just asked for a rest; 0 seconds count as 1."""
        wait = max(1, flood.seconds) + self._rng.uniform(0, self._policy.jitter)
        ends = trio.current_time() + wait
        self._ends[flood.method] = max(ends, self._ends.get(flood.method, ends))
        log.warning(
            "telegram.flood_wait",
            target=target,
            method=flood.method,
            wait_seconds=round(wait, 1),
        )
        self._observer.note(FloodWaited(flood.method, wait, flood.error_type))
        for shelf in self._shelves:
            await self._keep(shelf, flood.method)
        if flood.seconds > self._policy.longest:
            self._give_up(flood)

    def _give_up(self, flood: FloodWaitError) -> None:
        if not self._policy.park:
            raise flood
        resume_at = self._clock() + timedelta(seconds=self.rest(flood.method))
        raise ParkedError(str(flood), resume_at=resume_at, error_type=flood.error_type) from flood

    async def _look(self, method: str) -> None:
        """Learn what others know of a method, and tell those that missed what this process knows."""
        for shelf in self._shelves:
            if trio.current_time() < shelf.looked_at.get(method, NEVER) + LOOK_SECONDS:
                continue
            told = await self._ask(shelf, shelf.ledger.rest, method)
            if told is None:
                continue
            now = trio.current_time()
            shelf.looked_at[method] = now
            known = self.rest(method)
            self._ends[method] = now + max(told, known)
            if told > known + LAG_SECONDS:
                log.info("telegram.flood_remembered", method=method, wait_seconds=round(told, 1))
            elif told < known - LAG_SECONDS:
                await self._keep(shelf, method)

    async def _keep(self, shelf: _Shelf, method: str) -> None:
        await self._ask(shelf, shelf.ledger.extend, method, self.rest(method))

    async def _ask(
        self, shelf: _Shelf, question: Callable[[Unpack[Ts]], Awaitable[T]], *args: Unpack[Ts]
    ) -> T | None:
        """The ledger's answer; None: it has none, or is left alone because it had none a moment ago."""
        if trio.current_time() < shelf.away_until:
            return None
        error: object = "it did not answer in time"
        with trio.move_on_after(ANSWER_SECONDS):
            try:
                return await question(*args)
            except TgworkerError as failure:
                error = failure
        shelf.away_until = trio.current_time() + AWAY_SECONDS
        log.warning("telegram.flood_ledger_away", error=str(error), wait_seconds=AWAY_SECONDS)
        return None
