"""The world file: what chats there are and how busy they were.

It is JSON: ``{"seed": 7, "chats": [{"username": "ru_python", "title": "Python", "type": "supergroup",
"from": "2025-11-01", "to": "2025-11-10", "per_day": [0, 1, 99]}]}``. Days are UTC; ``from`` and ``to``
may be relative to now (``today``, ``-3d``), and a world has no messages after now. Keys nobody knows are
errors: a typo must not silently give another world.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.errors import TgworkerError

Check = Callable[[Any], Any]
"""Gives the value to use; raises ValueError with the end of a sentence: "must be …"."""

_USERNAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_DAYS_AGO = re.compile(r"-(\d{1,5})d")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TYPES = ("channel", "supergroup", "forum", "group")


class SpecError(TgworkerError):
    """The world file is wrong: ``problems`` says where and why, all of it at once."""

    error_type = "world"

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@frozen
class AccountSpec:
    """The account that is signed in from the start, and what a log in by hand asks for."""

    phone: str = "+79990000001"
    code: str = "12345"
    password: str | None = None


@frozen
class ChatSpec:
    """One chat. ``per_day`` is cycled over the days ``first`` to ``last``; ``id`` is bare, as in TL."""

    type: ChatType
    first: date
    last: date
    per_day: tuple[int, ...]
    title: str
    username: str | None = None
    id: int | None = None
    edges: bool = True
    """The first and the last message of a day stand at 00:00:00 and 23:59:59."""
    deleted: float = 0.03
    """Share of the ids whose messages are gone."""
    plain: bool = False
    """Only text: for days so big that richness would only cost time."""

    @property
    def key(self) -> str:
        """What the chat's randomness hangs on, so that other chats in the file do not change it."""
        return self.username.lower() if self.username is not None else f"id{self.id}"

    def count(self, day: date) -> int:
        """How many messages that day has."""
        return self.per_day[(day - self.first).days % len(self.per_day)]


@frozen
class WorldSpec:
    """The whole file. ``faults`` and ``latency_ms`` are the server's business and only handed through."""

    seed: int
    chats: tuple[ChatSpec, ...]
    now: datetime
    users: int = 40
    account: AccountSpec = AccountSpec()
    latency_ms: float = 0
    faults: tuple[Mapping[str, Any], ...] = ()


def read_world(path: Path, *, now: datetime) -> WorldSpec:
    """Read a world file.

    Raises:
        SpecError: it can't be read, is not JSON, or says something impossible.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise SpecError((f"{path} can't be read: {error.strerror}",)) from error
    except ValueError as error:
        raise SpecError((f"{path} is not JSON: {error}",)) from error
    return parse_world(data, now=now)


def parse_world(data: object, *, now: datetime) -> WorldSpec:
    """Check what a world file holds; ``now`` is what relative days count from.

    Raises:
        SpecError: with every problem there is, each as ``$.path reason``.
    """
    problems: list[str] = []
    top = _Fields("$", data, problems)
    spec = WorldSpec(
        seed=top.take("seed", _integer(-(2**63)), 0),
        chats=tuple(
            _chat(_Fields(f"$.chats[{place}]", item, problems), now)
            for place, item in enumerate(top.need("chats", _list, []))
        ),
        now=now,
        users=top.take("users", _integer(1), 40),
        account=_account(_Fields("$.account", top.take("account", _anything, {}), problems)),
        latency_ms=top.take("latency_ms", _number(0), 0),
        faults=tuple(top.take("faults", _list_of_objects, [])),
    )
    top.finish()
    problems += _clashes(spec.chats)
    if problems:
        raise SpecError(tuple(problems))
    return spec


class _Fields:
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


def _account(fields: _Fields) -> AccountSpec:
    account = AccountSpec(
        phone=fields.take("phone", _text, AccountSpec().phone),
        code=fields.take("code", _text, AccountSpec().code),
        password=fields.take("password", _text, None),
    )
    fields.finish()
    return account


def _chat(fields: _Fields, now: datetime) -> ChatSpec:
    today = now.astimezone(UTC).date()
    named = not fields.sound or bool({"username", "id"} & fields.left.keys())
    username = fields.take("username", _username, None)
    bare_id = fields.take("id", _integer(1, -CHANNEL_MARK), None)
    chat = ChatSpec(
        type=ChatType(fields.need("type", _one_of(*_TYPES), "channel")),
        first=fields.need("from", _day(today), date.min),
        last=fields.need("to", _day(today), date.max),
        per_day=fields.need("per_day", _counts, (0,)),
        title=fields.take("title", _text, username or f"Chat {bare_id}"),
        username=username,
        id=bare_id,
        edges=fields.take("edges", _flag, True),
        deleted=fields.take("deleted", _number(0, 0.9), 0.03),
        plain=fields.take("plain", _flag, False),
    )
    fields.finish()
    if chat.first > chat.last:
        fields.wrong("from", "must not come after to")
    if not named:
        fields.wrong("id", "is missing: a chat needs a username or an id")
    if chat.type is ChatType.GROUP and username is not None:
        fields.wrong("username", "must be left out: a basic group has none")
    return chat


def _clashes(chats: tuple[ChatSpec, ...]) -> list[str]:
    problems = []
    seen: set[str] = set()
    for place, chat in enumerate(chats):
        for field, value in (("username", chat.username), ("id", chat.id)):
            if value is not None:
                mark = f"{field} {str(value).lower()}"
                if mark in seen:
                    problems.append(f"$.chats[{place}].{field} is taken by an earlier chat")
                seen.add(mark)
    return problems


def _anything(value: Any) -> Any:
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def _username(value: Any) -> str:
    if not isinstance(value, str) or not _USERNAME.fullmatch(value):
        raise ValueError("must be 4 to 32 letters, digits and underscores, a letter first")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _integer(low: int, high: int = 2**63 - 1) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float = 1e9) -> Check:
    def check(value: Any) -> float:
        if (
            not isinstance(value, int | float)
            or isinstance(value, bool)
            or not low <= value <= high
        ):
            raise ValueError(f"must be a number from {low:g} to {high:g}")
        return value

    return check


def _one_of(*choices: str) -> Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


def _list_of_objects(value: Any) -> list[dict[str, Any]]:
    if not all(isinstance(item, dict) for item in _list(value)):
        raise ValueError("must be a list of objects")
    return list(value)


def _counts(value: Any) -> tuple[int, ...]:
    counts = _list(value)
    if not counts:
        raise ValueError("must not be empty")
    return tuple(_integer(0, 10_000_000)(count) for count in counts)


def _day(today: date) -> Check:
    def check(value: Any) -> date:
        day = _parse_day(str(value), today)
        if day is None:
            raise ValueError("must be a day: 2025-11-01, today or -3d")
        if day > today:
            raise ValueError(f"must not be in the future (today is {today})")
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
