"""The bytes of an artifact, there and back."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import orjson
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from tgworker.core.artifact import (
    Outline,
    canonical,
    encode_messages,
    read_stream,
    read_whole,
    render,
)
from tgworker.core.codec import to_json
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatType, Participant, Person

CHAT = Chat(-1000000000007, ChatType.CHANNEL, "Python", username="ru_python")
DAY = date(2025, 11, 7)
FORMATS = pytest.mark.parametrize("form", list(ArtifactFormat))


def raw(message: Message) -> dict[str, object]:
    return orjson.loads(to_json(message))


def artifact(messages, form, people=()):
    """An artifact's bytes."""
    outline = Outline()
    for message in messages:
        outline.add(message)
    head = outline.head(CHAT, DAY, True, "1.0.0")
    return b"".join(
        render(form, head, encode_messages(messages, head.chat), outline, {p.id: p for p in people})
    )


def plain(message_id: int, **fields: object) -> dict[str, object]:
    return raw(
        Message(message_id, datetime(2025, 11, 7, tzinfo=UTC), 1, "@ru_python", "", **fields)
    )


def of(section, items):
    return [item for kind, item in items if kind == section]


@FORMATS
@settings(max_examples=30)
@given(data=st.data())
def test_what_is_written_is_read_back(form, data, values):
    """Line by line and in one go, whatever the messages hold."""
    found = data.draw(st.lists(values.messages, max_size=5, unique_by=lambda m: m.id))
    messages = [
        raw(evolve(message, chat=CHAT.label)) for message in sorted(found, key=lambda m: m.id)
    ]

    written = artifact(messages, form)

    assert messages == of("messages", read_stream(split(written), form))
    assert messages == of("messages", read_whole(written, form))


