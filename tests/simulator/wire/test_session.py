"""The numbers of a session's messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.simulator.wire.session import Session

NOW = 1_762_516_800.0


def at(seconds: float, *, low: int = 0) -> int:
    """A client's message id of that time."""
    return int((NOW + seconds) * 2**32) & ~3 | low


@pytest.mark.parametrize(
    ("expected", "msg_id"),
    [
        (None, at(0)),
        (None, at(-299)),
        (None, at(29)),
        (16, at(-302)),
        (16, 0),
        (17, at(32)),
        (18, at(0, low=1)),
        (18, at(0, low=2)),
    ],
    ids=str,
)
def test_an_id_must_be_a_clients_and_of_about_now(expected: int | None, msg_id: int) -> None:
    assert expected == Session(1).check(msg_id, 1, NOW)


def test_seqnos_must_not_fall_behind() -> None:
    session = Session(1)
    session.accept(at(0), 5)

    assert 32 == session.check(at(1), 3, NOW)
    assert 32 == session.check(at(1), 5, NOW)
    assert session.check(at(1), 6, NOW) is None
    assert session.check(at(-1), 3, NOW) is None


def test_a_message_is_taken_once() -> None:
    session = Session(1)

    assert [True, True, False, True, False] == [
        session.accept(at(second), 1) for second in (0, 2, 0, 1, 1)
    ]
    assert session.has(at(2))
    assert not session.has(at(3))


@given(
    times=st.lists(st.floats(0, 100), min_size=1),
    answers=st.booleans(),
)
def test_ids_to_the_client_are_odd_and_differ(times: list[float], answers: bool) -> None:
    session = Session(1)
    ids = [session.next_msg_id(NOW + seconds, answers=answers) for seconds in sorted(times)]

    assert sorted(set(ids)) == ids
    assert {1 if answers else 3} == {msg_id % 4 for msg_id in ids}


def test_ids_follow_a_clock_that_is_put_back() -> None:
    session = Session(1)
    session.next_msg_id(NOW + 600, answers=True)

    assert int(NOW) == session.next_msg_id(NOW, answers=True) >> 32


def test_only_content_raises_the_seqno_and_is_odd() -> None:
    session = Session(1)

    assert [0, 1, 2, 3, 4] == [
        session.next_seqno(content=content) for content in (False, True, False, True, False)
    ]
