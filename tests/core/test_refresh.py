"""What was saved is never dropped: changes are taken, and what is gone is flagged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.artifact import RawMessage, canonical
from tgworker.core.refresh import Change, reconcile


def message(id: int, text: str = "text", **fields: Any) -> RawMessage:
    base = {"id": id, "date": f"{datetime(2025, 11, 1, tzinfo=UTC):%Y-%m-%dT%H:%M:%SZ}"}
    return canonical(base | {"from_id": 1, "chat": "@c", "text": text, **fields})


def refreshed(new: RawMessage, old: RawMessage) -> tuple[RawMessage, Change]:
    ((form, change),) = reconcile([new], [old], whole=True)
    return form, change


def test_a_message_that_is_as_it_was_is_the_same() -> None:
    assert (message(1), Change.SAME) == refreshed(message(1), message(1))


def test_another_text_is_an_edit_though_telegram_hides_it() -> None:
    form, change = refreshed(message(1, "new"), message(1, "old"))

    assert (message(1, "new", edited=True), Change.UPDATED) == (form, change)
    assert (form, Change.SAME) == refreshed(message(1, "new"), form)


def test_new_counters_are_taken_and_are_no_edit() -> None:
    assert (message(1, views=9), Change.UPDATED) == refreshed(message(1, views=9), message(1))


def test_an_edit_that_telegram_told_once_stays_told() -> None:
    old = message(1, edited=True, edit_date="2025-11-02T00:00:00Z")

    assert (old, Change.SAME) == refreshed(message(1), old)


def test_what_the_chat_is_called_now_is_no_change_of_the_message() -> None:
    form, change = refreshed(message(1, chat="@new"), message(1))

    assert ("@new", Change.SAME) == (form["chat"], change)


def test_what_is_gone_is_kept_and_flagged_once() -> None:
    ((form, change),) = reconcile([], [message(1)], whole=True)

    assert (message(1, deleted=True), Change.VANISHED) == (form, change)
    assert [(form, Change.SAME)] == list(reconcile([], [form], whole=True))


def test_what_comes_back_is_not_gone_any_more() -> None:
    gone = message(1, deleted=True)

    assert (message(1), Change.UPDATED) == refreshed(message(1), gone)


def test_without_having_read_all_nothing_is_concluded() -> None:
    merged = list(reconcile([message(2, "new")], [message(1), message(2)], whole=False))

    assert [(message(1), Change.SAME), (message(2, "new"), Change.UPDATED)] == merged


_STATES = st.dictionaries(st.integers(1, 30), st.sampled_from("abc"))


@given(st.lists(_STATES, min_size=1, max_size=6))
def test_after_any_history_everything_that_ever_was_is_there_once(
    states: list[dict[int, str]],
) -> None:
    """Refresh after refresh of a chat where messages come, change, go and come back."""
    saved: list[RawMessage] = []
    for state in states:
        fresh = [message(id, text) for id, text in sorted(state.items())]
        saved = [form for form, _ in reconcile(fresh, saved, whole=True)]

    ever = sorted({id for state in states for id in state})
    assert ever == [form["id"] for form in saved]
    for form in saved:
        texts = [state[form["id"]] for state in states if form["id"] in state]
        assert texts[-1] == form["text"]
        assert (len(set(texts)) > 1) is form["edited"]
        assert (form["id"] not in states[-1]) is form["deleted"]
    again = list(reconcile(fresh, saved, whole=True))
    assert all(change is Change.SAME for _, change in again)
    assert saved == [form for form, _ in again]
