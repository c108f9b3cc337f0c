"""Which calls a fault strikes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tgworker.simulator.faults import Fault
from tgworker.simulator.plan import FaultPlan


def strikes(calls: int, names: Sequence[str] = (), step: float = 10.0, **fault: Any) -> list[int]:
    """Which of so many calls the fault strikes, counted from 1."""
    plan = FaultPlan([Fault(empty=True, **fault)])
    return [
        number
        for number in range(1, calls + 1)
        if plan.deal("messages.getHistory", names, number * step)
    ]


@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ([1, 2, 3, 4, 5, 6], {}),
        ([3], {"nth": 3}),
        ([2, 4, 6], {"every": 2}),
        ([1, 2], {"times": 2}),
        ([2, 4], {"every": 2, "times": 2}),
        ([], {"nth": 3, "every": 2}),
        ([1, 2, 3, 4, 5, 6], {"method": "messages.getHistory"}),
        ([], {"method": "help.getConfig"}),
        ([], {"chat": "ru_python"}),
        ([1, 2, 3, 4, 5, 6], {"probability": 1.0}),
        ([], {"probability": 0.0}),
    ],
    ids=str,
)
def test_all_conditions_must_hold(expected: list[int], fault: dict[str, Any]) -> None:
    assert expected == strikes(6, **fault)


def test_a_chat_goes_by_any_of_its_names() -> None:
    assert [1] == strikes(1, ["ru_python", "-1001"], chat="ru_python")
    assert [1] == strikes(1, ["ru_python", "-1001"], chat="-1001")
    assert [] == strikes(1, ["ru_python", "-1001"], chat="other")


def test_the_same_seed_throws_the_same_dice() -> None:
    first, second, third = (strikes(100, probability=0.3, seed=seed) for seed in (1, 1, 2))

    assert first == second != third
    assert 10 < len(first) < 50


def test_only_calls_beyond_the_rate_are_struck() -> None:
    assert [3, 4, 5, 6] == strikes(6, step=0.1, above_rate=2)
    assert [] == strikes(6, step=0.5, above_rate=2)
    assert [2, 3] == strikes(3, step=1.0, above_rate=0.5 * 0.5)


def test_each_fault_counts_its_own_calls_from_when_it_was_added() -> None:
    plan = FaultPlan([Fault(nth=2, error="A")])
    plan.deal("a.b", (), 1)
    plan.add([Fault(nth=1, error="B"), Fault(method="c.d", nth=1, error="C")])

    assert ["A", "B"] == [fault.error for fault in plan.deal("a.b", (), 2)]
    assert ["C"] == [fault.error for fault in plan.deal("c.d", (), 3)]


def test_the_clock_is_off_until_the_faults_are_cleared() -> None:
    plan = FaultPlan([Fault(clock_skew_s=600.0)])

    assert 600.0 == plan.clock_skew_s
    assert [] == plan.deal("a.b", (), 1)

    plan.add([Fault(empty=True)])
    plan.clear()
    assert 0.0 == plan.clock_skew_s
    assert [] == plan.deal("a.b", (), 2)
