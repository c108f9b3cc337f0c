"""Commands: from the bytes a producer pushed to a `FetchCommand`, and back.

What a JSON Schema can say is checked by ``schemas/command.schema.json``; here stands the rest, and the words for
people.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any, TypeVar

import orjson
from attrs import frozen
from jsonschema_rs import ValidationErrorKind

from tgworker.core.chats import CHAT_FORMS, parse_chat
from tgworker.core.codec import utc_text
from tgworker.core.message import Json
from tgworker.core.model import ChatRef, FetchCommand, FieldError, Mode, Strategy
from tgworker.core.schemas import schema, validator
from tgworker.core.tracing import TraceContext, read_trace, trace_json
from tgworker.errors import InvalidCommandError

T = TypeVar("T")

MAX_BYTES = 64 * 1024
MAX_DEPTH = 32
TELEGRAM_BEGAN = date(2013, 8, 14)
"""No message is older: https://en.wikipedia.org/wiki/Telegram_(platform)"""

OPTIONS = ("force", "refresh", "verify", "comments")
"""What may be true in ``options``: fields of the command."""

_A_DAY = "must be a day written YYYY-MM-DD"
_A_COUNT = "must be a whole number from 1 to 3660"
_RIGHT = {
    "$": "must be a JSON object",
    "$.command": 'must be "fetch", the only command there is',
    "$.chat": f"must be {CHAT_FORMS}",
    "$.mode": "must be date, days, range or full; without a mode it is the legacy form",
    "$.date": _A_DAY,
    "$.from": _A_DAY,
    "$.to": _A_DAY,
    "$.days": _A_COUNT,
    "$.days_back": _A_COUNT,
    "$.strategy": "must be auto, batch, per_day or sequential",
    "$.limit": "must be a whole number of at least 1",
    "$.command_id": "must be a UUID like 0f8fad5b-d9cb-469f-a165-70867728950e",
    "$.requested_by": "must be a text of at most 256 characters",
    "$.timestamp": "must be a text of at most 64 characters",
    "$.traceparent": "must be a text",
    "$.tracestate": "must be a text",
    "$.options": "must be an object",
    **{f"$.options.{name}": "must be true or false" for name in OPTIONS},
}
"""What would be right, by the path of the field."""


def parse_command(payload: bytes, *, today: date) -> FetchCommand:
    """Read a command in its canonical or its legacy form; ``today`` is the current UTC day.

    Raises:
        InvalidCommandError: whatever the bytes are; it holds everything that is wrong with them.
    """
    fields = _read(payload)
    problems = _structural(fields)
    command = _command(_Reader(fields, problems), today)
    if command is None:
        raise InvalidCommandError([FieldError(path, why) for path, why in problems.items()])
    return command


def command_payload(command: FetchCommand, *, timestamp: datetime | None = None) -> dict[str, Json]:
    """The canonical JSON object of a command, for producers; `parse_command` reads it back as it was."""
    optional: dict[str, Json] = {
        "limit": command.limit,
        "command_id": command.command_id,
        "requested_by": command.requested_by,
        "timestamp": utc_text(timestamp) if timestamp is not None else None,
        **trace_json(command.trace),
        "options": {name: True for name in OPTIONS if getattr(command, name)} or None,
    }
    return {
        "command": "fetch",
        "chat": str(command.chat),
        "mode": command.mode,
        **command.params,
        "strategy": command.strategy,
        **{name: value for name, value in optional.items() if value is not None},
    }


def trace_of(payload: bytes) -> TraceContext | None:
    """What a payload is part of, if it says so; it need be no command otherwise."""
    try:
        return _trace(_read(payload))
    except InvalidCommandError:
        return None


def _read(payload: bytes) -> dict[str, Any]:
    """The JSON object in the bytes, or the one reason why there is none."""
    if len(payload) > MAX_BYTES:
        raise _no_command(f"must have at most {MAX_BYTES} bytes, not {len(payload)}")
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _no_command(f"must be UTF-8: {error.reason} at byte {error.start}") from None
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _no_command(f"must be JSON: {error}") from None
    if not isinstance(fields, dict):
        raise _no_command(f"must be a JSON object {_shown(fields)}")
    if _is_deeper(fields, MAX_DEPTH):
        raise _no_command(f"must be nested at most {MAX_DEPTH} levels deep")
    _refuse_twins(text)
    return fields


def _no_command(message: str) -> InvalidCommandError:
    return InvalidCommandError([FieldError("$", message)])


