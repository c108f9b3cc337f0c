"""What happens, as values. Metrics and traces are made of these; who does the work knows neither.

All times are seconds. ``chat`` is the label of a chat, ``@name`` or its marked id; ``error_type`` and ``reason`` are
the stable names that events use.
"""

from __future__ import annotations

import datetime as dt
import enum
from typing import TypeAlias

from attrs import frozen


class BreakerState(enum.IntEnum):
    """The numbers are those of the metric ``breaker_state``."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


@frozen
class RequestEnded:
    """Telegram answered, or did not: then ``error_type`` says how."""

    target: str
    """What was asked for, as the gateway calls it: ``resolve``, ``history``."""
    seconds: float
    error_type: str | None = None


@frozen
class Retried:
    """Something stumbled and is tried again after a wait."""

    target: str
    reason: str
    wait_seconds: float


@frozen
class FloodWaited:
    """Telegram wants a rest of this method."""

    method: str
    seconds: float
    reason: str = "flood_wait"


@frozen
class RateChanged:
    """How many requests a second the account is given now."""

    requests_per_second: float


@frozen
class BreakerMoved:
    component: str
    state: BreakerState


@frozen
class PageFiled:
    """A page is on disk. ``lag_seconds``: how old its newest message is; None where it has none."""

    chat: str
    saved: int
    deduplicated: int
    lag_seconds: float | None


@frozen
class DaySealed:
    """A day's artifact is in place. Not ``complete``: it stays open and will be topped up."""

    chat: str
    date: dt.date
    messages: int
    bytes: int
    complete: bool
    seconds: float


@frozen
class CommandBegan:
    """This worker carries the command out from now on."""

    command_id: str
    chat: str


@frozen
class CommandLeft:
    """This worker is done with the command, however that came."""

    command_id: str


@frozen
class CommandEnded:
    """A command is done for good, well or, with an ``error_type``, not."""

    chat: str | None
    seconds: float
    error_type: str | None = None
    command_id: str | None = None
    error: str | None = None
    """For people."""


@frozen
class AccountLost:
    """Telegram does not let the account work any more."""

    error_type: str
    error: str


@frozen
class CommandParked:
    reason: str


@frozen
class CommandBuried:
    """A command went to the dead list."""

    reason: str


@frozen
class LeaseRenewed:
    """Redis has confirmed that a command is ours."""


@frozen
class LeaseLost:
    """A command was taken from this worker, or may have been."""


@frozen
class QueueSeen:
    """How many commands wait in the list."""

    length: int


@frozen
class TelegramSeen:
    """Whether Telegram could be reached when the worker began."""

    reached: bool


@frozen
class DiskSeen:
    """How much room the archive has, in bytes, or, with None, what is wrong with its disk."""

    free_bytes: int | None
    trouble: str | None = None


@frozen
class OutboxSeen:
    """How many events wait to be published."""

    length: int


Fact: TypeAlias = (
    RequestEnded
    | Retried
    | FloodWaited
    | RateChanged
    | BreakerMoved
    | PageFiled
    | DaySealed
    | CommandBegan
    | CommandLeft
    | CommandEnded
    | AccountLost
    | CommandParked
    | CommandBuried
    | LeaseRenewed
    | LeaseLost
    | QueueSeen
    | TelegramSeen
    | DiskSeen
    | OutboxSeen
)
