"""The bytes of a day's artifact, made and read back as a stream.

JSON has its head on the first line, then one message, thread or participant a line, so that it can be read back line by
line. JSONL has one message a line and nothing else. The same messages give the same bytes.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, Literal, TypeAlias

import attrs
import orjson
from attrs import frozen

from tgworker.core.codec import OPTIONAL, structure, to_json
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, DayRow, Participant, Person, Thread
from tgworker.core.threads import Row, ThreadFinder, list_participants

RawMessage: TypeAlias = dict[str, Any]
"""A message as it stands in a file: plain JSON values under a message's keys, in their order."""

Section: TypeAlias = Literal["messages", "threads", "participants"]

_ALL_KEYS = tuple(field.name for field in attrs.fields(Message))
_FORMS = frozenset(
    tuple(key for key in _ALL_KEYS if key not in unset)
    for number in range(len(OPTIONAL) + 1)
    for unset in combinations(OPTIONAL, number)
)
"""The keys that a message may have: all of them, or all but some that are unset."""
_OPEN_MESSAGES = b',"messages":[\n'
_OPEN_THREADS = b'],"threads":[\n'
_OPEN_PARTICIPANTS = b'],"participants":[\n'
_END = b"]}\n"


@frozen(kw_only=True)
class Head:
    """What an artifact says of itself before its messages; the field order is the order in the file."""

    schema_version: str
    source: str = "telegram"
    chat: str
    chat_id: int
    date: dt.date
    timezone: str = "UTC"
    complete: bool
    message_count: int
    first_id: int | None
    last_processed_msg_id: int | None


class Outline:
    """What has to be known of all messages of a day before the first one can be written; holds only ids."""

    def __init__(self) -> None:
        self._count = 0
        self._first_id: int | None = None
        self._last_id: int | None = None
        self._messages_of: Counter[int] = Counter()
        self._finder = ThreadFinder()

    def add(self, message: RawMessage) -> None:
        """Take the next message; ids must ascend."""
        row = Row(message["id"], message["reply_to"], message["from_id"])
        self._count += 1
        if self._first_id is None:
            self._first_id = row.id
        self._last_id = row.id
        if row.from_id is not None:
            self._messages_of[row.from_id] += 1
        self._finder.add(row)

    def head(self, chat: Chat, day: dt.date, complete: bool, schema_version: str) -> Head:
        return Head(
            schema_version=schema_version,
            chat=chat.label,
            chat_id=chat.id,
            date=day,
            complete=complete,
            message_count=self._count,
            first_id=self._first_id,
            last_processed_msg_id=self._last_id,
        )

    def threads(self) -> tuple[Thread, ...]:
        return self._finder.threads()

    def participants(self, people: Mapping[int, Person]) -> tuple[Participant, ...]:
        return list_participants(self._messages_of, people)


def index_row(
    head: Head, size: int, sha256: str, fetched_at: dt.datetime, form: ArtifactFormat
) -> DayRow:
    """What the index says of an artifact of that size and hash."""
    return DayRow(
        date=head.date,
        messages=head.message_count,
        first_id=head.first_id,
        last_processed_msg_id=head.last_processed_msg_id,
        bytes=size,
        sha256=sha256,
        complete=head.complete,
        fetched_at=fetched_at,
        format=form,
    )


def render(
    form: ArtifactFormat,
    head: Head,
    messages: Iterable[RawMessage],
    outline: Outline,
    people: Mapping[int, Person],
) -> Iterator[bytes]:
    """The pieces of an artifact, about one message each; `outline` has seen the same messages before.

    A chat that was renamed is called by its new name throughout, in messages that were saved before, too.
    """
    messages = _under_one_name(messages, head.chat)
    if form is ArtifactFormat.JSONL:
        return _render_jsonl(head, messages)
    return _render_json(head, messages, outline.threads(), outline.participants(people))


def _under_one_name(messages: Iterable[RawMessage], label: str) -> Iterator[RawMessage]:
    for message in messages:
        yield message if message["chat"] == label else message | {"chat": label}


