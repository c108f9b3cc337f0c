"""Faults that change a page."""

from __future__ import annotations

import pytest
from telethon.extensions import BinaryReader
from telethon.tl import types
from telethon.tl.core import GzipPacked

from tgworker.simulator.faults import Fault
from tgworker.simulator.pages import change_page
from tgworker.simulator.rpc import Encoded, encode_answer

PEER = types.PeerChannel(1)


def page(*ids: int) -> types.messages.Messages:
    return types.messages.Messages([types.MessageEmpty(n, PEER) for n in ids], [], [], [])


def test_an_answer_that_no_fault_changes_is_not_even_read() -> None:
    broken = Encoded(b"not an object")

    assert broken is change_page(broken, [Fault(delay_ms=5.0), Fault(error="X")])


def test_the_handlers_own_page_is_not_touched() -> None:
    own = page(3, 2, 1)

    changed = change_page(own, [Fault(short=1)])

    assert page(3) == changed
    assert page(3, 2, 1) == own


def test_bytes_may_be_gzipped() -> None:
    packed = Encoded(bytes(GzipPacked(bytes(page(3, 2, 1)))))

    assert (
        page()
        == BinaryReader(encode_answer(change_page(packed, [Fault(empty=True)]))).tgread_object()
    )


def test_hidden_messages_are_left_out() -> None:
    assert page(3, 1) == change_page(page(3, 2, 1), [Fault(hide=(2, 9))])


def test_several_faults_follow_one_another() -> None:
    assert page(3) == change_page(page(3, 2, 1), [Fault(short=2), Fault(short=1)])


@pytest.mark.parametrize("answer", [True, [types.MessageEmpty(1, PEER)], types.UserEmpty(1)])
def test_what_holds_no_messages_stays_as_it_is(answer: object) -> None:
    assert answer is change_page(answer, [Fault(empty=True)])


@pytest.mark.parametrize("seed", range(20))
def test_a_shuffled_page_is_never_in_order(seed: int) -> None:
    changed = change_page(page(2, 1), [Fault(shuffle=True, seed=seed)])

    assert page(1, 2) == changed
