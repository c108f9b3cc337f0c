"""The world file, right and wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from tgworker.core.model import ChatType
from tgworker.simulator.world import SpecError, World, parse_world, read_world

NOW = datetime(2026, 1, 1, 0, 30, tzinfo=UTC)
CHAT = {
    "username": "abcd",
    "type": "channel",
    "from": "2025-11-01",
    "to": "2025-11-02",
    "per_day": [1],
}


def problems(data: object) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        parse_world(data, now=NOW)
    return caught.value.problems


def chat_problems(**changes: object) -> tuple[str, ...]:
    return problems({"chats": [{**CHAT, **changes}]})


def test_a_file_is_read_with_all_it_says(tmp_path: Path) -> None:
    file = tmp_path / "world.json"
    faults = [{"method": "messages.getHistory", "nth": 5, "error": "FLOOD_WAIT_3"}]
    data = {
        "seed": 7,
        "users": 3,
        "account": {"phone": "+49 1", "code": "00000", "password": "тайна"},
        "latency_ms": 1.5,
        "faults": faults,
        "chats": [
            {**CHAT, "title": "Питон", "plain": True, "edges": False, "deleted": 0, "id": 5},
        ],
    }
    file.write_text(json.dumps(data))

    spec = read_world(file, now=NOW)

    assert (7, 3, 1.5, faults) == (spec.seed, spec.users, spec.latency_ms, list(spec.faults))
    assert ("+49 1", "00000", "тайна") == (
        spec.account.phone,
        spec.account.code,
        spec.account.password,
    )
    (chat,) = spec.chats
    assert ("abcd", "Питон", 5, ChatType.CHANNEL) == (
        chat.username,
        chat.title,
        chat.id,
        chat.type,
    )
    assert (True, False, 0) == (chat.plain, chat.edges, chat.deleted)


def test_what_is_not_said_has_defaults() -> None:
    spec = parse_world({"chats": [CHAT]}, now=NOW)

    assert (0, 40, 0, ()) == (spec.seed, spec.users, spec.latency_ms, spec.faults)
    assert spec.account.password is None
    assert not spec.account.frozen
    assert "abcd" == spec.chats[0].title


def test_days_may_be_relative_to_now_in_utc() -> None:
    spec = parse_world({"chats": [{**CHAT, "from": "-3d", "to": "today"}]}, now=NOW)

    assert (date(2025, 12, 29), date(2026, 1, 1)) == (spec.chats[0].first, spec.chats[0].last)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(b'{"seed": ')

    with pytest.raises(SpecError, match="No such file"):
        read_world(tmp_path / "missing", now=NOW)
    with pytest.raises(SpecError, match="is not JSON"):
        read_world(tmp_path / "broken", now=NOW)


def test_every_problem_is_told_at_once() -> None:
    found = problems({"seed": "x", "chats": [{**CHAT, "per_day": [-1]}], "speed": 1})

    assert (
        "$.chats[0].per_day must be a whole number from 0 to 10000000",
        "$.seed must be a whole number from -9223372036854775808 to 9223372036854775807",
        "$.speed is not a known field",
    ) == tuple(sorted(found))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "$ must be an object"),
        ({}, "$.chats is missing"),
        ({"chats": {}}, "$.chats must be a list"),
        ({"chats": [1]}, "$.chats[0] must be an object"),
        ({"chats": [], "faults": [1]}, "$.faults must be a list of objects"),
        ({"chats": [], "latency_ms": True}, "$.latency_ms must be a number from 0 to 1e+09"),
        ({"chats": [], "account": 1}, "$.account must be an object"),
        ({"chats": [], "account": {"code": 1}}, "$.account.code must be a text"),
        ({"chats": [], "account": {"frozen": 1}}, "$.account.frozen must be true or false"),
        ({"chats": [], "account": {"pin": 1}}, "$.account.pin is not a known field"),
        (
            {"chats": [CHAT, {**CHAT, "username": "ABCD"}]},
            "$.chats[1].username is taken by an earlier chat",
        ),
    ],
)
def test_a_wrong_file_is_refused(data: object, problem: str) -> None:
    assert (problem,) == problems(data)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"type": "chat"}, "type must be one of channel, supergroup, forum, group"),
        (
            {"username": "a/../b"},
            "username must be 4 to 32 letters, digits and underscores, a letter first",
        ),
        ({"type": "group"}, "username must be left out: a basic group has none"),
        ({"from": "2025-11-03"}, "from must not come after to"),
        ({"to": "2026-01-02"}, "to must not be in the future (today is 2026-01-01)"),
        ({"from": "2025-02-30"}, "from must be a day: 2025-11-01, today or -3d"),
        ({"from": "2013-08-13"}, "from must not be before Telegram (2013-08-14)"),
        ({"from": "20251101"}, "from must be a day: 2025-11-01, today or -3d"),
        ({"per_day": []}, "per_day must not be empty"),
        ({"plain": 1}, "plain must be true or false"),
        ({"deleted": 1}, "deleted must be a number from 0 to 0.9"),
        ({"id": 0}, "id must be a whole number from 1 to 1000000000000"),
    ],
)
def test_a_wrong_chat_is_refused(changes: dict[str, object], problem: str) -> None:
    assert (f"$.chats[0].{problem}",) == chat_problems(**changes)


def test_a_chat_needs_a_name_of_some_kind() -> None:
    nameless = {key: value for key, value in CHAT.items() if key != "username"}

    assert ("$.chats[0].id is missing: a chat needs a username or an id",) == problems(
        {"chats": [nameless]}
    )


def test_two_chats_cannot_come_out_with_one_id(
    make_world: Callable[..., World], entry: Callable[..., dict[str, Any]]
) -> None:
    named = make_world(entry("channel"))

    with pytest.raises(SpecError, match="same id"):
        make_world(entry("channel"), entry("channel", username="other", id=named.chats[0].id))


TALK = {"username": "talk", "type": "supergroup", "from": "2025-11-01", "to": "2025-11-02"}
CLUB = {"id": 5, "type": "group", "from": "2025-11-01", "to": "2025-11-02", "per_day": [1]}


@pytest.mark.parametrize(
    ("chats", "problem"),
    [
        ([TALK | {"type": "channel", "comments": "@nobody"}], "comments must be a supergroup"),
        ([TALK | {"type": "channel", "comments": 7}], "comments must be a supergroup"),
        ([TALK | {"comments": "@talk"}], "only a channel's posts"),
        ([TALK | {"migrated_from": 7}], "migrated_from must be a group"),
        ([CLUB, TALK | {"type": "channel", "migrated_from": 5}], "only a supergroup was a group"),
        ([CLUB, TALK | {"migrated_from": 5, "per_day": [0, 1]}], "must not begin with 0"),
        (
            [CLUB, *(TALK | {"username": name, "migrated_from": 5} for name in ("talk", "chat"))],
            "belongs to an earlier chat",
        ),
    ],
)
def test_chats_that_cannot_belong_together_are_named(chats, problem):
    """Who is no kin is no kin."""
    with pytest.raises(SpecError, match=problem):
        parse_world({"chats": [{"per_day": [1]} | chat for chat in chats]}, now=NOW)
