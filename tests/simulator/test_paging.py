"""Which messages one page of a history holds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tgworker.simulator.paging import history_page, offset_place

IDS = [2, 3, 5, 8, 9]
DATES = [10, 10, 20, 20, 30]


def page(**query: int) -> list[int]:
    return [IDS[place] for place in history_page(IDS, DATES, **query)]


def naive(
    messages: list[tuple[int, int]],
    offset_id: int,
    offset_date: int,
    add_offset: int,
    limit: int,
    max_id: int,
    min_id: int,
) -> list[int]:
    """The rule, word for word, over the newest-first list."""
    newest_first = sorted(messages, reverse=True)
    position = 0
    if offset_id or offset_date:
        position = len(newest_first)
        for place, (id, date) in enumerate(newest_first):
            if id < offset_id if offset_id else date < offset_date:
                position = place
                break
    position += add_offset
    window = [
        id
        for place, (id, _) in enumerate(newest_first)
        if position <= place < position + min(limit, 100)
    ]
    return [id for id in window if (not max_id or id < max_id) and (not min_id or id > min_id)]


def test_without_an_offset_a_page_starts_at_the_newest() -> None:
    assert [9, 8] == page(limit=2)


def test_an_offset_id_gives_what_is_older_even_if_that_id_is_gone() -> None:
    assert [5, 3] == page(offset_id=8, limit=2)
    assert [5, 3] == page(offset_id=7, limit=2)


def test_an_offset_date_gives_what_is_strictly_older() -> None:
    assert [3, 2] == page(offset_date=20)


def test_of_both_offsets_the_id_counts() -> None:
    assert [2] == page(offset_id=3, offset_date=30)


def test_a_negative_add_offset_walks_towards_newer_messages() -> None:
    assert [8, 5] == page(offset_id=4, add_offset=-2, limit=2)


def test_what_lies_above_the_newest_is_not_filled_up_from_below() -> None:
    assert [9] == page(offset_id=9, add_offset=-3, limit=3)
    assert [9, 8] == page(add_offset=-1, limit=3)
    assert [] == page(add_offset=-3, limit=3)


def test_the_place_of_an_offset_is_counted_from_the_newest() -> None:
    assert [1, 2, 3, 3] == [offset_place(IDS, DATES, id) for id in (9, 8, 5, 4)]
    assert [1, 3, 5] == [offset_place(IDS, DATES, 0, date) for date in (30, 20, 1)]
    assert offset_place(IDS, DATES) is None


def test_nothing_is_given_for_a_limit_of_none_or_less() -> None:
    assert [] == page(limit=0)
    assert [] == page(limit=-5)


def test_a_page_never_holds_more_than_a_hundred() -> None:
    ids = list(range(1, 500))

    assert 100 == len(history_page(ids, ids, limit=1000))


@given(
    steps=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), max_size=150),
    offset_id=st.integers(0, 300),
    offset_date=st.integers(0, 200),
    add_offset=st.integers(-200, 200),
    limit=st.integers(-3, 200),
    max_id=st.integers(0, 300),
    min_id=st.integers(0, 300),
)
def test_the_page_is_what_the_naive_rule_gives(
    steps: list[tuple[int, int]],
    offset_id: int,
    offset_date: int,
    add_offset: int,
    limit: int,
    max_id: int,
    min_id: int,
) -> None:
    messages: list[tuple[int, int]] = []
    for id_step, date_step in steps:
        id, date = messages[-1] if messages else (0, 1)
        messages.append((id + id_step, date + date_step))
    ids, dates = [id for id, _ in messages], [date for _, date in messages]

    places = history_page(
        ids,
        dates,
        offset_id=offset_id,
        offset_date=offset_date,
        add_offset=add_offset,
        limit=limit,
        max_id=max_id,
        min_id=min_id,
    )

    expected = naive(messages, offset_id, offset_date, add_offset, limit, max_id, min_id)
    assert expected == [ids[place] for place in places]