def split(data: bytes) -> list[bytes]:
    """Lines as a file has them: other separators of Unicode end none."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


@FORMATS
def test_a_chat_that_was_renamed_is_called_one_thing_throughout(form):
    """Messages saved under the old name take on the new one, and change in nothing else."""
    old = plain(1, reply_to=7) | {"chat": "@py_talk"}

    messages = of("messages", read_stream(split(artifact([old, plain(2)], form)), form))

    assert [plain(1, reply_to=7), plain(2)] == messages
    assert list(plain(1)) == list(messages[0])


def test_a_json_artifact_is_json_in_the_order_of_the_contract():
    """Its keys stand as promised, each message on a line of its own."""
    written = artifact(
        [plain(1), plain(2, reply_to=1)], ArtifactFormat.JSON, [Person(1, None, "A")]
    )
    document = json.loads(written)

    assert [
        "schema_version",
        "source",
        "chat",
        "chat_id",
        "date",
        "timezone",
        "complete",
        "message_count",
        "first_id",
        "last_processed_msg_id",
        "messages",
        "threads",
        "participants",
    ] == list(document)
    assert ("telegram", "@ru_python", CHAT.id, "2025-11-07", "UTC") == (
        document["source"],
        document["chat"],
        document["chat_id"],
        document["date"],
        document["timezone"],
    )
    assert [to_json(m) for m in document["messages"]] == [
        line.rstrip(b",") for line in written.split(b"\n")[1:3]
    ]
    assert written.endswith(b"]}\n")


def test_each_line_of_jsonl_tells_its_version_and_time_zone():
    """They stand before the message."""
    written = artifact([plain(1), plain(2)], ArtifactFormat.JSONL)
    lines = [json.loads(line) for line in written.splitlines()]

    assert [{"schema_version": "1.0.0", "timezone": "UTC"} | plain(n) for n in (1, 2)] == lines
    assert ["schema_version", "timezone", "id"] == list(lines[0])[:3]


def test_an_empty_day_has_empty_lists():
    """And an empty file as JSONL."""
    document = json.loads(artifact([], ArtifactFormat.JSON))

    assert ([], [], []) == (document["messages"], document["threads"], document["participants"])
    assert b"" == artifact([], ArtifactFormat.JSONL)


def test_participants_are_read_back():
    """So that a merge knows the people of messages it does not see again."""
    written = artifact([plain(1)], ArtifactFormat.JSON, [Person(1, "a", "A")])
    expected = [orjson.loads(to_json(Participant(1, "a", "A", False, 1)))]

    assert expected == of("participants", read_stream(split(written), ArtifactFormat.JSON))
    assert expected == of("participants", read_whole(written, ArtifactFormat.JSON))


@pytest.mark.parametrize("indent", [None, 2])
def test_other_layouts_are_read_in_one_go(indent):
    """Spread out, in another order, twice the same, without participants."""
    written = json.dumps({"messages": [plain(2), plain(1), plain(2)]}, indent=indent).encode()

    with pytest.raises(ValueError, match="first line"):
        list(read_stream(split(written + b"\n"), ArtifactFormat.JSON))
    assert [plain(1), plain(2)] == of("messages", read_whole(written, ArtifactFormat.JSON))


def test_jsonl_with_empty_lines_is_read_in_one_go():
    """As editors leave it."""
    written = b"\n" + artifact([plain(1)], ArtifactFormat.JSONL) + b"\n\n"

    assert [plain(1)] == of("messages", read_whole(written, ArtifactFormat.JSONL))


@FORMATS
@given(data=st.data())
def test_a_torn_artifact_is_noticed(form, data):
    """Wherever the end is missing, at least if it is not missing to the line."""
    written = artifact([plain(1), plain(2, reply_to=1)], form)
    torn = written[: data.draw(st.integers(1, len(written) - 2))]
    if form is ArtifactFormat.JSONL and torn.endswith((b"}", b"\n")):
        return  # a shorter day, for all one can see

    for read in (lambda: read_stream(split(torn + b"\n"), form), lambda: read_whole(torn, form)):
        with pytest.raises(ValueError):
            list(read())


def test_a_head_that_is_no_json_is_noticed():
    """The first line alone tells that it is not ours."""
    with pytest.raises(ValueError):
        list(read_stream([b'nonsense,"messages":[\n'], ArtifactFormat.JSON))


def test_what_follows_the_end_is_noticed():
    """A file that was written twice over is not ours."""
    written = artifact([], ArtifactFormat.JSON)

    with pytest.raises(ValueError, match="after its end"):
        list(read_stream(split(written + b"x\n"), ArtifactFormat.JSON))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"messages": [], "participants": 5}',
        b'{"messages": 5}',
        b'{"messages": [5]}',
        b"7",
    ],
)
def test_what_is_no_artifact_is_refused(data):
    """Valid JSON or not."""
    with pytest.raises(ValueError):
        list(read_whole(data, ArtifactFormat.JSON))


def test_a_line_that_is_no_message_is_refused():
    """Though it is JSON."""
    for read in (
        read_stream([b"5\n"], ArtifactFormat.JSONL),
        read_whole(b"5\n", ArtifactFormat.JSONL),
    ):
        with pytest.raises(ValueError):
            [canonical(raw) for _, raw in read]


def test_messages_of_other_writers_take_on_our_form():
    """Keys in our order, unset ones filled in, unknown ones dropped."""
    message = plain(1)
    shuffled = dict(reversed(message.items())) | {"from_the_future": 1}
    del shuffled["pinned"]

    assert list(message.items()) == list(canonical(shuffled).items())
    assert message is canonical(message)


@given(data=st.data())
def test_what_was_written_is_in_our_form_whatever_it_has(data, values):
    """Lines of today, and those of before there was more than the contract asks for."""
    written = raw(data.draw(values.messages))
    before = {key: value for key, value in written.items() if key in plain(1)}

    assert written is canonical(written)
    assert before is canonical(before)


def test_what_another_writer_left_empty_is_left_out():
    """Keys beyond the contract say something or are not there."""
    assert plain(1) == canonical(plain(1) | {"reply_from": None, "quote": None, "buttons": []})


@pytest.mark.parametrize("thing", [None, 5, [], {}, {"id": "1"}, plain(1) | {"id": "1"}])
def test_what_is_no_message_is_refused(thing):
    """And never guessed at."""
    with pytest.raises(ValueError, match="Message"):
        canonical(thing)
