"""Telegram's own count of a day, worked out from the places of messages."""

from __future__ import annotations

import bisect
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.completeness import MAX_ANSWERS, SAMPLED, Completeness, Probe, judge
from tgworker.core.message import Message
from tgworker.core.model import HistoryQuery, IncompleteDay, Page

MIDNIGHT = datetime(2025, 11, 3, tzinfo=UTC)
DAY = MIDNIGHT.date()
SECOND = timedelta(seconds=1)


def message(id: int, moment: datetime) -> Message:
    return Message(id, moment, 1, "@chat", "text")


def page_before(moment: datetime, *, count: int | None = 9, position: int | None = None) -> Page:
    """An answer with one message, a second older than that moment."""
    return Page((5,), (message(5, moment - SECOND),), (), count, position)


def ask(history: list[datetime], probe: Probe, *, inclusive: bool = False) -> int:
    """Answer a probe as Telegram would, from the times of a chat's messages; returns how often it asked."""
    asked = 0
    while not probe.done:
        asked += 1
        offset = probe.query().offset_date
        assert offset is not None
        find = bisect.bisect_right if inclusive else bisect.bisect_left
        place = find(history, offset)
        found = [message(place, history[place - 1])] if place else []
        position = len(history) - place
        probe.receive(
            Page(tuple(m.id for m in found), tuple(found), (), len(history), position),
        )
    return asked


_HISTORIES = st.lists(
    st.integers(-2 * 86400, 2 * 86400).map(lambda s: MIDNIGHT + timedelta(seconds=s)), max_size=40
).map(sorted)


@given(_HISTORIES, st.booleans(), st.lists(st.sampled_from([0, 1, 86399]), max_size=5))
def test_two_probes_count_a_day_however_telegram_reads_a_date(
    history: list[datetime], inclusive: bool, edges: list[int]
) -> None:
    history = sorted([*history, *(MIDNIGHT + timedelta(seconds=s) for s in edges)])
    start, end = Probe(MIDNIGHT), Probe(MIDNIGHT + timedelta(days=1))

    asked = ask(history, start, inclusive=inclusive) + ask(history, end, inclusive=inclusive)

    truth = len([m for m in history if m.date() == DAY])
    assert start.older is not None and end.older is not None
    found = judge(DAY, older_at_start=start.older, older_at_end=end.older, got=truth)
    assert found is None
    assert IncompleteDay(DAY, truth, truth - 1) == judge(
        DAY, older_at_start=start.older, older_at_end=end.older, got=truth - 1
    )
    assert asked <= (4 if inclusive else 2)


@given(_HISTORIES, st.integers(0, 20))
def test_messages_that_arrive_between_two_probes_do_not_count(
    history: list[datetime], new: int
) -> None:
    end = MIDNIGHT + timedelta(days=1)
    first, then = Probe(MIDNIGHT), Probe(end)

    ask(history, first)
    ask(sorted([*history, *[MIDNIGHT + timedelta(days=9)] * new]), then)

    assert first.older is not None and then.older is not None
    assert len([m for m in history if m.date() == DAY]) == then.older - first.older


def test_a_probe_asks_for_one_message_before_the_moment() -> None:
    assert HistoryQuery(offset_date=MIDNIGHT, limit=1) == Probe(MIDNIGHT).query()


def test_more_than_telegram_counts_is_no_lack() -> None:
    assert judge(DAY, older_at_start=3, older_at_end=7, got=5) is None


@pytest.mark.parametrize(
    "page",
    [
        page_before(MIDNIGHT, position=None),
        page_before(MIDNIGHT, count=None, position=3),
        Page((), ()),
    ],
)
def test_an_answer_without_a_place_tells_nothing(page: Page) -> None:
    probe = Probe(MIDNIGHT)

    probe.receive(page)

    assert (True, None) == (probe.done, probe.older)


def test_that_nothing_is_older_has_to_be_said_twice_where_no_place_says_it() -> None:
    probe = Probe(MIDNIGHT)

    probe.receive(Page((), (), (), 9))
    assert not probe.done
    probe.receive(Page((), (), (), 9))

    assert (True, 0) == (probe.done, probe.older)


def test_what_is_no_answer_to_the_question_is_asked_again_and_not_for_ever() -> None:
    crowd = Page((4, 5), (message(4, MIDNIGHT - SECOND), message(5, MIDNIGHT - SECOND)), (), 9, 0)
    probe, patient = Probe(MIDNIGHT), Probe(MIDNIGHT)

    probe.receive(crowd)
    probe.receive(page_before(MIDNIGHT, position=4))
    for _ in range(MAX_ANSWERS):
        assert not patient.done
        patient.receive(crowd)

    assert (True, 5) == (probe.done, probe.older)
    assert (True, None) == (patient.done, patient.older)


def test_a_sample_is_about_a_tenth_of_the_days_and_always_the_same() -> None:
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(2000)]

    chosen = [day for day in days if Completeness.SAMPLE.covers(-1001, day)]

    assert 150 < len(chosen) < 250 and SAMPLED == 10
    assert chosen == [day for day in days if Completeness("sample").covers(-1001, day)]
    assert chosen != [day for day in days if Completeness.SAMPLE.covers(-1002, day)]
    assert all(Completeness.ALWAYS.covers(1, day) for day in days[:9])
    assert not any(Completeness.OFF.covers(1, day) for day in days)
