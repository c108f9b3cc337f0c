"""What can be wrong in an archive, found in what its files say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.artifact import Outline, encode_messages, index_row, render
from tgworker.core.codec import to_json
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatType, Person
from tgworker.core.verify import (
    Facts,
    Finding,
    Owner,
    Remedy,
    check_folder,
    check_index,
    check_row,
    spans,
)
from tgworker.core.verify_artifact import check_artifact

JSON, JSONL = ArtifactFormat.JSON, ArtifactFormat.JSONL
DAY = date(2025, 11, 7)
CHAT = Chat(-1001, ChatType.SUPERGROUP, "Python", "ru_python")
OWNER = Owner(-1001, frozenset({"@ru_python", "@old_name", "-1001"}))


def message(number: int, **fields) -> Message:
    plain = {
        "date": datetime(2025, 11, 7, 12, tzinfo=UTC),
        "from_id": 1 + number % 3,
        "chat": CHAT.label,
        "text": f"Сообщение {number}",
        "reply_to": number - 2 if number % 2 and number > 2 else None,
    }
    return Message(number, **(plain | fields))


def artifact(form=JSON, numbers=range(1, 8), complete=True, day=DAY) -> list[bytes]:
    """The lines of a sound artifact."""
    raw = [orjson.loads(to_json(message(number))) for number in numbers]
    outline = Outline()
    for each in raw:
        outline.add(each)
    head = outline.head(CHAT, day, complete, "1.0.0")
    people = {1: Person(1, "one", "One")}
    return b"".join(
        render(form, head, encode_messages(raw, head.chat), outline, people)
    ).splitlines(keepends=True)


def checked(lines, form=JSON, owner=OWNER):
    return check_artifact(iter(lines), form, DAY, owner)


@pytest.mark.parametrize("form", [JSON, JSONL])
@pytest.mark.parametrize("numbers", [range(0), range(1, 2), range(1, 300)])
@pytest.mark.parametrize("owner", [None, OWNER])
def test_a_sound_artifact_is_found_to_be_sound(form, numbers, owner):
    reading = checked(artifact(form, numbers), form, owner)

    ids = (numbers[0], numbers[-1]) if numbers else (None, None)
    assert [] == reading.findings
    assert Facts(len(numbers), *ids, True if form is JSON else None) == reading.facts


def tampered(line: int, old: bytes, new: bytes) -> list[bytes]:
    lines = artifact()
    assert old in lines[line], lines[line]
    lines[line] = lines[line].replace(old, new)
    return lines


TAMPERINGS = [
    (0, b'"message_count":7', b'"message_count":8', "it says message_count 8, it is 7", "fetch"),
    (0, b'"first_id":1', b'"first_id":2', "it says first_id 2, it is 1", "fetch"),
    (0, b'msg_id":7', b'msg_id":9', "it says last_processed_msg_id 9, it is 7", "fetch"),
    (0, b'"date":"2025-11-07"', b'"date":"2025-11-08"', "it says date 2025-11-08", "fetch"),
    (
        0,
        b'"timezone":"UTC"',
        b'"timezone":"MSK"',
        "artifact breaks its schema: $.timezone",
        "fetch",
    ),
    (0, b'"chat_id":-1001', b'"chat_id":-1002', "it is of chat -1002, and the folder", "hand"),
    (3, b'"text":"', b'"text":null,"x":"', "message 3 breaks its schema: $", "fetch"),
    (3, b"2025-11-07T12", b"2025-11-08T00", "message 3 is of 2025-11-08", "afresh"),
    (3, b"@ru_python", b"@stranger", "message 3 is of chat @stranger", "afresh"),
    (3, b'"id":3', b'"id":2', "message 2 is there twice", "fetch"),
    (3, b'"id":3', b'"id":1', "message 1 stands after 2", "fetch"),
    (3, b'"id":3', b'"id":3.0', "message 3.0 has an id with a point", "fetch"),
    (3, b'"reply_to":1', b'"reply_to":1e0', "message 3 has an id with a point", "fetch"),
    (7, b'"id":7', b'"id":9999999999999999999', "message 9999999999999999999 has", "fetch"),
    (3, b'"reply_to":1', b'"reply_to":2', "its threads do not fit its messages", "fetch"),
    (3, b'"from_id":1', b'"from_id":2', "its participants do not fit its messages", "fetch"),
    (9, b'"root_id":1', b'"root_id":"a"', "thread breaks its schema: $.root_id", "fetch"),
    (11, b'"id":1', b'"id":null', "participant breaks its schema: $.id", "fetch"),
    (3, b'"id":3', b'"id":', "it is damaged, or was not laid out by tgworker", "fetch"),
    (0, b'"messages":[\n', b'"messages":[', "it is damaged, or was not laid out by", "fetch"),
]


@pytest.mark.parametrize(("line", "old", "new", "what", "remedy"), TAMPERINGS)
def test_what_was_tampered_with_is_told(line, old, new, what, remedy):
    findings = checked(tampered(line, old, new)).findings

    assert [remedy] == [f.remedy for f in findings if f.what.startswith(what)], findings


@pytest.mark.parametrize("length", [0, 1, 5, -1])
def test_a_torn_artifact_is_damaged(length):
    reading = checked(artifact()[:length])

    assert None is reading.facts
    assert [Remedy.FETCH] == [finding.remedy for finding in reading.findings]


def test_of_many_alike_one_is_told_and_the_others_counted():
    lines = [line.replace(b"2025-11-07T12", b"2025-11-08T00") for line in artifact()]

    (finding,) = checked(lines).findings

    assert "message 1 is of 2025-11-08 (and 6 more like it)" == finding.what


def test_a_line_of_jsonl_carries_its_version_and_zone():
    lines = [line.replace(b'"timezone":"UTC",', b"") for line in artifact(JSONL)]

    (finding,) = checked(lines, JSONL).findings

    assert "message 1 lacks schema_version or timezone (and 6 more like it)" == finding.what


@pytest.mark.parametrize("line", [b"[]\n", b"5\n", b"null\n", b'"schema_version timezone"\n'])
@pytest.mark.parametrize("form", [JSON, JSONL])
def test_lines_that_are_no_messages_break_nothing_here(form, line):
    lines = artifact(form)
    lines[1] = line if form is JSONL else line.replace(b"\n", b",\n")

    assert checked(lines, form).findings


@given(data=st.data())
def test_any_bytes_are_judged_and_a_changed_byte_never_passes_as_other_facts(data):
    lines = artifact()
    whole = bytearray(b"".join(lines))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))

    reading = checked(bytes(whole).splitlines(keepends=True))

    if not reading.findings:
        assert reading.facts in (Facts(7, 1, 7, True), Facts(7, 1, 7, False))


def row_of(lines):
    outline = Outline()
    for number in range(1, 8):
        outline.add(orjson.loads(to_json(message(number))))
    head = outline.head(CHAT, DAY, True, "1.0.0")
    size = sum(map(len, lines))
    return index_row(head, size, "a" * 64, datetime(2025, 11, 9, tzinfo=UTC), JSON)


def test_a_row_has_to_say_what_its_artifact_holds():
    lines = artifact()
    row, facts, size = row_of(lines), Facts(7, 1, 7, True), sum(map(len, lines))

    def told(row, facts=facts):
        return [(f.what, f.remedy) for f in check_row(row, facts, size, "a" * 64)]

    assert [] == told(row)
    assert [] == told(evolve(row, complete=False), evolve(facts, complete=None))
    assert [("index.json says messages 8, it is 7", Remedy.INDEX)] == told(evolve(row, messages=8))
    assert [("index.json says first_id null, it is 1", Remedy.INDEX)] == told(
        evolve(row, first_id=None)
    )
    assert [("index.json says complete false, it is true", Remedy.INDEX)] == told(
        evolve(row, complete=False)
    )
    assert ["bytes", "last_processed_msg_id"] == sorted(
        what.split()[2] for what, _ in told(evolve(row, bytes=1, last_processed_msg_id=6))
    )


def test_bytes_that_changed_are_no_reason_to_believe_them():
    """Which of the two is right can't be known: the day is fetched again."""
    lines = artifact()
    row = evolve(row_of(lines), messages=8, sha256="b" * 64)

    (finding,) = check_row(row, Facts(7, 1, 7, True), 1, "a" * 64)

    assert Remedy.FETCH is finding.remedy


