"""What can be said of a worker's health, judged from what it really did; pure: times are arguments.

*Live*: something moves wherever something should move; a worker that is not can only be killed. *Ready*: a command
that came now would be carried out now.
"""

from __future__ import annotations

from attrs import frozen


@frozen
class Work:
    """A command under way. Times are seconds on a steady clock."""

    command_id: str
    chat: str
    began_at: float
    moved_at: float
    """When something last came of it: a request was answered, a page or a day was written."""


@frozen
class Vitals:
    """What is known of a worker."""

    started: bool = False
    stopping: bool = False
    redis_away: bool = False
    telegram_trouble: str | None = None
    """Why Telegram is not being asked at present."""
    storage_trouble: str | None = None
    works: tuple[Work, ...] = ()


@frozen
class Health:
    """The judgement; ``reason`` is one line for people, whatever it is."""

    live: bool
    ready: bool
    reason: str

    @property
    def status(self) -> str:
        """``healthy``, ``degraded`` (alive, but can do nothing now) or ``hung``."""
        if not self.live:
            return "hung"
        return "healthy" if self.ready else "degraded"


def judge(vitals: Vitals, now: float, *, stall_seconds: float) -> Health:
    """Say how a worker is. `stall_seconds`: no single wait that is part of the work takes longer."""
    stalled = [work for work in vitals.works if now - work.moved_at > stall_seconds]
    if stalled:
        worst = min(stalled, key=lambda work: work.moved_at)
        still = f"nothing has moved for {now - worst.moved_at:.0f} s while fetching {worst.chat}"
        return Health(live=False, ready=False, reason=still)
    trouble = _trouble(vitals)
    return Health(live=True, ready=trouble is None, reason=trouble or _doing(vitals.works))


def _trouble(vitals: Vitals) -> str | None:
    if not vitals.started:
        return "starting"
    if vitals.stopping:
        return "stopping"
    if vitals.redis_away:
        return "Redis does not answer"
    return vitals.telegram_trouble or vitals.storage_trouble


def _doing(works: tuple[Work, ...]) -> str:
    if not works:
        return "waiting for commands"
    return f"fetching {', '.join(sorted(work.chat for work in works))}"
