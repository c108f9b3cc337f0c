"""The bucket keeps the rate in the long run; the pace gives way to flood waits and comes back slowly."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.bucket import FLOOR, Bucket, Pace

rates = st.floats(0.1, 50)


def turns(bucket: Bucket, arrivals: list[float]) -> list[float]:
    """When each request goes, if each waits for its token and then goes."""
    out: list[float] = []
    for now in arrivals:
        begins = max([now, *out[-1:]])
        bucket = bucket.at(begins, bucket.rate)
        begins += bucket.wait
        # As if a clock could tell the moment to the last digit.
        bucket = evolve(bucket.at(begins, bucket.rate), filled_at=begins)
        bucket = evolve(bucket, tokens=max(1.0, bucket.tokens)).take()
        out.append(begins)
    return out


def busiest(turns: list[float], rate: float) -> float:
    """By how many requests the busiest window of time exceeds what the rate alone allows."""
    return max(
        count - rate * (end - begin)
        for i, begin in enumerate(turns)
        for count, end in enumerate(turns[i:], start=1)
    )


def test_the_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    assert [0, 0, 0, 0.5, 1.0] == turns(Bucket.full(2.0, 3, now=0), [0.0] * 5)


def test_a_long_rest_earns_no_more_than_the_burst() -> None:
    assert [1000, 1000, 1001, 1002] == turns(Bucket.full(1.0, 2, now=0), [1000.0] * 4)


def test_a_clock_that_jumps_back_stands_still() -> None:
    bucket = Bucket.full(1.0, 1, now=100).take()

    assert 1.0 == bucket.at(50, 1.0).wait


def test_a_token_given_back_is_there_again_and_never_one_too_many() -> None:
    bucket = Bucket.full(1.0, 1, now=0)

    assert bucket == bucket.take().give_back() == bucket.give_back()


def test_the_time_before_a_change_counts_at_the_old_rate() -> None:
    empty = Bucket.full(1.0, 5, now=0).take().take().take().take().take()

    assert 2.0 == empty.at(2, 0.5).tokens
    assert 3.0 == empty.at(2, 0.5).at(4, 0.5).tokens


def test_a_bucket_that_is_made_smaller_keeps_no_more_than_it_holds() -> None:
    bucket = Bucket.full(1.0, 5, now=0)

    assert [0, 1, 2] == turns(bucket.at(0, 1.0, burst=1), [0.0] * 3)
    assert [9, 9, 9] == turns(bucket.at(0, 1.0, burst=1).at(5, 1.0, burst=3), [9.0] * 3)


def test_only_at_full_pace_several_requests_may_go_at_once() -> None:
    pace = Pace.full(2.0, now=0)

    assert 5 == pace.burst(5, now=0)
    assert [1, 1, 5] == [pace.flooded(0, 10, 40).burst(5, now) for now in (10, 639, 640)]


@given(rates, st.integers(1, 10), st.lists(st.floats(0, 20), min_size=1, max_size=40))
def test_no_window_of_time_sees_more_than_burst_plus_rate(
    rate: float, burst: int, steps: list[float]
) -> None:
    arrivals = [sum(steps[: n + 1]) for n in range(len(steps))]

    got = turns(Bucket.full(rate, burst, now=0), arrivals)

    assert sorted(got) == got
    assert busiest(got, rate) <= burst + 1e-6


def test_a_flood_wait_halves_the_pace_and_quiet_minutes_raise_it_to_what_is_set() -> None:
    pace = Pace.full(2.0, now=0).flooded(asked_at=0, now=10, until=40)

    assert [1.0, 1.0, 1.0, 1.1, 1.2, 2.0, 2.0] == [
        pytest.approx(pace.rate(now)) for now in (10, 40, 99, 100, 160, 640, 10**6)
    ]


def test_flood_waits_after_each_other_lower_the_pace_to_a_floor() -> None:
    pace = Pace.full(1.0, now=0)
    for now in range(10, 100, 10):
        pace = pace.flooded(asked_at=now, now=now, until=now)

    assert FLOOR == pace.rate(100)


def test_requests_that_were_under_way_together_halve_the_pace_once() -> None:
    pace = Pace.full(1.0, now=0)
    for now in (11, 12, 13):
        pace = pace.flooded(asked_at=10, now=now, until=now + 30)

    assert 0.5 == pace.rate(50)
    assert pace.rate(102) == 0.5 < pace.rate(103)


@given(
    st.integers(1, 10),
    rates,
    st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=1, max_size=60),
)
def test_whatever_happens_the_pace_stays_between_floor_and_setting(
    burst: int, setting: float, steps: list[tuple[float, bool]]
) -> None:
    """And so no window of time sees more than burst plus setting."""
    now = 0.0
    pace, bucket, went = Pace.full(setting, now), Bucket.full(setting, burst, now), []
    for step, flooded in steps:
        now += step
        bucket = bucket.at(now, pace.rate(now), pace.burst(burst, now))
        assert FLOOR * setting <= bucket.rate <= setting
        if bucket.wait == 0:
            bucket = bucket.take()
            went.append(now)
        if flooded:
            pace = pace.flooded(asked_at=now, now=now, until=now + 5)

    assert not went or busiest(went, setting) <= burst + 1e-6
