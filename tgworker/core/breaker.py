"""A circuit breaker as a pure state machine: times are seconds on any steady clock, and arguments.

::

    CLOSED --- `threshold` failures in a row within `window` ---> OPEN
    OPEN ----- `open_seconds` later ----------------------------> HALF_OPEN: one request may go, the probe
    HALF_OPEN - the probe is answered --------------------------> CLOSED
    HALF_OPEN - the probe fails --------------------------------> OPEN

Failures count only in a row, because an answer between them shows that the other side is there: at a thousand requests
a second a few lost ones are no outage.
"""

from __future__ import annotations

from attrs import evolve, frozen

from tgworker.core.facts import BreakerState


@frozen
class Breaker:
    """Each move makes a new value. A request belongs to the `term` it was asked in: what becomes of it later says
    nothing of another term.
    """

    threshold: int
    window: float
    open_seconds: float
    state: BreakerState = BreakerState.CLOSED
    term: int = 0
    failed_at: tuple[float, ...] = ()
    """The failures in a row, oldest first."""
    opened_at: float = 0.0
    probing: bool = False

    @property
    def admits(self) -> bool:
        """Whether a request may go now."""
        if self.state is BreakerState.HALF_OPEN:
            return not self.probing
        return self.state is BreakerState.CLOSED

    def rest(self, now: float) -> float:
        """How many seconds it stays open yet."""
        if self.state is not BreakerState.OPEN:
            return 0.0
        left = self.opened_at + self.open_seconds - now
        return min(max(0.0, left), self.open_seconds)  # the sum may have been rounded up

    def at(self, now: float) -> Breaker:
        """As time has made it: one that was open long enough may be probed."""
        if self.state is BreakerState.OPEN and self.rest(now) == 0:
            return self._move(BreakerState.HALF_OPEN)
        return self

    def asked(self) -> Breaker:
        """A request goes; it must be admitted."""
        return evolve(self, probing=True) if self.state is BreakerState.HALF_OPEN else self

    def answered(self, term: int) -> Breaker:
        """A request of that term got an answer, be it a refusal."""
        if term != self.term:
            return self
        if self.state is BreakerState.HALF_OPEN:
            return self._move(BreakerState.CLOSED)
        return evolve(self, failed_at=()) if self.failed_at else self

    def failed(self, term: int, now: float) -> Breaker:
        """A request of that term got none, or one that says that the other side is unwell."""
        if term != self.term:
            return self
        failed_at = (*(at for at in self.failed_at if now - at < self.window), now)
        if self.state is BreakerState.HALF_OPEN or len(failed_at) >= self.threshold:
            return evolve(self._move(BreakerState.OPEN), opened_at=now)
        return evolve(self, failed_at=failed_at)

    def abandoned(self, term: int) -> Breaker:
        """Nobody waits for that request any more: another one may be the probe."""
        return evolve(self, probing=False) if term == self.term else self

    def _move(self, state: BreakerState) -> Breaker:
        return evolve(self, state=state, term=self.term + 1, failed_at=(), probing=False)
