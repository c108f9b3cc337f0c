"""Reply chains and participants of one day."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.model import Participant, Person, Thread
from tgworker.core.threads import Row, ThreadFinder, list_participants

ROWS = st.dictionaries(
    st.integers(1, 40),
    st.tuples(st.none() | st.integers(1, 50), st.none() | st.integers(1, 5)),
).map(lambda rows: [Row(message_id, *rest) for message_id, rest in sorted(rows.items())])


def rows(**replies: int | None) -> list[Row]:
    """``m5=3``: message 5, written by sender 50, answers 3."""
    return [Row(int(k[1:]), reply, int(k[1:]) * 10) for k, reply in replies.items()]


def find_threads(day: Iterable[Row]) -> tuple[Thread, ...]:
    finder = ThreadFinder()
    for row in day:
        finder.add(row)
    return tuple(finder.threads())


def test_a_chain_starts_with_its_first_message():
    """Answers to answers belong to the same thread."""
    threads = find_threads(rows(m1=None, m2=1, m3=None, m4=2, m5=3))

    assert (Thread(1, (1, 2, 4), (10, 20, 40)), Thread(3, (3, 5), (30, 50))) == threads


def test_single_messages_make_no_thread():
    """Who answers nobody, and whom nobody answers, is in none."""
    assert () == find_threads(rows(m1=None, m2=None))
    assert () == find_threads([])


def test_a_chain_may_hang_on_a_message_outside_the_day():
    """Its root is the message outside, which is not among its ids; all who answer it are one thread."""
    threads = find_threads(rows(m10=3, m11=10, m12=3, m13=4))

    assert (
        Thread(3, (10, 11, 12), (100, 110, 120), root_in_day=False),
        Thread(4, (13,), (130,), root_in_day=False),
    ) == threads


def test_nobody_is_named_where_telegram_names_nobody():
    """Channel posts have no sender; each participant is listed once."""
    threads = find_threads([Row(1, None, None), Row(2, 1, 7), Row(3, 2, 7), Row(4, 2, -5)])

    assert (Thread(1, (1, 2, 3, 4), (-5, 7)),) == threads


def test_a_message_that_answers_itself_or_a_newer_one_answers_nobody():
    """Telegram has no such thing; made-up data must not lead in a circle."""
    assert () == find_threads(rows(m1=2, m2=2))
    assert (Thread(1, (1, 2), (10, 20)),) == find_threads(rows(m1=2, m2=1))


def test_a_chain_of_any_length_is_followed():
    """No recursion, and no walk along the chain for each message."""
    length = 50_000
    chain = [Row(n, n - 1 if n > 1 else None, 1) for n in range(1, length + 1)]

    assert (Thread(1, tuple(range(1, length + 1)), (1,)),) == find_threads(chain)


def test_chains_of_a_big_day_are_told_apart():
    """However many answers there are, and however they mingle."""
    length, last = 80_000, 2**40
    mingled = [Row(n, n - 2 if n > 2 else None, n % 2) for n in range(1, length + 1)]

    assert (
        Thread(1, tuple(range(1, length, 2)), (1,)),
        Thread(2, (*range(2, length + 1, 2), last), (0, 7)),
    ) == find_threads([*mingled, Row(last, 2, 7)])


@given(ROWS)
def test_threads_part_the_messages(day):
    """Every message that answers, or is answered, is in exactly one thread, and so is the one it answers."""
    ids = {row.id for row in day}
    threads = find_threads(day)
    thread_of = {m: thread for thread in threads for m in thread.message_ids}

    assert sum(len(thread.message_ids) for thread in threads) == len(thread_of)
    for row in day:
        if row.reply_to is not None and row.reply_to < row.id:
            thread = thread_of[row.id]
            assert row.reply_to in (*thread.message_ids, thread.root_id)
    for thread in threads:
        assert sorted(thread.message_ids) == list(thread.message_ids)
        assert (thread.root_id in ids) == thread.root_in_day
        assert (thread.root_id in thread.message_ids) == thread.root_in_day
        assert thread.root_id <= thread.message_ids[0]
    assert sorted(threads, key=lambda thread: thread.root_id) == list(threads)


def test_participants_are_counted_and_named():
    """By id; nameless if Telegram did not say who it is."""
    people = {5: Person(5, "five", "Five", bot=True), 9: Person(9, None, "wrote nothing")}

    assert (
        Participant(-7, None, None, False, 2),
        Participant(5, "five", "Five", True, 1),
    ) == list_participants({5: 1, -7: 2}, people)


def test_more_people_than_sixteen_bits_can_count():
    """Each message has an author of its own, and each one answers the one before."""
    number = 2**16 + 2
    chain = [Row(n, n - 1 if n > 1 else None, -n) for n in range(1, number + 1)]

    (thread,) = find_threads(chain)

    assert tuple(range(-number, 0)) == thread.participants
