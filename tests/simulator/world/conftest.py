"""Small worlds with a bit of everything."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tgworker.simulator.world import World, parse_world

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
KINDS = ("channel", "supergroup", "forum", "group")


def chat_entry(type: str, **changes: Any) -> dict[str, Any]:
    name = {"id": 7654321} if type == "group" else {"username": f"The_{type}"}
    return {
        **name,
        "type": type,
        "from": "2025-11-01",
        "to": "2025-11-04",
        "per_day": [300, 0, 1, 271],
        **changes,
    }


@pytest.fixture
def entry() -> Callable[..., dict[str, Any]]:
    """One chat of a world file."""
    return chat_entry


@pytest.fixture
def make_world() -> Callable[..., World]:
    """A world of these chats; `now` is 2026-01-01 12:30 UTC."""

    def make(*chats: dict[str, Any], now: datetime = NOW, **top: Any) -> World:
        return World(parse_world({"seed": 7, "chats": list(chats), **top}, now=now))

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One chat of each type, four days each: 300, none, one and 271 messages."""
    return make_world(*map(chat_entry, KINDS))
