"""The breaker opens when nothing but failures comes back, and lets one request find out whether that is over."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from tgworker.core.breaker import Breaker
from tgworker.core.facts import BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN


def fresh(threshold: int = 3) -> Breaker:
    return Breaker(threshold, window=30, open_seconds=60)


def fail(breaker: Breaker, *moments: float) -> Breaker:
    for now in moments:
        breaker = breaker.asked().failed(breaker.term, now)
    return breaker


def test_so_many_failures_in_the_window_open_it() -> None:
    assert CLOSED is fail(fresh(), 0, 29).state

    opened = fail(fresh(), 0, 10, 29)

    assert (OPEN, False, 60) == (opened.state, opened.admits, opened.rest(29))


def test_it_rests_no_longer_than_set_whatever_the_clock_says() -> None:
    """The sum of these two is rounded up."""
    now = 32.280077656203495

    assert 60 == fail(fresh(), now, now, now).rest(now)


def test_failures_that_lie_further_apart_do_not() -> None:
    assert CLOSED is fail(fresh(), 0, 10, 30, 41).state


def test_an_answer_in_between_shows_that_telegram_is_there() -> None:
    breaker = fail(fresh(), 0, 1)
    breaker = breaker.asked().answered(breaker.term)

    assert CLOSED is fail(breaker, 2, 3).state


def test_after_its_time_one_probe_may_go_and_no_second_one() -> None:
    breaker = fail(fresh(), 0, 1, 2)

    assert OPEN is breaker.at(61.9).state
    assert not breaker.at(61.9).admits
    half_open = breaker.at(62)
    assert (HALF_OPEN, True) == (half_open.state, half_open.admits)
    assert not half_open.asked().admits


def test_a_probe_that_is_answered_closes_it_and_one_failure_does_not_open_it_again() -> None:
    half_open = fail(fresh(), 0, 1, 2).at(62).asked()

    closed = half_open.answered(half_open.term)

    assert (CLOSED, True) == (closed.state, closed.admits)
    assert CLOSED is fail(closed, 63, 64).state


def test_a_probe_that_fails_opens_it_for_its_whole_time() -> None:
    again = fail(fail(fresh(), 0, 1, 2).at(62), 70)

    assert (OPEN, 60) == (again.state, again.rest(70))


def test_a_probe_that_nobody_waits_for_makes_room_for_another() -> None:
    half_open = fail(fresh(), 0, 1, 2).at(62).asked()

    assert half_open.abandoned(half_open.term).admits


def test_what_comes_back_late_says_nothing_of_the_present() -> None:
    closed = fresh().asked()
    half_open = fail(closed, 0, 1, 2).at(62).asked()

    assert half_open == half_open.answered(closed.term)
    assert half_open == half_open.failed(closed.term, 63)
    assert half_open == half_open.abandoned(closed.term)


class Life(RuleBasedStateMachine):
    """Any number of requests under way at once, ending in any way and order, while time goes on."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.breaker = fresh()
        self.now = 0.0

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        before, self.breaker = self.breaker, self.breaker.at(self.now)
        if before.state is not self.breaker.state:
            assert (OPEN, HALF_OPEN) == (before.state, self.breaker.state)
            assert self.now - before.opened_at >= 60 - 1e-6

    @precondition(lambda self: self.breaker.admits)
    @rule(target=under_way)
    def ask(self) -> int:
        self.breaker = self.breaker.asked()
        return self.breaker.term

    @rule(term=under_way)
    def answer(self, term: int) -> None:
        before, self.breaker = self.breaker, self.breaker.answered(term)
        assert self.breaker.state in (before.state, CLOSED)

    @rule(term=under_way)
    def fail(self, term: int) -> None:
        before, self.breaker = self.breaker, self.breaker.failed(term, self.now)
        assert self.breaker.state in (before.state, OPEN)

    @rule(term=under_way)
    def abandon(self, term: int) -> None:
        state = self.breaker.state
        self.breaker = self.breaker.abandoned(term)
        assert state is self.breaker.state

    @invariant()
    def never_open_for_longer_than_it_may_be(self) -> None:
        assert 0 <= self.breaker.rest(self.now) <= 60 + 1e-6
        assert len(self.breaker.failed_at) < 3
        assert self.breaker.state is HALF_OPEN or not self.breaker.probing


TestLife = Life.TestCase
