"""Exports as Telegram Desktop writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tgworker.simulator.exports import ExportFile, Loaded, load_exports
from tgworker.simulator.world import World, WorldSpec

NOW = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
NOON = 1_762_516_800
"""2025-11-07 12:00 UTC."""


def export_of(*messages: Any, **head: Any) -> dict[str, Any]:
    """The export of one chat; messages get an id, a type and a date where they have none."""
    rows = [
        {"id": n, "type": "message", "date_unixtime": str(NOON + n), "text": ""} | message
        for n, message in enumerate(messages, 1)
    ]
    return {
        **{"name": "Питон 🐍", "type": "public_supergroup", "id": 1234567890},
        **head,
        "messages": rows,
    }


def world_of(loaded: Loaded) -> World:
    return World(WorldSpec(seed=0, chats=(), now=NOW), loaded.imports)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Writes what is given (text, bytes or JSON) as ``result.json``, or under another name."""

    def write(content: Any, name: str = "result.json") -> str:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def load(write: Callable[..., str]) -> Callable[..., Loaded]:
    """Loads one file with that content."""

    def load(content: Any, name: str = "") -> Loaded:
        return load_exports([ExportFile.parse(name + write(content))])

    return load


@pytest.fixture
def truths(load: Callable[..., Loaded]) -> Callable[..., list[dict[str, Any]]]:
    """What the archive must hold of the messages of an export."""

    def truths(*messages: Any, **head: Any) -> list[dict[str, Any]]:
        world = world_of(load(export_of(*messages, **head)))
        chat = world.chats[0].marked_id
        return [message for day in world.days(chat) for message in world.truth(chat, day)]

    return truths
