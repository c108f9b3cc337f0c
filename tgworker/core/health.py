"""What can be said of a worker's health, judged from what it really did; pure: times are arguments.

*Live*: something moves wherever something should move; a worker that is not can only be killed. *Ready*: a command
that came now would be carried out now. All times are seconds on one steady clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import field, frozen

from tgworker.core.message import Json

LEAST_FREE_BYTES = 64 * 1024 * 1024
"""With less than that on the disk the next day may not fit any more."""

TELEGRAM_TROUBLE_SECONDS = 300.0
"""So long a failed request says something of Telegram; after that nobody knows."""


@frozen
class Work:
    """A command under way."""

    command_id: str
    chat: str
    began_at: float
    moved_at: float
    """When something last came of it: a request was answered, a page or a day was written."""
    leased_at: float | None = None
    """When Redis last said that it is ours; None: nobody lent it."""


@frozen
class Signs:
    """When each of these last showed that it is there; None: never."""

    redis: float | None = None
    """An answer of Redis."""
    telegram: float | None = None
    """An answer of Telegram, whatever it was."""
    page: float | None = None
    """A page that reached the disk."""
    lease: float | None = None
    """A lease that was renewed."""


@frozen
class Vitals:
    """What is known of a worker."""

    started: bool = False
    stopping: bool = False
    redis_away: bool = False
    telegram_failed_at: float | None = None
    """When a request last came to nothing, if none was answered since."""
    telegram_trouble: str | None = None
    """Why Telegram is not being asked at present."""
    storage_trouble: str | None = None
    disk_free_bytes: int | None = None
    works: tuple[Work, ...] = ()
    signs: Signs = Signs()


@frozen
class Patience:
    """How long each thing may give no sign before something hangs."""

    work: float
    """No single wait that is part of a command takes longer."""
    queue: float = float("inf")
    """So often an idle worker hears from Redis, or knows that it is away."""
    lease: float = float("inf")
    """So often a lease is renewed, or the work on it ends."""


@frozen
class Health:
    """The judgement; ``reason`` is one line for people, whatever it is."""

    live: bool
    ready: bool
    reason: str
    seconds_since: Mapping[str, float | None] = field(factory=dict)
    """How long ago each of `Signs` was."""
    disk_free_bytes: int | None = None

    @property
    def status(self) -> str:
        """``healthy``, ``degraded`` (alive, but can do nothing now) or ``hung``."""
        if not self.live:
            return "hung"
        return "healthy" if self.ready else "degraded"


def health_json(health: Health) -> dict[str, Json]:
    """What is shown to who asks over HTTP, or reads the file."""
    return {
        "status": health.status,
        "reason": health.reason,
        "seconds_since": dict(health.seconds_since),
        "disk_free_bytes": health.disk_free_bytes,
    }


def judge(vitals: Vitals, now: float, patience: Patience) -> Health:
    """Say how a worker is."""
    hung = _hung(vitals, now, patience)
    trouble = hung or _trouble(vitals, now)
    return Health(
        live=hung is None,
        ready=trouble is None,
        reason=trouble or _doing(vitals.works),
        seconds_since={
            name: None if at is None else round(now - at, 1)
            for name, at in attrs.asdict(vitals.signs).items()
        },
        disk_free_bytes=vitals.disk_free_bytes,
    )


def _hung(vitals: Vitals, now: float, patience: Patience) -> str | None:
    """What should move and does not."""
    for work in sorted(vitals.works, key=lambda work: work.moved_at):
        if now - work.moved_at > patience.work:
            return f"nothing has moved for {now - work.moved_at:.0f} s while fetching {work.chat}"
        # Without Redis the end of a command waits to be told, and nothing is left to be renewed.
        leased_at = None if vitals.redis_away else work.leased_at
        if leased_at is not None and now - leased_at > patience.lease:
            return (
                f"the lease for fetching {work.chat} was last renewed {now - leased_at:.0f} s ago"
            )
    idle = vitals.started and not (vitals.stopping or vitals.redis_away or vitals.works)
    asked_at = vitals.signs.redis
    if idle and asked_at is not None and now - asked_at > patience.queue:
        return f"Redis was last asked for a command {now - asked_at:.0f} s ago"
    return None


def _trouble(vitals: Vitals, now: float) -> str | None:
    """What would keep a command that came now from being carried out."""
    if vitals.stopping:
        chats = _chats(vitals.works)
        return f"stopping; still at {chats}" if chats else "stopping"
    if vitals.redis_away:
        return "Redis does not answer"
    if not vitals.started:
        return "starting"
    return vitals.telegram_trouble or _unanswered(vitals, now) or _storage(vitals)


def _unanswered(vitals: Vitals, now: float) -> str | None:
    failed_at = vitals.telegram_failed_at
    if failed_at is None or now - failed_at > TELEGRAM_TROUBLE_SECONDS:
        return None
    return "Telegram did not answer the last time"


def _storage(vitals: Vitals) -> str | None:
    free = vitals.disk_free_bytes
    if vitals.storage_trouble is None and free is not None and free < LEAST_FREE_BYTES:
        return f"the disk of the archive is full: {free // 1024**2} MiB are left"
    return vitals.storage_trouble


def _doing(works: tuple[Work, ...]) -> str:
    return f"fetching {_chats(works)}" if works else "waiting for commands"


def _chats(works: tuple[Work, ...]) -> str:
    return ", ".join(sorted(work.chat for work in works))
