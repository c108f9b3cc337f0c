"""A token bucket, and the pace it is filled at, as pure arithmetic: times are seconds on any steady clock."""

from __future__ import annotations

from attrs import evolve, frozen

QUIET_SECONDS = 60.0
"""After each such stretch without a flood wait the pace is raised by a step."""

FLOOR = 1 / 16
"""The slowest pace, as a part of the one that is set."""

STEP = 1 / 20
"""By how much a quiet minute raises the pace, as a part of the one that is set: from half to whole in ten minutes."""


@frozen
class Bucket:
    """Lets `burst` requests through at once, and `rate` a second in the long run.

    A clock that jumps back counts as standing still.
    """

    rate: float
    burst: int
    tokens: float
    filled_at: float

    @classmethod
    def full(cls, rate: float, burst: int, now: float) -> Bucket:
        return cls(rate, burst, float(burst), now)

    def at(self, now: float, rate: float, burst: int | None = None) -> Bucket:
        """The bucket at `now`, from when on it fills at that `rate`; until then it filled at the old one.

        `burst` is how many it holds from now on; None: as many as before.
        """
        burst = self.burst if burst is None else burst
        elapsed = max(0.0, now - self.filled_at)
        tokens = min(float(burst), self.tokens + elapsed * self.rate)
        return Bucket(rate, burst, tokens, max(now, self.filled_at))

    @property
    def wait(self) -> float:
        """How many seconds after it was last filled there is a token; 0: there is one."""
        return max(0.0, 1.0 - self.tokens) / self.rate

    def take(self) -> Bucket:
        """Without a token; ask for `wait` first."""
        return evolve(self, tokens=self.tokens - 1.0)

    def give_back(self) -> Bucket:
        """With a token that was taken and is not needed after all."""
        return evolve(self, tokens=min(float(self.burst), self.tokens + 1.0))


@frozen
class Pace:
    """How many requests a second the account is given: halved by a flood wait, raised again by quiet minutes.

    Halving answers a flood wait at once and raising is slow, as TCP does it: so the pace comes to rest near what
    Telegram allows, without anybody knowing that figure. Never above what is set.
    """

    setting: float
    """Requests a second."""
    low: float
    """The pace after the last flood wait."""
    lowered_at: float
    quiet_since: float

    @classmethod
    def full(cls, setting: float, now: float) -> Pace:
        return cls(setting, setting, now, now)

    def rate(self, now: float) -> float:
        """Requests a second at `now`."""
        steps = max(0, int((now - self.quiet_since) / QUIET_SECONDS))
        return min(self.setting, self.low + steps * STEP * self.setting)

    def burst(self, setting: int, now: float) -> int:
        """How many requests may go at once at `now`: only at full pace as many as are set.

        While someone waits for a flood's end the bucket fills, and what came of it at once would be the next flood.
        """
        return setting if self.rate(now) >= self.setting else 1

    def flooded(self, asked_at: float, now: float, until: float) -> Pace:
        """After a flood wait that ends at `until`: what is waited for is no quiet.

        A request that was asked before the pace was last lowered says nothing of the pace since; several under way at
        once halve it once.
        """
        quiet_since = max(self.quiet_since, until)
        if asked_at < self.lowered_at:
            return evolve(self, quiet_since=quiet_since)
        low = max(FLOOR * self.setting, self.rate(now) / 2)
        return evolve(self, low=low, lowered_at=now, quiet_since=quiet_since)
