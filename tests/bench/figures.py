"""What a case yields: rows of samples, each judged against a target; pure values."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import frozen

if TYPE_CHECKING:
    from tests.bench.stage import Bench


@frozen
class Target:
    """A bound on a row's median: `sign` is ``≥``, ``≤`` or ``>``."""

    sign: str
    bound: float

    def met_by(self, value: float) -> bool:
        return bool(_HOLDS[self.sign](value, self.bound))

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g}"


def at_least(bound: float) -> Target:
    return Target("≥", bound)


def at_most(bound: float) -> Target:
    return Target("≤", bound)


def more_than(bound: float) -> Target:
    return Target(">", bound)


_HOLDS = {"≥": operator.ge, "≤": operator.le, ">": operator.gt}


@frozen
class Point:
    """Where a row stands on a curve of cost against size."""

    curve: str
    size: int


@frozen
class Row:
    """One line of the table: what was measured, one sample for each round.

    `reason` says why there are no samples. `raw` are the figures that the samples were made from, which mean something
    on this machine only.
    """

    what: str
    unit: str
    samples: Sequence[float] = ()
    target: Target | None = None
    reason: str = ""
    raw: Mapping[str, Sequence[float]] = {}
    point: Point | None = None

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def verdict(self) -> str:
        """``met``, ``missed``, ``not run``, or ``–`` where nothing is promised."""
        if not self.samples:
            return "not run"
        if self.target is None:
            return "–"
        return "met" if self.target.met_by(self.median) else "missed"


@frozen
class Case:
    """Something to measure. `run` yields its rows as they are known.

    `rounds`, `quick_rounds`: how often all that is compared is run in turn.
    """

    name: str
    measures: str
    run: Callable[[Bench], Iterator[Row]]
    rounds: int
    quick_rounds: int


T = TypeVar("T")


def in_turn(
    rounds: int,
    programs: Mapping[str, Callable[[], T]],
    note: Callable[[str], None] = lambda text: None,
) -> dict[str, tuple[T, ...]]:
    """Run every program once in each round, each round beginning with another one: a machine's moods meet them all.

    `note` hears which one is at it.
    """
    names = list(programs)
    samples: dict[str, list[T]] = {name: [] for name in names}
    for number in range(rounds):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            note(f"round {number + 1} of {rounds}: {name}")
            samples[name].append(programs[name]())
    return {name: tuple(values) for name, values in samples.items()}


def ratios(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """Of what was measured in the same round."""
    return tuple(a / b for a, b in zip(above, below, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share (0 to 1) of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 100) // 100) - 1)]