def _is_deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists stand more than so many levels inside each other."""
    inside = [value]
    for _ in range(levels):
        children = (item.values() if isinstance(item, dict) else item for item in inside)
        inside = [child for each in children for child in each if isinstance(child, dict | list)]
    return bool(inside)


def _refuse_twins(text: str) -> None:
    """A key that stands twice means two things to two programs; orjson takes the last one silently."""

    def look(pairs: list[tuple[str, Any]]) -> None:
        for name, times in Counter(name for name, _ in pairs).items():
            if times > 1:
                raise _no_command(
                    f"must not hold the key {_brief(name)} {times} times in one object"
                )

    json.loads(text, object_pairs_hook=look, parse_int=str, parse_float=str)


def _structural(fields: Mapping[str, Any]) -> dict[str, str]:
    """What the schema finds: one problem for each path."""
    problems: dict[str, str] = {}
    for error in validator("command").iter_errors(fields):
        path = "".join(f".{step}" for step in ("$", *error.instance_path))[1:]
        match error.kind:
            case ValidationErrorKind.Required(property=name):
                problems.setdefault(f"{path}.{name}", f"is missing; it {_RIGHT[f'{path}.{name}']}")
            case ValidationErrorKind.FalseSchema():
                problems.setdefault(path, _misplaced(fields.get("mode")))
            case _:
                problems.setdefault(path, _wrong(path, error.instance))
    return problems


def _misplaced(mode: Any) -> str:
    if mode is None:
        return "belongs to a command with a mode: add the mode, or leave this out"
    return f"does not belong to mode {mode}: leave it out"


def _wrong(path: str, value: Any) -> str:
    if path == "$.chat" and isinstance(value, str):
        try:
            parse_chat(value)
        except ValueError as error:
            return f"{error} {_shown(value)}"
    return f"{_RIGHT[path]} {_shown(value)}"


def _shown(value: Any) -> str:
    return f"(it is {_brief(value)})"


def _brief(value: Any) -> str:
    text = orjson.dumps(value).decode()
    return text if len(text) <= 60 else f"{text[:57]}..."


@frozen
class _Reader:
    """Reads the fields that are structurally sound, and adds to the problems what it finds."""

    fields: Mapping[str, Any]
    problems: dict[str, str]

    def get(self, name: str, parse: Callable[[Any], T]) -> T | None:
        """The field, parsed; None if it is not there or not right."""
        value, path = self.fields.get(name), f"$.{name}"
        if value is None or path in self.problems:
            return None
        try:
            return parse(value)
        except ValueError as error:
            self.problems[path] = f"{error} {_shown(value)}"
            return None


def _command(reader: _Reader, today: date) -> FetchCommand | None:
    """The command, or None if there is any problem."""
    chat = reader.get("chat", _chat)
    mode = reader.get("mode", Mode) or Mode.DAYS
    day, first, last = (reader.get(name, partial(_day, today)) for name in ("date", "from", "to"))
    if first is not None and last is not None and first > last:
        reader.problems["$.from"] = f"must not lie after $.to ({last}), and is {first}"
    if chat is None or reader.problems:
        return None
    options = reader.fields.get("options", {})
    return FetchCommand(
        chat=chat,
        mode=mode,
        first=day or first,
        last=day or last,
        days=_days(reader, mode),
        strategy=reader.get("strategy", Strategy) or Strategy.AUTO,
        limit=reader.get("limit", int),
        **{name: options.get(name, False) for name in OPTIONS},
        command_id=reader.get("command_id", str),
        requested_by=reader.get("requested_by", str),
        trace=_trace(reader.fields),
        unknown_fields=tuple(_unknown(reader.fields, options)),
    )


def _days(reader: _Reader, mode: Mode) -> int | None:
    if mode is not Mode.DAYS:
        return None
    return reader.get("days", int) or reader.get("days_back", int) or 1


def _chat(value: str | float) -> ChatRef:
    # In JSON -1001234567890.0 is a whole number too.
    return parse_chat(value if isinstance(value, str) else int(value))


def _day(today: date, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("must be a day that exists") from None
    if day > today:
        raise ValueError(f"must not lie in the future (in UTC it is {today})")
    if day < TELEGRAM_BEGAN:
        raise ValueError(f"must not lie before {TELEGRAM_BEGAN}, when Telegram began")
    return day


def _trace(fields: Mapping[str, Any]) -> TraceContext | None:
    return read_trace(fields.get("traceparent"), fields.get("tracestate"))


def _unknown(fields: Mapping[str, Any], options: Iterable[str]) -> Iterator[str]:
    """The fields that say nothing to us; among them a ``traceparent`` that can't be made out."""
    known = schema("command")["properties"]
    yield from (name for name in fields if name not in known)
    if "traceparent" in fields and _trace(fields) is None:
        yield "traceparent"
    yield from (f"options.{name}" for name in options if name not in known["options"]["properties"])
