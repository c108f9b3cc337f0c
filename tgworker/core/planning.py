"""Which days a command means, and which of them are left to fetch. All days are UTC calendar days."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, date, datetime, time, timedelta

from attrs import frozen

from tgworker.core.model import FetchCommand, Mode, Strategy

ONE_DAY = timedelta(days=1)

CLOCK_DOUBT = timedelta(minutes=1)
"""So much our clock may be ahead of Telegram's, which dates the messages."""


@frozen
class Span:
    """The days from ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def start(self) -> datetime:
        """The first moment of the span."""
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after the span."""
        return midnight(self.last) + ONE_DAY

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + n * ONE_DAY for n in range((self.last - self.first).days + 1))

    def split(self) -> tuple[Span, ...]:
        """Each day on its own."""
        return tuple(Span(day, day) for day in self.days)


def midnight(day: date) -> datetime:
    """The moment a day begins."""
    return datetime.combine(day, time(), UTC)


def day_of(moment: datetime) -> date:
    """The day an aware time falls in."""
    return moment.astimezone(UTC).date()


def is_over(day: date, now: datetime) -> bool:
    """Whether nothing can be written on that day any more, so that it may be sealed; `now` is by our own clock."""
    return day_of(now - CLOCK_DOUBT) > day


def days_of(command: FetchCommand, today: date) -> tuple[date, date] | None:
    """The first and the last day a command asks for. None: from the chat's first message to today."""
    match command.mode:
        case Mode.FULL:
            return None
        case Mode.DAYS:
            assert command.days is not None, "a command by days says how many"
            return today - command.days * ONE_DAY, today - ONE_DAY
        case Mode.DATE | Mode.RANGE:
            assert command.first is not None and command.last is not None, "it says which days"
            return command.first, command.last


def spans(first: date, last: date, sealed: Set[date]) -> tuple[Span, ...]:
    """The days from ``first`` to ``last`` that are not sealed, ascending, neighbours joined.

    For a forced fetch ``sealed`` is empty.
    """
    found: list[Span] = []
    for day in Span(first, last).days:
        if day in sealed:
            continue
        if found and found[-1].last == day - ONE_DAY:
            found[-1] = Span(found[-1].first, day)
        else:
            found.append(Span(day, day))
    return tuple(found)


def choose_strategy(asked: Strategy, default: Strategy) -> Strategy:
    """How to walk, never ``AUTO``: as the command asks, else as the settings say, else with the fewest requests."""
    for wish in (asked, default):
        if wish is not Strategy.AUTO:
            return wish
    return Strategy.BATCH
