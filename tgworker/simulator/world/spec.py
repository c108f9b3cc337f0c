"""The world file: what chats there are and how busy they were.

It is JSON: ``{"seed": 7, "chats": [{"username": "ru_python", "title": "Python", "type": "supergroup",
"from": "2025-11-01", "to": "2025-11-10", "per_day": [0, 1, 99]}]}``. Days are UTC; ``from`` and ``to``
may be relative to now (``today``, ``-3d``), and a world has no messages after now. Keys nobody knows are
errors: a typo must not silently give another world.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.errors import TgworkerError
from tgworker.simulator.rpc import HOME_DC
from tgworker.simulator.world import checks
from tgworker.simulator.world.checks import Fields

_TALKS = (ChatType.SUPERGROUP, ChatType.FORUM)
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
    frozen: bool = False
    """Telegram says that it has frozen the account; that methods refuse it is a fault's business."""
    hint: str | None = None
    """Of the password."""
    code_seconds: float = 300
    """A code that is older is not taken any more."""
    token_seconds: float = 30
    """Nor is the token of a QR code."""
    dc: int = HOME_DC
    """The data centre where one signs in to it; from the other one is sent there."""


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
    comments: str | int | None = None
    """Of a channel: the supergroup where its posts are commented on, by username or id."""
    migrated_from: int | None = None
    """Of a supergroup: the basic group that it was, by its id."""

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
    top = Fields("$", data, problems)
    spec = WorldSpec(
        seed=top.take("seed", checks.integer(-(2**63)), 0),
        chats=tuple(
            _chat(Fields(f"$.chats[{place}]", item, problems), now)
            for place, item in enumerate(top.need("chats", checks.any_list, []))
        ),
        now=now,
        users=top.take("users", checks.integer(1), 40),
        account=_account(Fields("$.account", top.take("account", checks.anything, {}), problems)),
        latency_ms=top.take("latency_ms", checks.number(0), 0),
        faults=tuple(top.take("faults", checks.list_of_objects, [])),
    )
    top.finish()
    problems += _clashes(spec.chats)
    problems += _families(spec.chats)
    if problems:
        raise SpecError(tuple(problems))
    return spec


def _account(fields: Fields) -> AccountSpec:
    account = AccountSpec(
        phone=fields.take("phone", checks.text, AccountSpec().phone),
        code=fields.take("code", checks.text, AccountSpec().code),
        password=fields.take("password", checks.text, None),
        frozen=fields.take("frozen", checks.flag, False),
        hint=fields.take("hint", checks.text, None),
        code_seconds=fields.take("code_seconds", checks.number(0), AccountSpec().code_seconds),
        token_seconds=fields.take("token_seconds", checks.number(0), AccountSpec().token_seconds),
        dc=fields.take("dc", checks.data_center, HOME_DC),
    )
    fields.finish()
    return account


def _chat(fields: Fields, now: datetime) -> ChatSpec:
    today = now.astimezone(UTC).date()
    named = not fields.sound or bool({"username", "id"} & fields.left.keys())
    username = fields.take("username", checks.username, None)
    bare_id = fields.take("id", checks.integer(1, -CHANNEL_MARK), None)
    chat = ChatSpec(
        type=ChatType(fields.need("type", checks.one_of(*_TYPES), "channel")),
        first=fields.need("from", checks.day(today), date.min),
        last=fields.need("to", checks.day(today), date.max),
        per_day=fields.need("per_day", checks.counts, (0,)),
        title=fields.take("title", checks.text, username or f"Chat {bare_id}"),
        username=username,
        id=bare_id,
        edges=fields.take("edges", checks.flag, True),
        deleted=fields.take("deleted", checks.number(0, 0.9), 0.03),
        plain=fields.take("plain", checks.flag, False),
        comments=fields.take("comments", checks.chat_name, None),
        migrated_from=fields.take("migrated_from", checks.integer(1, -CHANNEL_MARK), None),
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


def _families(chats: tuple[ChatSpec, ...]) -> Iterator[str]:
    """What is wrong with who belongs to whom."""
    groups = {chat.id for chat in chats if chat.type is ChatType.GROUP}
    supergroups = [chat for chat in chats if chat.type in _TALKS]
    talks = {chat.id for chat in supergroups} | {(c.username or "").lower() for c in supergroups}
    taken: set[str | int] = set()
    for place, chat in enumerate(chats):
        for field, other, known in (
            ("comments", chat.comments, talks),
            ("migrated_from", chat.migrated_from, groups),
        ):
            path = f"$.chats[{place}].{field}"
            if other is None:
                continue
            if other not in known:
                kind = "supergroup" if field == "comments" else "group"
                yield f"{path} must be a {kind} of this file"
            if other in taken:
                yield f"{path} belongs to an earlier chat already"
            taken.add(other)
        if chat.comments is not None and chat.type is not ChatType.CHANNEL:
            yield f"$.chats[{place}].comments must be left out: only a channel's posts have them"
        if chat.migrated_from is not None and chat.type not in _TALKS:
            yield f"$.chats[{place}].migrated_from must be left out: only a supergroup was a group"
        if chat.migrated_from is not None and not chat.per_day[0]:
            yield f"$.chats[{place}].per_day must not begin with 0: the first message tells of the group"
