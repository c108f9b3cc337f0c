"""A walk returns every message of its range once, whatever single answers hide."""

from __future__ import annotations

import bisect
import random
from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.message import Message
from tgworker.core.model import HistoryQuery, Page, Person
from tgworker.core.paging import MAX_STALLS, AfterId, FromDate, HistoryStalledError, Walk

EPOCH = datetime(2025, 11, 1, tzinfo=UTC)


def message(id: int, seconds: int) -> Message:
    return Message(
        id=id, date=EPOCH + timedelta(seconds=seconds), from_id=1, chat="@c", text=f"text {id}"
    )


class Server:
    """Telegram's offset rule over a list, and the ways in which an answer can be less than that."""

    def __init__(self, messages: list[Message], deleted: frozenset[int] = frozenset()) -> None:
        self.messages = messages
        self.deleted = deleted
        self.asked = 0
        self.previous = Page((), ())
        self.counts = False
        """Whether it tells how many there are, as Telegram does for all but small groups."""

    def answer(self, query: HistoryQuery, fault: str = "none") -> Page:
        self.asked += 1
        page = self._page(query)
        match fault:
            case "newest":
                page = self._part(page, slice(len(page.ids) // 2, None))
            case "oldest":
                page = self._part(page, slice(None, (len(page.ids) + 1) // 2))
            case "empty":
                page = Page((), ())
            case "repeat":
                page = self.previous
        self.previous = page
        return evolve(page, count=len(self.messages)) if self.counts else page

    def _page(self, query: HistoryQuery) -> Page:
        if query.offset_id:
            place = bisect.bisect_left([m.id for m in self.messages], query.offset_id)
        elif query.offset_date:
            place = bisect.bisect_left([m.date for m in self.messages], query.offset_date)
        else:
            place = len(self.messages)
        newest = place - query.add_offset
        found = [
            m
            for m in self.messages[max(0, newest - query.limit) : max(0, newest)]
            if m.id > query.min_id
        ]
        return Page(tuple(m.id for m in found), tuple(m for m in found if m.id not in self.deleted))

    @staticmethod
    def _part(page: Page, kept: slice) -> Page:
        ids = page.ids[kept]
        return Page(ids, tuple(m for m in page.messages if m.id in ids))


def run(walk: Walk, server: Server, faults: list[str] | None = None) -> list[Message]:
    plan = iter(faults or [])
    messages: list[Message] = []
    while not walk.done:
        page = walk.receive(server.answer(walk.query(), next(plan, "none")))
        messages.extend(page.messages if page else ())
    return messages


def make_history(count: int, seed: int) -> list[Message]:
    """Ids with holes, several messages in a second, days without any."""
    rng = random.Random(seed)
    id = seconds = 0
    messages = []
    for _ in range(count):
        id += rng.choice((1, 1, 1, 2, 3))
        seconds += rng.choice((0, 0, 1, 30, 4000))
        messages.append(message(id, seconds))
    return messages


def histories() -> st.SearchStrategy[list[Message]]:
    counts = st.integers(0, 420) | st.sampled_from([99, 100, 101, 199, 200, 201])
    return st.builds(make_history, counts, st.integers(0, 2**32)).map(History)


class History(list[Message]):
    """Names itself by its length: hundreds of messages tell nobody anything."""

    def __repr__(self) -> str:
        return f"<{len(self)} messages>"


FAULTS = st.lists(
    st.sampled_from(["none", "newest", "oldest", "empty", "repeat"]).flatmap(
        # Two contradictions in a row can tell a perfect lie; one at a time must never get through.
        lambda fault: st.just([fault, "none"])
    ),
    max_size=MAX_STALLS,
).map(lambda pairs: [fault for pair in pairs for fault in pair])


@given(histories(), FAULTS, st.integers(0, 500), st.integers(0, 700_000))
def test_a_walk_after_an_id_returns_all_above_it_up_to_the_end(
    history: list[Message], faults: list[str], after: int, until: int
) -> None:
    end = EPOCH + timedelta(seconds=until)

    got = run(Walk(AfterId(after), end), Server(history), faults)

    assert [m for m in history if m.id > after and m.date < end] == got


@given(histories(), FAULTS, st.integers(0, 700_000), st.none() | st.integers(1, 200_000))
def test_a_walk_from_a_date_returns_all_of_its_range(
    history: list[Message], faults: list[str], since: int, length: int | None
) -> None:
    start = EPOCH + timedelta(seconds=since)
    end = None if length is None else start + timedelta(seconds=length)

    got = run(Walk(FromDate(start), end), Server(history), faults)

    assert [m for m in history if m.date >= start and (end is None or m.date < end)] == got


@given(histories(), st.data())
def test_pages_of_deleted_ids_are_walked_over(history: list[Message], data: st.DataObject) -> None:
    first, last = sorted((data.draw(st.integers(0, 900)), data.draw(st.integers(0, 900))))
    deleted = frozenset(range(first, last))

    got = run(Walk(AfterId(0)), Server(history, deleted))

    assert [m for m in history if m.id not in deleted] == got


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 200, 5_000])
def test_a_range_costs_at_most_three_requests_more_than_its_pages(count: int) -> None:
    history = [message(1000 + n, 10 * n) for n in range(-50, count)]
    server = Server(history)

    got = run(Walk(FromDate(EPOCH)), server)

    assert count == len(got)
    assert server.asked <= -(-count // 100) + 3


@pytest.mark.parametrize("new", [0, 1, 98])
def test_topping_up_costs_at_most_two_requests(new: int) -> None:
    server = Server([message(n, n) for n in range(1, 301 + new)])

    got = run(Walk(AfterId(300)), server)

    assert new == len(got)
    assert 2 == server.asked


def test_a_range_that_ends_in_the_past_needs_no_proof_of_the_end() -> None:
    server = Server([message(n, n) for n in range(1, 1001)])

    got = run(Walk(AfterId(0), EPOCH + timedelta(seconds=250)), server)

    assert 249 == len(got)
    assert 3 == server.asked


def test_a_telegram_that_contradicts_itself_for_ever_is_given_up() -> None:
    server = Server([message(n, n) for n in range(1, 301)])
    walk = Walk(AfterId(100))

    with pytest.raises(HistoryStalledError):
        while not walk.done:
            query = walk.query()
            walk.receive(server.answer(query, "none" if query.limit == 1 else "empty"))


def test_people_of_all_answers_that_were_joined_are_kept() -> None:
    history = [message(n, n) for n in range(5, 25)]
    low, high = Person(1, None, "Low"), Person(2, None, "High")
    walk = Walk(AfterId(0))

    assert walk.receive(Page((20, 21), tuple(history[15:17]), (high,))) is None
    assert walk.receive(Page((18, 19, 20), tuple(history[13:16]), (low,))) is None
    lowest = Page((18,), (history[13],))
    assert walk.receive(lowest) is None
    page = walk.receive(lowest)

    assert page is not None
    assert (18, 19, 20, 21) == page.ids
    assert (low, high) == page.people


def test_an_answer_with_a_hole_in_a_gap_is_not_believed() -> None:
    """Below the newest message Telegram gives the oldest one only: what lies between is asked for."""
    history = History(make_history(103, 0))
    faults = ["empty", "none", "repeat", "none", "oldest", "none"]

    assert history == run(Walk(FromDate(EPOCH)), Server(history), faults)


def test_a_newest_message_that_is_older_than_one_shown_is_not_believed_to_be_the_end() -> None:
    """The answer to the question before, once more: the chat's oldest message as its newest."""
    history = History(make_history(100, 0))
    faults = ["newest", "none", "none", "none", "repeat"]

    assert history == run(Walk(FromDate(EPOCH)), Server(history), faults)


def test_the_end_is_found_as_well_if_the_newest_messages_are_deleted_meanwhile() -> None:
    server = Server([message(n, n) for n in range(1, 11)])
    walk = Walk(AfterId(5))

    page = walk.receive(server.answer(walk.query()))
    server.messages = server.messages[:8]
    left = run(walk, server)

    assert page is not None
    assert (6, 7, 8, 9, 10) == page.ids
    assert [] == left
    assert 3 == server.asked


@pytest.mark.parametrize("start", [AfterId(0), AfterId(150), FromDate(EPOCH)])
@pytest.mark.parametrize("times", [2, 3, 4])
def test_of_a_chat_that_has_messages_no_empty_answer_is_believed(
    start: AfterId | FromDate, times: int
) -> None:
    server = Server([message(n, n) for n in range(1, 301)])
    server.counts = True

    got = run(Walk(start), server, ["empty"] * times)

    assert (150 if start == AfterId(150) else 300) == len(got)


def test_a_chat_without_messages_has_come_to_its_end() -> None:
    server = Server([])
    server.counts = True

    assert [] == run(Walk(AfterId(7)), server)
