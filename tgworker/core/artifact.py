"""The bytes of a day's artifact, made and read back as a stream.

JSON has its head on the first line, then one message, thread or participant a line, so that it can be read back line by
line. JSONL has one message a line and nothing else. The same messages give the same bytes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Any, Literal, TypeAlias

import attrs
import orjson
from attrs import frozen

from tgworker.core.codec import OPTIONAL, structure, to_json
from tgworker.core.merge import IdSet
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
_SOME = 100
_LONG = 2**63


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
        self._finder = ThreadFinder()

    @property
    def ids(self) -> IdSet:
        """The messages that were added."""
        return self._finder.ids

    def add(self, message: RawMessage) -> None:
        """Take one more message."""
        self.enter(message["id"], message["reply_to"], message["from_id"])

    def enter(self, id: int, reply_to: int | None, from_id: int | None) -> None:
        """Take one more message, of which this is all that matters."""
        self._finder.add(Row(id, reply_to, from_id))

    def head(self, chat: Chat, day: dt.date, complete: bool, schema_version: str) -> Head:
        return Head(
            schema_version=schema_version,
            chat=chat.label,
            chat_id=chat.id,
            date=day,
            complete=complete,
            message_count=len(self.ids),
            first_id=self.ids.first,
            last_processed_msg_id=self.ids.last,
        )

    def threads(self) -> Iterator[Thread]:
        return self._finder.threads()

    def participants(self, people: Mapping[int, Person]) -> tuple[Participant, ...]:
        return list_participants(self._finder.messages_of(), people)


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
    messages: Iterable[bytes],
    outline: Outline,
    people: Mapping[int, Person],
) -> Iterator[bytes]:
    """The pieces of an artifact. `messages` are JSON, ascending by id; `outline` has seen the same messages before."""
    if form is ArtifactFormat.JSONL:
        return _render_jsonl(head, messages)
    return _render_json(head, messages, outline.threads(), outline.participants(people))


def encode_messages(messages: Iterable[RawMessage], label: str) -> Iterator[bytes]:
    """The JSON of messages.

    A chat that was renamed is called by its new name (`label`) throughout, in messages that were saved before, too.
    """
    for message in messages:
        yield orjson.dumps(message if message["chat"] == label else message | {"chat": label})


def _render_json(
    head: Head,
    messages: Iterable[bytes],
    threads: Iterable[Thread],
    participants: Iterable[Participant],
) -> Iterator[bytes]:
    yield to_json(head).removesuffix(b"}") + _OPEN_MESSAGES
    yield from render_lines(messages)
    yield _OPEN_THREADS
    yield from render_lines(map(to_json, threads))
    yield _OPEN_PARTICIPANTS
    yield from render_lines(map(to_json, participants))
    yield _END


def _render_jsonl(head: Head, messages: Iterable[bytes]) -> Iterator[bytes]:
    told = {"schema_version": head.schema_version, "timezone": head.timezone}
    prefix = orjson.dumps(told).removesuffix(b"}") + b","
    for message in messages:
        yield b"%b%b\n" % (prefix, message.removeprefix(b"{"))


def render_lines(items: Iterable[bytes]) -> Iterator[bytes]:
    """The inside of a JSON array, an item a line; some at a time, since joining is faster than adding."""
    rest = iter(items)
    separator = b""
    while some := tuple(islice(rest, _SOME)):
        yield separator + b",\n".join(some)
        separator = b",\n"
    if separator:
        yield b"\n"


def canonical(raw: Any) -> RawMessage:
    """A message read from a file, in the form it is written in today, whoever wrote the file.

    Raises:
        ValueError: it is no message.
    """
    if isinstance(raw, dict) and tuple(raw) in _FORMS:
        if all(raw.get(key, True) for key in OPTIONAL) and _has_sound_ids(raw):
            return raw
    message: RawMessage = orjson.loads(to_json(structure(raw, Message)))
    if not _has_sound_ids(message):
        raise ValueError("an id has more than 64 bits")
    return message


def _has_sound_ids(message: RawMessage) -> bool:
    """Whether the ids that threads are made of are numbers of at most 64 bits."""
    id, *others = message["id"], message["reply_to"], message["from_id"]
    return _is_sound(id) and all(each is None or _is_sound(each) for each in others)


def _is_sound(id: Any) -> bool:
    return type(id) is int and -_LONG <= id < _LONG


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
