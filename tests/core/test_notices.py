"""What people are told, and when."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.notices import (
    LONGEST_PAUSE,
    MOST_COMMANDS,
    MOST_TYPES,
    AccountTrouble,
    Digest,
    Failure,
    Gathering,
    Identity,
    digest_json,
    digest_of,
    digest_text,
    merged,
)

BEGAN = datetime(2025, 11, 9, 12, 0, tzinfo=UTC)
WHO = Identity("fetcher-1", "telegram-fetcher", "production")
FAILURE = Failure("c1", "@ru_python", "storage", "The disk is full.")
LOST = AccountTrouble("session_revoked", "The session was ended. Run `tgworker login`.")


def digest(count: int, error_type: str = "storage") -> Digest:
    """So many commands that failed, a second apart."""
    found = None
    for n in range(count):
        one = Failure(f"c{n}", f"@chat_{n}", error_type, "Why.")
        new = digest_of(one, BEGAN + timedelta(seconds=n))
        found = new if found is None else merged(found, new)
    assert found is not None
    return found


def test_one_failure_is_told_in_two_lines() -> None:
    assert (
        "tgworker fetcher-1: 1 command failed (storage 1)\n"
        "• @ru_python: storage: The disk is full. [c1]"
    ) == digest_text(digest_of(FAILURE, BEGAN), "fetcher-1")


def test_many_are_counted_by_kind_and_the_first_few_named() -> None:
    told = merged(digest(3, "channel_private"), digest(6)).commands
    text = digest_text(merged(digest(3, "channel_private"), digest(6)), "w")

    assert text.startswith("tgworker w: 9 commands failed (storage 6, channel_private 3)\n")
    assert text.endswith("\nand 4 more since 2025-11-09T12:00:00Z")
    assert ["@chat_0", "@chat_1", "@chat_2", "@chat_0", "@chat_1"] == [one.chat for one in told]


def test_a_rejected_command_is_told_without_a_chat() -> None:
    rejected = Failure("c1", None, "invalid_command", "$.days: must be\n  a whole number")

    assert digest_text(digest_of(rejected, BEGAN), "w").endswith(
        "• rejected: invalid_command: $.days: must be a whole number [c1]"
    )


def test_the_accounts_end_is_told_first() -> None:
    text = digest_text(merged(digest(1), digest_of(LOST, BEGAN)), "w")

    first, second, _ = text.splitlines()
    assert "tgworker w has stopped: its Telegram account can't work. session_revoked: " in first
    assert "`tgworker login`" in first
    assert second.startswith("tgworker w: 1 command failed")


def test_programs_get_the_same_as_fields() -> None:
    told = json.loads(orjson.dumps(digest_json(merged(digest(7), digest_of(LOST, BEGAN)), WHO)))

    assert digest_text(merged(digest(7), digest_of(LOST, BEGAN)), "fetcher-1") == told["text"]
    assert ("fetcher-1", "telegram-fetcher", "production") == (
        told["worker_id"],
        told["service"],
        told["environment"],
    )
    assert (7, {"storage": 7}, MOST_COMMANDS) == (
        told["failed"],
        told["error_types"],
        len(told["commands"]),
    )
    assert ("2025-11-09T12:00:00Z", "2025-11-09T12:00:06Z") == (told["first_at"], told["last_at"])
    assert "session_revoked" == told["account"]["error_type"]
    assert json.loads(orjson.dumps(digest_json(digest(1), WHO)))["account"] is None


failures = st.builds(
    Failure,
    command_id=st.none() | st.text(max_size=40),
    chat=st.none() | st.just("@ru_python"),
    error_type=st.integers(0, 40).map("kind_{}".format),
    error=st.text(max_size=2000),
)


@given(st.lists(failures | st.just(LOST), min_size=1, max_size=60))
def test_a_digest_loses_no_failure_and_stays_small(
    troubles: list[Failure | AccountTrouble],
) -> None:
    found = digest_of(troubles[0], BEGAN)
    for trouble in troubles[1:]:
        found = merged(found, digest_of(trouble, BEGAN))

    failed = [trouble for trouble in troubles if isinstance(trouble, Failure)]
    assert len(failed) == found.failed
    assert found.commands == tuple(failed[:MOST_COMMANDS])
    assert len(found.counts) <= MOST_TYPES + 1
    kinds = Counter(trouble.error_type for trouble in failed)
    if len(kinds) <= MOST_TYPES:
        assert kinds == found.counts
    assert (LOST in troubles) == (found.account is not None)
    assert len(digest_text(found, "fetcher-1").encode("utf-16-le")) <= 2 * 4096


def test_what_belongs_together_is_told_together() -> None:
    gathering = Gathering(interval=60, settle=2)
    assert gathering.due_at is None

    gathering.add(digest(1), now=100)
    gathering.add(digest(2), now=101.5)

    assert 102 == gathering.due_at
    taken = gathering.take()
    assert taken is not None and 3 == taken.failed
    assert gathering.due_at is None and gathering.take() is None


def test_the_next_message_waits_out_the_interval() -> None:
    gathering = Gathering(interval=60, settle=2)
    gathering.add(digest(1), now=100)
    gathering.take()
    gathering.add(digest(1), now=103)
    gathering.told(now=104)

    assert 164 == gathering.due_at
    gathering.take()
    gathering.told(now=164)
    gathering.add(digest(1), now=500)
    assert 502 == gathering.due_at


def test_what_was_not_told_comes_first_and_is_tried_ever_more_rarely() -> None:
    gathering = Gathering(interval=60, settle=2)
    gathering.add(digest(1, "first"), now=0)
    pauses = []
    for n in range(7):
        taken = gathering.take()
        assert taken is not None
        gathering.add(digest(1, "later"), now=0)
        gathering.untold(taken, now=0)
        pauses.append(gathering.due_at)
        assert gathering.pending is not None
        assert "first" == gathering.pending.commands[0].error_type
        assert n + 2 == gathering.pending.failed

    assert [60, 120, 240, 480, 960, 960, 960] == pauses
    assert LONGEST_PAUSE * 60 == pauses[-1]


@given(
    st.lists(st.tuples(st.floats(0, 50), st.sampled_from(["add", "told", "untold"])), max_size=40)
)
def test_no_two_tries_are_closer_than_the_interval(steps: list[tuple[float, str]]) -> None:
    gathering = Gathering(interval=60, settle=2)
    now, last, fell = 0.0, None, 0
    for passed, step in steps:
        now += passed
        if step == "add":
            gathering.add(digest(1), now)
            fell += 1
        elif gathering.due_at is not None and gathering.due_at <= now:
            assert last is None or now - last >= 60
            taken = gathering.take()
            assert taken is not None
            if step == "told":
                fell -= taken.failed
                gathering.told(now)
            else:
                gathering.untold(taken, now)
            last = now
    assert fell == (0 if gathering.pending is None else gathering.pending.failed)


@pytest.mark.parametrize("text", ["", "x" * 5000, "😀" * 5000])
def test_an_error_is_cut_short(text: str) -> None:
    long = digest_of(Failure("c", "@c", "storage", text), BEGAN)

    assert len(digest_text(long, "w")) < 500
