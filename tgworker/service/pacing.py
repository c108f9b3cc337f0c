"""Turns for requests: as many as the account's bucket has tokens for, round and round between the chats."""

from __future__ import annotations

import structlog
import trio
from attrs import define, field

from tgworker.core.bucket import Bucket, Pace
from tgworker.core.facts import RateChanged
from tgworker.core.turns import RoundRobin
from tgworker.ports import Observer

log = structlog.get_logger()

TICK_SECONDS = 1e-6
"""The shortest sleep: a shorter one may be lost in the digits of a clock that runs for long, and never end."""


@define(eq=False)
class _Ticket:
    """Somebody waits for a turn."""

    granted: trio.Event = field(factory=trio.Event)


class Pacer:
    """One for all requests of an account.

    A token is handed out only when it is there, never promised: so who gives up waiting costs nothing, and who comes
    late to many requests of another chat need not wait for all of them.
    """

    def __init__(
        self, *, requests_per_second: float, burst: int, adaptive: bool, observer: Observer
    ) -> None:
        now = trio.current_time()
        self._pace = Pace.full(requests_per_second, now)
        self._bucket = Bucket.full(requests_per_second, burst, now)
        self._burst = burst
        self._adaptive = adaptive
        self._observer = observer
        self._waiting: RoundRobin[_Ticket] = RoundRobin()
        observer.note(RateChanged(requests_per_second))

    async def turn(self, chat: str) -> None:
        """Wait for a request's turn. May be cancelled at any time."""
        ticket = _Ticket()
        self._waiting.join(chat, ticket)
        try:
            self._hand_out()
            while not ticket.granted.is_set():
                # Each who waits looks again when the next token is due: one of them hands it to whose turn it is.
                with trio.move_on_after(max(TICK_SECONDS, self._bucket.wait)):
                    await ticket.granted.wait()
                self._hand_out()
        except BaseException:
            if ticket.granted.is_set():
                self.give_back()
            else:
                self._waiting.leave(chat, ticket)
            raise

    def give_back(self) -> None:
        """A turn is not needed after all: the next one has it."""
        self._bucket = self._bucket.give_back()
        self._hand_out()

    def slow_down(self, asked_at: float, rest: float) -> None:
        """Telegram wants `rest` seconds without what was asked at `asked_at`, on trio's clock."""
        now = trio.current_time()
        if self._adaptive:
            self._pace = self._pace.flooded(asked_at, now, now + rest)
            self._refill()

    def _hand_out(self) -> None:
        self._refill()
        while self._waiting and self._bucket.wait == 0:
            self._bucket = self._bucket.take()
            self._waiting.next().granted.set()

    def _refill(self) -> None:
        now, before = trio.current_time(), self._bucket.rate
        pace = self._pace
        self._bucket = self._bucket.at(now, pace.rate(now), pace.burst(self._burst, now))
        rate = self._bucket.rate
        if rate != before:
            log.info("telegram.pace", requests_per_second=round(rate, 4))
            self._observer.note(RateChanged(rate))
