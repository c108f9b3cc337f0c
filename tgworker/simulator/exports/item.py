"""One JSON object of an export, read with care: a field of an unknown form counts as missing, and is noted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tgworker.simulator.exports.notes import Notes

INT32 = 2**31 - 1
INT64 = 2**63 - 1
_SHIFT = 1_000_000_000
"""By so much the messages of the group that a supergroup was before are numbered lower, which makes them negative.

Source: ``kMigratedMessagesIdShift`` in Telegram Desktop's ``export_data_types.cpp``.
"""


class Item:
    """Every method takes the field's name."""

    def __init__(self, data: Mapping[str, Any], notes: Notes) -> None:
        self.data = data
        self.notes = notes

    def has(self, key: str) -> bool:
        """It is there, and not null."""
        return self.data.get(key) is not None

    def text(self, key: str) -> str:
        """A text; empty if there is none."""
        value = self.data.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self._odd(key)
        return ""

    def whole(self, key: str, high: int = INT32) -> int | None:
        """A whole number from 0 to `high`, as a number or as digits."""
        value = self.data.get(key)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= high:
            return value
        if value is not None:
            self._odd(key)
        return None

    def former(self, key: str) -> bool:
        """Whether the id there is that of a message of the group that this supergroup was before."""
        value = self.data.get(key)
        return isinstance(value, int) and -_SHIFT < value < 0

    def message_id(self, key: str) -> int | None:
        """A message's id in its own chat; 0 is none."""
        if self.former(key):
            return int(self.data[key]) + _SHIFT
        return self.whole(key) or None

    def number(self, key: str) -> float | None:
        """Any number that is one."""
        value = self.data.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        if value is not None:
            self._odd(key)
        return None

    def flag(self, key: str) -> bool:
        value = self.data.get(key)
        if value is not None and not isinstance(value, bool):
            self._odd(key)
        return value is True

    def values(self, key: str) -> list[Any]:
        """Whatever is in a list."""
        value = self.data.get(key)
        if value is None or isinstance(value, list):
            return value or []
        self._odd(key)
        return []

    def items(self, key: str) -> list[Item]:
        """The objects of a list."""
        values = self.values(key)
        if not all(isinstance(value, dict) for value in values):
            self._odd(key)
        return [Item(value, self.notes) for value in values if isinstance(value, dict)]

    def item(self, key: str) -> Item | None:
        """One object."""
        value = self.data.get(key)
        if isinstance(value, dict):
            return Item(value, self.notes)
        if value is not None:
            self._odd(key)
        return None

    def _odd(self, key: str) -> None:
        self.notes.add(f"field {key} of an unknown form, left out")
