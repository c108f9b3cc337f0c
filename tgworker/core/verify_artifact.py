"""One artifact, read through: does it keep its schema, and does all it says fit its messages?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import chain
from typing import Any

import orjson
from attrs import frozen

from tgworker.core.artifact import Outline, Section, read_head, read_stream
from tgworker.core.codec import to_json
from tgworker.core.model import ArtifactFormat
from tgworker.core.verify import Facts, Finding, Findings, Owner, Remedy, schema_fault


@frozen
class Reading:
    """What came of reading an artifact. ``facts`` is None if it could not be read to its end."""

    findings: list[Finding]
    facts: Facts | None


def check_artifact(
    lines: Iterable[bytes], form: ArtifactFormat, day: date, owner: Owner | None
) -> Reading:
    """Check the artifact of `day` that `lines` make up; `owner`: whose folder it lies in, if that is known."""
    check = _Check(form, day, owner)
    try:
        check.read(lines)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"it is damaged, or was not laid out by tgworker: {error}"
        check.found.add("damaged", what, Remedy.FETCH)
        return Reading(check.found.all(), None)
    return Reading(check.found.all(), check.facts())


class _Check:
    def __init__(self, form: ArtifactFormat, day: date, owner: Owner | None) -> None:
        self.found = Findings()
        self._form = form
        self._day = str(day)
        self._owner = owner
        self._outline = Outline()
        self._count = 0
        self._first: int | None = None
        self._last: int | None = None
        self._head: dict[str, Any] | None = None

    def read(self, lines: Iterable[bytes]) -> None:
        if self._form is ArtifactFormat.JSONL:
            for line in lines:
                self._line(orjson.loads(line))
            return
        rest = iter(lines)
        first = next(rest, b"")
        self._head = read_head(first)
        told: dict[Section, list[Any]] = {"threads": [], "participants": []}
        for section, raw in read_stream(chain([first], rest), self._form):
            if section == "messages":
                self._message(raw)
            else:
                self._schema(raw, "artifact", section.removesuffix("s"))
                told[section].append(raw)
        if not self.found.all():  # else they can't be right
            self._compare("threads", told["threads"], self._threads())
            authors = [(raw["id"], raw["messages"]) for raw in told["participants"]]
            self._compare("participants", authors, self._authors())
        self._check_head(self._head)

    def facts(self) -> Facts:
        complete = self._head.get("complete") if self._head is not None else None
        return Facts(self._count, self._first, self._last, complete)

    def _schema(self, value: Any, name: str, part: str = "") -> bool:
        fault = schema_fault(value, name, part)
        if fault is not None:
            what = f"{part or name} {_id(value)}breaks its schema: {fault}"
            self.found.add(f"schema of {part or name}", what, Remedy.FETCH)
        return fault is None

    def _line(self, raw: Any) -> None:
        if not {"schema_version", "timezone"} <= set(raw):
            what = f"message {_id(raw)}lacks schema_version or timezone"
            self.found.add("prefix", what, Remedy.FETCH)
        self._message(raw)

    def _message(self, raw: Any) -> None:
        self._count += 1
        if not self._schema(raw, "message"):
            return
        message_id: int = raw["id"]
        if raw["date"][:10] != self._day:
            what = f"message {message_id} is of {raw['date'][:10]}"
            self.found.add("day", what, Remedy.AFRESH)
        if self._owner is not None and raw["chat"] not in self._owner.labels:
            what = f"message {message_id} is of chat {raw['chat']}"
            self.found.add("chat", what, Remedy.AFRESH)
        if self._last is not None and message_id <= self._last:
            kind = "is there twice" if message_id == self._last else f"stands after {self._last}"
            self.found.add("order", f"message {message_id} {kind}", Remedy.FETCH)
            return
        self._first = message_id if self._first is None else self._first
        self._last = message_id
        try:
            self._outline.add(raw)
        except (TypeError, OverflowError):
            what = f"message {message_id} has an id with a point, or of more than 64 bits"
            self.found.add("ids", what, Remedy.FETCH)

    def _check_head(self, head: dict[str, Any]) -> None:
        empty: dict[str, Any] = {"messages": [], "threads": [], "participants": []}
        if not self._schema(head | empty, "artifact"):
            return
        if self._owner is not None and head["chat_id"] != self._owner.id:
            what = f"it is of chat {head['chat_id']}, and the folder of chat {self._owner.id}"
            self.found.add("owner", what, Remedy.HAND)
        pairs = (
            ("date", head["date"], self._day),
            ("message_count", head["message_count"], self._count),
            ("first_id", head["first_id"], self._first),
            ("last_processed_msg_id", head["last_processed_msg_id"], self._last),
        )
        for name, said, real in pairs:
            if said != real:
                self.found.add(name, f"it says {name} {said}, it is {real}", Remedy.FETCH)

    def _compare(self, name: str, told: list[Any], real: Iterator[Any]) -> None:
        if told != list(real):
            self.found.add(name, f"its {name} do not fit its messages", Remedy.FETCH)

    def _threads(self) -> Iterator[Any]:
        return (orjson.loads(to_json(thread)) for thread in self._outline.threads())

    def _authors(self) -> Iterator[tuple[int, int]]:
        return ((each.id, each.messages) for each in self._outline.participants({}))


def _id(value: Any) -> str:
    number = value.get("id", value.get("root_id")) if isinstance(value, dict) else None
    return f"{number} " if isinstance(number, int) else ""
