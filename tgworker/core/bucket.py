"""A token bucket as pure arithmetic: times are seconds on any steady clock, and arguments."""

from __future__ import annotations

from attrs import evolve, frozen


@frozen
class Bucket:
    """Lets `burst` requests through at once, and `rate` a second in the long run.

    `tokens` may be negative: then that many requests have been promised a turn already.
    """

    rate: float
    burst: int
    tokens: float
    filled_at: float

    @classmethod
    def full(cls, rate: float, burst: int, now: float) -> Bucket:
        return cls(rate, burst, float(burst), now)

    def take(self, now: float) -> tuple[Bucket, float]:
        """Promise one request its turn: the bucket after it, and how many seconds from `now` the turn comes.

        A clock that jumps back counts as standing still.
        """
        elapsed = max(0.0, now - self.filled_at)
        tokens = min(float(self.burst), self.tokens + elapsed * self.rate) - 1.0
        wait = max(0.0, -tokens / self.rate)
        return evolve(self, tokens=tokens, filled_at=max(now, self.filled_at)), wait
