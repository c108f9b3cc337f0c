"""What the demo plays with: three invented chats, and three commands that show the ways to name days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tgworker.core.model import ChatRef, FetchCommand, Mode, Strategy

WORLD: Mapping[str, Any] = {
    "seed": 20251107,
    "latency_ms": 15,  # so that there is something to see
    "chats": [
        {
            "username": "ru_python",
            "title": "Питон по-русски",
            "type": "supergroup",
            "from": "-12d",
            "to": "today",
            "per_day": [180, 271, 640, 0, 99],
        },
        {
            "username": "daily_digest",
            "title": "Новости дня 📰",
            "type": "channel",
            "from": "-30d",
            "to": "today",
            "per_day": [24, 31, 12],
        },
        {
            "username": "rust_forum",
            "title": "Rust по темам",
            "type": "forum",
            "from": "-9d",
            "to": "today",
            "per_day": [150, 420, 75],
        },
    ],
}


def commands(today: date) -> list[FetchCommand]:
    """A day, some days, and a range walked day by day."""

    def ago(days: int) -> date:
        return today - timedelta(days=days)

    return [
        FetchCommand(ChatRef("ru_python"), Mode.DATE, first=ago(2), last=ago(2)),
        FetchCommand(ChatRef("daily_digest"), Mode.DAYS, days=7),
        FetchCommand(
            ChatRef("rust_forum"),
            Mode.RANGE,
            first=ago(6),
            last=ago(1),
            strategy=Strategy.PER_DAY,
        ),
    ]
