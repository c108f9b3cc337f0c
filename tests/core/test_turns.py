"""Turns go round between those who wait."""

from __future__ import annotations

import pytest

from tgworker.core.turns import RoundRobin


def order(turns: RoundRobin[str]) -> str:
    return "".join(turns.next() for _ in range(len(turns)))


@pytest.fixture
def turns() -> RoundRobin[str]:
    """One who wants a lot, and two who came later and want little."""
    turns: RoundRobin[str] = RoundRobin()
    for key, who in zip("aaaabbc", "1234567", strict=True):
        turns.join(key, who)
    return turns


def test_everybody_has_a_turn_before_anybody_has_two(turns: RoundRobin[str]) -> None:
    assert "1572634" == order(turns)


def test_who_was_just_served_comes_after_those_who_wait(turns: RoundRobin[str]) -> None:
    assert "1" == turns.next()
    turns.join("d", "8")

    assert "572863" + "4" == order(turns)


def test_who_leaves_costs_the_others_no_place(turns: RoundRobin[str]) -> None:
    turns.leave("b", "5")
    turns.leave("c", "7")

    assert "16234" == order(turns)


def test_when_nobody_waits_there_is_no_next() -> None:
    with pytest.raises(LookupError):
        RoundRobin[str]().next()
