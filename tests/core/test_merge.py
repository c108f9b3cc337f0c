"""Merging by id, and knowing what is held."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.merge import IdSet, merge, unheld
from tgworker.core.message import Message

IDS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 20))
STREAMS = st.lists(st.dictionaries(st.integers(0, 30), st.integers()), max_size=4)


def message(message_id: int, text: str = "") -> Message:
    return Message(message_id, datetime(2025, 11, 7, tzinfo=UTC), None, "@a", text)


@given(STREAMS)
def test_merging_is_a_union_in_which_the_first_wins(streams):
    """Like dicts laid over each other, the first on top, in the order of the ids."""
    union = {}
    for stream in reversed(streams):
        union |= stream

    merged = list(merge(*(sorted(s.items()) for s in streams), key=lambda item: item[0]))

    assert sorted(union.items()) == merged


def test_merging_reads_no_further_than_it_must():
    """One item of each stream is in memory, so whole days never are."""

    def endless(start):
        while True:
            yield start
            start += 2

    merged = merge(endless(1), endless(2), key=int)

    assert [1, 2, 3, 4] == [next(merged) for _ in range(4)]


@given(IDS)
def test_an_id_set_is_a_sorted_set(ids):
    """Whatever the order in which ids come."""
    held = IdSet()
    for message_id in ids:
        place = held.add(message_id)
        assert message_id == list(held)[place]

    assert sorted(set(ids)) == list(held)
    assert len(set(ids)) == len(held)
    assert min(ids, default=None) == held.first
    assert max(ids, default=None) == held.last
    assert all(message_id in held for message_id in ids)


@given(IDS, st.integers(0, 20))
def test_an_id_set_knows_what_it_does_not_hold(ids, probe):
    """Nothing else is found in it, and no other kind of thing."""
    held = IdSet(ids)

    assert (probe in ids) == (probe in held)
    assert "1" not in held


@given(st.lists(st.integers(0, 20)), st.sets(st.integers(0, 20)))
def test_what_is_held_is_dropped_and_nothing_else(ids, held):
    """Each new id once, in the order of the page."""
    new = [m.id for m in unheld(map(message, ids), held)]

    assert [i for n, i in enumerate(ids) if i not in held and i not in ids[:n]] == new


def test_of_two_forms_in_one_page_the_first_is_taken():
    """A page that repeats a message is not wrong."""
    page = [message(1, "first"), message(1, "second")]

    assert page[:1] == list(unheld(page, set()))
