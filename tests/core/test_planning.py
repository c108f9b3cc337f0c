"""Days, spans and what is left to fetch."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.model import ChatRef, FetchCommand, Mode, Strategy
from tgworker.core.planning import (
    Span,
    choose_strategy,
    day_of,
    days_of,
    is_over,
    midnight,
    spans,
)

TODAY = date(2025, 11, 10)
CHAT = ChatRef(username="ru_python")
DAYS = st.dates(date(2013, 8, 14), date(2040, 1, 1))


@st.composite
def stretches(draw):
    first = draw(DAYS)
    return first, first + timedelta(days=draw(st.integers(0, 60)))


def test_a_date_is_that_day_even_if_it_is_today():
    command = FetchCommand(CHAT, Mode.DATE, first=TODAY, last=TODAY)

    assert (TODAY, TODAY) == days_of(command, TODAY)


@pytest.mark.parametrize(
    ("days", "first"), [(1, date(2025, 11, 9)), (3, date(2025, 11, 7)), (3660, date(2015, 11, 3))]
)
def test_days_are_the_full_days_before_today(days, first):
    command = FetchCommand(CHAT, Mode.DAYS, days=days)

    assert (first, date(2025, 11, 9)) == days_of(command, TODAY)


def test_a_range_includes_both_its_ends():
    command = FetchCommand(CHAT, Mode.RANGE, first=date(2025, 11, 1), last=date(2025, 11, 7))

    assert (date(2025, 11, 1), date(2025, 11, 7)) == days_of(command, TODAY)


def test_full_leaves_the_first_day_to_the_chat():
    assert days_of(FetchCommand(CHAT, Mode.FULL), TODAY) is None


def test_a_day_is_a_utc_day_wherever_the_clock_stands():
    tokyo = timezone(timedelta(hours=9))

    assert date(2025, 11, 6) == day_of(datetime(2025, 11, 7, 8, 59, 59, tzinfo=tokyo))
    assert date(2025, 11, 7) == day_of(datetime(2025, 11, 7, 9, 0, tzinfo=tokyo))


def test_a_day_is_over_a_minute_after_midnight_and_no_moment_sooner():
    """Our clock may be ahead of the one that dates the messages."""
    end = datetime(2025, 11, 8, 0, 1, tzinfo=UTC)

    assert is_over(date(2025, 11, 7), end)
    assert not is_over(date(2025, 11, 7), end - timedelta(microseconds=1))


def test_sealed_days_are_left_out_and_neighbours_joined():
    sealed = {date(2025, 11, 2), date(2025, 11, 5)}

    assert (
        Span(date(2025, 11, 1), date(2025, 11, 1)),
        Span(date(2025, 11, 3), date(2025, 11, 4)),
        Span(date(2025, 11, 6), date(2025, 11, 7)),
    ) == spans(date(2025, 11, 1), date(2025, 11, 7), sealed)


def test_nothing_is_left_when_everything_is_sealed():
    assert () == spans(TODAY, TODAY, {TODAY})


def test_a_span_begins_at_its_first_midnight_and_ends_before_the_midnight_after_its_last_day():
    span = Span(date(2025, 2, 27), date(2025, 3, 1))

    assert datetime(2025, 2, 27, tzinfo=UTC) == span.start
    assert datetime(2025, 3, 2, tzinfo=UTC) == span.end


@given(stretches(), st.sets(DAYS), st.data())
def test_spans_hold_exactly_the_days_that_are_not_sealed(stretch, elsewhere, data):
    first, last = stretch
    every = Span(first, last).days
    sealed = elsewhere | data.draw(st.sets(st.sampled_from(every)))

    found = spans(first, last, sealed)

    assert [day for day in every if day not in sealed] == [d for span in found for d in span.days]
    assert all(a.end < b.start for a, b in zip(found, found[1:], strict=False))


@given(stretches())
def test_splitting_keeps_every_day_and_leaves_no_gap_between_them(stretch):
    span = Span(*stretch)

    parts = span.split()

    assert span.days == tuple(part.first for part in parts)
    assert (span.start, span.end) == (parts[0].start, parts[-1].end)
    assert all(a.end == b.start for a, b in zip(parts, parts[1:], strict=False))


@given(st.datetimes(datetime(2013, 8, 14), datetime(2040, 1, 1), timezones=st.timezones()))
def test_every_moment_lies_in_its_day_and_in_no_other(moment):
    day = day_of(moment)

    assert midnight(day) <= moment < midnight(day) + timedelta(days=1)
    assert not is_over(day, moment)
    assert is_over(day - timedelta(days=2), moment)


@pytest.mark.parametrize(
    ("asked", "default", "chosen"),
    [
        (Strategy.AUTO, Strategy.AUTO, Strategy.BATCH),
        (Strategy.AUTO, Strategy.PER_DAY, Strategy.PER_DAY),
        (Strategy.BATCH, Strategy.PER_DAY, Strategy.BATCH),
        (Strategy.SEQUENTIAL, Strategy.AUTO, Strategy.SEQUENTIAL),
    ],
)
def test_the_command_decides_before_the_settings_and_auto_means_batch(asked, default, chosen):
    assert chosen is choose_strategy(asked, default)
