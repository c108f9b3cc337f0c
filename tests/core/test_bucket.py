"""The bucket keeps the rate in the long run and lets no more than the burst through after a rest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.bucket import Bucket


def turns(bucket: Bucket, arrivals: list[float]) -> list[float]:
    """When each request gets its turn."""
    out = []
    for now in arrivals:
        bucket, wait = bucket.take(now)
        out.append(now + wait)
    return out


def test_the_burst_goes_at_once_and_the_rest_at_the_rate() -> None:
    assert [0, 0, 0, 0.5, 1.0] == turns(Bucket.full(2.0, 3, now=0), [0.0] * 5)


def test_a_long_rest_earns_no_more_than_the_burst() -> None:
    bucket = Bucket.full(1.0, 2, now=0)

    assert [1000, 1000, 1001, 1002] == turns(bucket, [1000.0] * 4)


def test_a_clock_that_jumps_back_stands_still() -> None:
    bucket, _ = Bucket.full(1.0, 1, now=100).take(100)

    assert 1.0 == bucket.take(50)[1]


@given(
    st.floats(0.1, 50),
    st.integers(1, 10),
    st.lists(st.floats(0, 20), min_size=1, max_size=60),
)
def test_no_window_of_time_sees_more_than_burst_plus_rate(
    rate: float, burst: int, steps: list[float]
) -> None:
    arrivals = [sum(steps[: n + 1]) for n in range(len(steps))]

    got = turns(Bucket.full(rate, burst, now=0), arrivals)

    assert sorted(got) == got
    for i, begin in enumerate(got):
        for count, end in enumerate(got[i:], start=1):
            assert count <= burst + rate * (end - begin) + 1e-6