def index(**fields):
    rows = [orjson.loads(to_json(evolve(row_of([b""]), date=DAY + timedelta(n)))) for n in range(3)]
    plain = {"schema_version": "1.0.0", "chat": "@ru_python", "chat_id": -1001, "year": 2025}
    return plain | {"days": rows} | fields


def test_an_index_is_of_one_year_and_ascends():
    days = index()["days"]

    assert [] == check_index(index(), 2025, OWNER)
    assert [] == check_index(index(), 2025, None)
    assert ["it is not of the year 2024"] == [f.what for f in check_index(index(), 2024, OWNER)]
    assert ["its days do not ascend"] == [
        f.what for f in check_index(index(days=days[::-1]), 2025, OWNER)
    ]
    assert ["its days do not ascend"] == [
        f.what for f in check_index(index(days=[days[0]] * 2), 2025, OWNER)
    ]
    (finding,) = check_index(index(days=5), 2025, OWNER)
    assert (True, Remedy.INDEX) == (
        finding.what.startswith("it breaks its schema: $.days"),
        finding.remedy,
    )
    assert [Finding("it is of chat 7, and the folder of chat -1001", Remedy.HAND)] == check_index(
        index(chat_id=7), 2025, OWNER
    )


@pytest.mark.parametrize(
    ("folder", "chat_id", "names", "right"),
    [
        ("ru_python", -1001, {"ru_python"}, True),
        ("old_name", -1001, {"ru_python", "old_name"}, True),
        ("channel.17", -1_000_000_000_017, {"named_since"}, True),
        ("group.17", -17, set(), True),
        ("user.17", 17, set(), True),
        ("channel.18", -1_000_000_000_017, set(), False),
        ("stranger", -1001, {"ru_python"}, False),
    ],
)
def test_a_folder_is_called_as_its_chat_is_or_was(folder, chat_id, names, right):
    assert right is (not check_folder(folder, chat_id, names))


@given(st.sets(st.dates(date(2024, 12, 1), date(2025, 1, 31))))
def test_spans_cover_just_these_days_and_none_touches_the_next(days):
    found = list(spans(days))

    covered = [f + timedelta(n) for f, last in found for n in range((last - f).days + 1)]
    assert sorted(days) == covered
    assert all(b[0] - a[1] > timedelta(1) for a, b in zip(found, found[1:], strict=False))