def _render_json(
    head: Head,
    messages: Iterable[RawMessage],
    threads: Iterable[Thread],
    participants: Iterable[Participant],
) -> Iterator[bytes]:
    yield to_json(head).removesuffix(b"}") + _OPEN_MESSAGES
    yield from render_lines(map(orjson.dumps, messages))
    yield _OPEN_THREADS
    yield from render_lines(map(to_json, threads))
    yield _OPEN_PARTICIPANTS
    yield from render_lines(map(to_json, participants))
    yield _END


def _render_jsonl(head: Head, messages: Iterable[RawMessage]) -> Iterator[bytes]:
    prefix = {"schema_version": head.schema_version, "timezone": head.timezone}
    for message in messages:
        yield orjson.dumps(prefix | message) + b"\n"


def render_lines(items: Iterable[bytes]) -> Iterator[bytes]:
    """The inside of a JSON array, an item a line."""
    separator = b""
    for item in items:
        yield separator + item
        separator = b",\n"
    if separator:
        yield b"\n"


def canonical(raw: Any) -> RawMessage:
    """A message read from a file, in the form it is written in today, whoever wrote the file.

    Raises:
        ValueError: it is no message.
    """
    if isinstance(raw, dict) and tuple(raw) in _FORMS and type(raw["id"]) is int:
        if all(raw.get(key, True) for key in OPTIONAL):
            return raw
    message: RawMessage = orjson.loads(to_json(structure(raw, Message)))
    return message


def read_stream(lines: Iterable[bytes], form: ArtifactFormat) -> Iterator[tuple[Section, Any]]:
    """The items of an artifact that is laid out as above, holding one line at a time.

    Raises:
        ValueError: it is laid out differently, or damaged; items may have been given out before that.
    """
    if form is ArtifactFormat.JSONL:
        return _read_jsonl(lines)
    return _read_json(lines)


def read_head(line: bytes) -> dict[str, Any]:
    """What a JSON artifact says of itself on its first line, unchecked.

    Raises:
        ValueError: that is no head.
    """
    head = orjson.loads(line + b"]}") if line.endswith(_OPEN_MESSAGES) else None
    if not isinstance(head, dict):
        raise ValueError("the head is not on the first line")
    del head["messages"]
    return head


def _read_json(lines: Iterable[bytes]) -> Iterator[tuple[Section, Any]]:
    rest = iter(lines)
    read_head(next(rest, b""))
    sections: tuple[tuple[Section, bytes], ...] = (
        ("messages", _OPEN_THREADS),
        ("threads", _OPEN_PARTICIPANTS),
        ("participants", _END),
    )
    for section, closing in sections:
        for line in rest:
            if line == closing:
                break
            yield section, orjson.loads(line.rstrip(b",\n"))
        else:
            raise ValueError("it ends too early")
    if next(rest, None) is not None:
        raise ValueError("it goes on after its end")


def _read_jsonl(lines: Iterable[bytes]) -> Iterator[tuple[Section, Any]]:
    for line in lines:
        yield "messages", _without_prefix(orjson.loads(line))


def _without_prefix(raw: Any) -> Any:
    if isinstance(raw, dict):
        raw.pop("schema_version", None)
        raw.pop("timezone", None)
    return raw


def read_whole(data: bytes, form: ArtifactFormat) -> Iterator[tuple[Section, Any]]:
    """The items of an artifact in any layout (spread out, in another order), parsed in one go.

    Raises:
        ValueError: it is damaged.
    """
    if form is ArtifactFormat.JSONL:
        messages = [
            _without_prefix(orjson.loads(line)) for line in data.splitlines() if line.strip()
        ]
        participants = []
    else:
        document = orjson.loads(data)
        try:
            messages, participants = document["messages"], document.get("participants", [])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no artifact: {error!r}") from error
    if not isinstance(messages, list) or not isinstance(participants, list):
        raise ValueError("it is no artifact: its messages or participants are no list")
    yield from (("messages", raw) for raw in _ascending(messages))
    yield from (("participants", raw) for raw in participants)


def _ascending(messages: list[Any]) -> list[RawMessage]:
    by_id = {message["id"]: message for message in map(canonical, messages)}
    return [by_id[message_id] for message_id in sorted(by_id)]
