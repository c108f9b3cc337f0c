"""Reading JSON that people wrote: fields are taken out one by one, and every problem is noted with its path."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tgworker.simulator.rpc import HOME_DC, OTHER_DC

Check = Callable[[Any], Any]
"""Gives the value to use; raises ValueError with the end of a sentence: "must be …"."""

_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_DAYS_AGO = re.compile(r"-(\d{1,5})d")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_FIRST_DAY = date(2013, 8, 14)
"""Telegram's own."""


class Fields:
    """Takes fields out of one JSON object and collects what is wrong with them."""

    def __init__(self, path: str, data: object, problems: list[str]) -> None:
        self.path = path
        self.problems = problems
        self.sound = isinstance(data, dict)
        self.left: dict[str, Any] = dict(data) if isinstance(data, dict) else {}
        if not self.sound:
            problems.append(f"{path} must be an object")

    def need(self, key: str, check: Check, stand_in: Any) -> Any:
        """The checked value of a field that must be there; `stand_in` lets the reading go on if it is not."""
        if key not in self.left and self.sound:
            self.wrong(key, "is missing")
        return self.take(key, check, stand_in)

    def take(self, key: str, check: Check, default: Any) -> Any:
        """The checked value of a field, or `default`."""
        if key not in self.left:
            return default
        try:
            return check(self.left.pop(key))
        except ValueError as error:
            self.wrong(key, str(error))
            return default

    def wrong(self, key: str, reason: str) -> None:
        self.problems.append(f"{self.path}.{key} {reason}")

    def finish(self) -> None:
        """What has not been taken by now is a mistake."""
        for key in self.left:
            self.wrong(key, "is not a known field")


def anything(value: Any) -> Any:
    return value


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def username(value: Any) -> str:
    if not isinstance(value, str) or not _USERNAME.fullmatch(value):
        raise ValueError("must be 4 to 32 letters, digits and underscores, a letter first")
    return value


def chat_name(value: Any) -> str | int:
    """A username, or a bare id."""
    if isinstance(value, int):
        return value
    return username(value.removeprefix("@") if isinstance(value, str) else value).lower()


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def integer(low: int, high: int = 2**63 - 1) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def number(low: float, high: float = 1e9) -> Check:
    def check(value: Any) -> float:
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return check


def data_center(value: Any) -> int:
    if value not in (HOME_DC, OTHER_DC):
        raise ValueError(f"must be {HOME_DC} or {OTHER_DC}")
    return int(value)


def one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def any_list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


def list_of_objects(value: Any) -> list[dict[str, Any]]:
    if not all(isinstance(item, dict) for item in any_list(value)):
        raise ValueError("must be a list of objects")
    return list(value)


def counts(value: Any) -> tuple[int, ...]:
    counts = any_list(value)
    if not counts:
        raise ValueError("must not be empty")
    return tuple(integer(0, 10_000_000)(count) for count in counts)


def day(today: date) -> Check:
    def check(value: Any) -> date:
        day = _parse_day(str(value), today)
        if day is None:
            raise ValueError("must be a day: 2025-11-01, today or -3d")
        if day > today:
            raise ValueError(f"must not be in the future (today is {today})")
        if day < _FIRST_DAY:
            raise ValueError(f"must not be before Telegram ({_FIRST_DAY})")
        return day

    return check


def _parse_day(text: str, today: date) -> date | None:
    if text == "today":
        return today
    if ago := _DAYS_AGO.fullmatch(text):
        return today - timedelta(days=int(ago[1]))
    try:
        return date.fromisoformat(text) if _ISO_DAY.fullmatch(text) else None
    except ValueError:
        return None
