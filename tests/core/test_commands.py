"""Commands: what is accepted, what is rejected, and with which words."""

import json
from datetime import UTC, date, datetime

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.core.test_tracing import traces
from tgworker.core.codec import to_json
from tgworker.core.commands import MAX_BYTES, MAX_DEPTH, OPTIONS, command_payload, parse_command
from tgworker.core.model import ChatRef, FetchCommand, Mode, Strategy
from tgworker.core.schemas import validator
from tgworker.errors import InvalidCommandError

TODAY = date(2025, 11, 10)
UUID = "0F8fad5b-d9cb-469f-a165-70867728950e"
CHAT = ChatRef(username="ru_python")
LEGACY = {"command": "fetch", "chat": "ru_python"}
RANGE = {**LEGACY, "mode": "range", "from": "2025-11-01", "to": "2025-11-07"}


def parse(fields):
    return parse_command(orjson.dumps(fields), today=TODAY)


def problems(payload):
    """What is wrong with bytes, or with fields, by path."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    with pytest.raises(InvalidCommandError) as caught:
        parse_command(data, today=TODAY)
    return {error.path: error.message for error in caught.value.errors}


@pytest.mark.parametrize(
    ("fields", "command"),
    [
        (
            {"mode": "date", "date": "2025-11-07", "strategy": "batch"},
            FetchCommand(
                CHAT,
                Mode.DATE,
                first=date(2025, 11, 7),
                last=date(2025, 11, 7),
                strategy=Strategy.BATCH,
            ),
        ),
        ({"mode": "days", "days": 3}, FetchCommand(CHAT, Mode.DAYS, days=3)),
        (
            {"mode": "range", "from": "2025-11-01", "to": "2025-11-10", "strategy": "per_day"},
            FetchCommand(
                CHAT, Mode.RANGE, first=date(2025, 11, 1), last=TODAY, strategy=Strategy.PER_DAY
            ),
        ),
        ({"mode": "full"}, FetchCommand(CHAT, Mode.FULL)),
        ({}, FetchCommand(CHAT, Mode.DAYS, days=1)),
        (
            {
                "days_back": 2,
                "limit": 100,
                "strategy": "sequential",
                "timestamp": "2025-11-08T05:55:48.276372",
                "requested_by": "user_123",
            },
            FetchCommand(
                CHAT,
                Mode.DAYS,
                days=2,
                strategy=Strategy.SEQUENTIAL,
                limit=100,
                requested_by="user_123",
            ),
        ),
        (
            {"mode": "full", "command_id": UUID, "limit": 1, "options": {"force": True}},
            FetchCommand(CHAT, Mode.FULL, limit=1, force=True, command_id=UUID),
        ),
    ],
)
def test_both_forms_become_one_command(fields, command):
    assert command == parse({"command": "fetch", "chat": "@Ru_Python"} | fields)


def test_the_older_programs_nulls_mean_left_out():
    assert parse(LEGACY) == parse(LEGACY | {"limit": None, "requested_by": None, "timestamp": None})


def test_the_canonical_form_has_no_nulls():
    assert {"$.limit", "$.requested_by"} == set(
        problems(RANGE | {"limit": None, "requested_by": None})
    )


def test_a_whole_number_may_be_written_with_a_point():
    assert 3 == parse(LEGACY | {"mode": "days", "days": 3.0}).days
    assert ChatRef(id=-5) == parse(LEGACY | {"chat": -5.0}).chat


def test_unknown_fields_and_options_are_accepted_and_named():
    fields = RANGE | {"priority": 1, "options": {"quickly": True, "force": False}, "": None}

    assert ("priority", "", "options.quickly") == parse(fields).unknown_fields


def test_today_may_be_fetched():
    assert TODAY == parse(LEGACY | {"mode": "date", "date": "2025-11-10"}).first


@pytest.mark.parametrize(
    ("chat", "ref"),
    [
        ("@ru_python", CHAT),
        ("RU_Python", CHAT),
        ("https://t.me/ru_python", CHAT),
        ("http://t.me/Ru_python/", CHAT),
        ("https://telegram.me/ru_python", CHAT),
        ("t.me/ru_python", CHAT),
        ("https://t.me/s/ru_python", CHAT),
        ("https://t.me/ru_python/123", CHAT),
        ("https://t.me/ru_python/12/345?single", CHAT),
        ("https://t.me/ru_python?boost#x", CHAT),
        ("gold", ChatRef(username="gold")),
        ("a" * 32, ChatRef(username="a" * 32)),
        ("t.me/c/1234567890", ChatRef(id=-1001234567890)),
        ("https://t.me/c/1234567890/55", ChatRef(id=-1001234567890)),
        (-1001234567890, ChatRef(id=-1001234567890)),
        ("-1001234567890", ChatRef(id=-1001234567890)),
        (1234567890, ChatRef(id=-1001234567890)),
        ("1234567890", ChatRef(id=-1001234567890)),
        (-55, ChatRef(id=-55)),
        (-1000000000001, ChatRef(id=-1000000000001)),
        (-999999999999, ChatRef(id=-999999999999)),
        ("tg://user?id=1234567890", ChatRef(id=1234567890)),
    ],
)
def test_a_chat_may_be_written_in_many_ways(chat, ref):
    assert ref == parse(RANGE | {"chat": chat}).chat


@pytest.mark.parametrize(
    "chat",
    [
        *(
            "",
            " ",
            "@",
            "abc",
            "1abc",
            "a" * 33,
            "ru-python",
            "Пайтон",
            "ru_python\n",
            " ru_python",
        ),
        *("../x", "a/b", "..", ".", "/etc/passwd", "ru_python\0", "ru_python/../../x", "a\\b"),
        *("https://example.com/ru_python", "https://t.me/", "https://t.me/ru_python/x", "t.me/c/x"),
        *(
            "t.me/../x",
            "t.me/c/../x",
            "t.me/ru_python?\0",
            "0",
            "-0",
            "007",
            "--5",
            "-1000000000000",
        ),
        *("tg://user?id=0", "tg://user?id=-5", "tg://user?id=9999999999999", "tg://user?id=5&x"),
        *("9999999999999", "-9999999999999", "1" * 40, 0, -(10**12), 10**15, -(10**15), 10**30),
        *(1.5, True, None, [], {}, ["ru_python"]),
    ],
)
def test_what_names_no_chat_or_could_leave_its_folder_is_rejected(chat):
    assert ["$.chat"] == list(problems(RANGE | {"chat": chat}))


@pytest.mark.parametrize("chat", ["https://t.me/+AbCdEf", "t.me/joinchat/AbCdEf", "t.me/+1"])
def test_an_invite_link_is_rejected_with_what_to_do_instead(chat):
    assert "let the account join the chat" in problems(RANGE | {"chat": chat})["$.chat"]


@pytest.mark.parametrize("chat", ["https://t.me/addstickers/name", "t.me/share", "t.me/Proxy?x"])
def test_a_link_to_something_else_is_rejected_as_that(chat):
    assert "something else than a chat" in problems(RANGE | {"chat": chat})["$.chat"]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "must be JSON"),
        (b"fetch", "must be JSON"),
        (b'{"command":"fetch",}', "must be JSON"),
        (b'{"limit":NaN}', "must be JSON"),
        (b'{"limit":1e999}', "must be JSON"),
        (b'{"chat":"\\ud800"}', "must be JSON"),
        (b"\xef\xbb\xbf{}", "must be JSON"),
        (b"[" * 60_000, "must be JSON"),
        (b'{"chat":"\xff"}', "must be UTF-8: invalid start byte at byte 9"),
        (json.dumps(LEGACY).encode("utf-16"), "must be UTF-8"),
        (b"null", "must be a JSON object (it is null)"),
        (b'[{"command":"fetch"}]', "must be a JSON object"),
        (b'{"chat":"a_b_c","chat":"d_e_f"}', 'must not hold the key "chat" 2 times in one object'),
        (b'{"x":[{"a":1,"a":1}]}', 'must not hold the key "a" 2 times in one object'),
    ],
)
def test_bytes_that_are_no_object_have_one_problem_at_the_root(payload, message):
    found = problems(payload)

    assert ["$"] == list(found)
    assert found["$"].startswith(message)


def test_a_payload_may_have_64_kib_and_not_a_byte_more():
    payload = orjson.dumps(RANGE)

    assert parse(RANGE) == parse_command(payload.ljust(MAX_BYTES), today=TODAY)
    assert {"$": "must have at most 65536 bytes, not 65537"} == problems(
        payload.ljust(MAX_BYTES + 1)
    )


@pytest.mark.parametrize("pair", [("[", "]"), ('{"x":', "}")])
def test_nesting_ends_at_32_levels(pair):
    def payload(levels):
        opening, closing = pair
        inside = f"{opening * levels}1{closing * levels}"
        return b'{"command":"fetch","chat":"ru_python","x":%s}' % inside.encode()

    assert ("x",) == parse_command(payload(MAX_DEPTH - 1), today=TODAY).unknown_fields
    assert {"$": "must be nested at most 32 levels deep"} == problems(payload(MAX_DEPTH))


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        (
            {"command": "stop"},
            "$.command",
            'must be "fetch", the only command there is (it is "stop")',
        ),
        ({"mode": "weeks"}, "$.mode", "must be date, days, range or full"),
        ({"mode": None}, "$.mode", "must be date, days, range or full"),
        ({"strategy": "fast"}, "$.strategy", "must be auto, batch, per_day or sequential"),
        ({"limit": 0}, "$.limit", "must be a whole number of at least 1 (it is 0)"),
        ({"limit": True}, "$.limit", "must be a whole number of at least 1 (it is true)"),
        ({"limit": "5"}, "$.limit", 'must be a whole number of at least 1 (it is "5")'),
        ({"limit": 10**20}, "$.limit", "must be a whole number of at least 1"),
        ({"command_id": "7"}, "$.command_id", "must be a UUID"),
        ({"command_id": "{" + UUID + "}"}, "$.command_id", "must be a UUID"),
        ({"requested_by": 5}, "$.requested_by", "must be a text"),
        ({"timestamp": 1762581348}, "$.timestamp", "must be a text"),
        ({"options": [1]}, "$.options", "must be an object"),
        *(
            ({"options": {name: "yes"}}, f"$.options.{name}", "must be true or false")
            for name in OPTIONS
        ),
        ({"from": "2025-11-08"}, "$.from", "must not lie after $.to (2025-11-07)"),
        ({"to": "2025-11-11"}, "$.to", "must not lie in the future (in UTC it is 2025-11-10)"),
        ({"from": "2013-08-13"}, "$.from", "must not lie before 2013-08-14"),
        ({"from": "2025-02-29"}, "$.from", "must be a day that exists"),
        ({"from": "2025-1-1"}, "$.from", "must be a day written YYYY-MM-DD"),
        ({"from": "20251101"}, "$.from", "must be a day written YYYY-MM-DD"),
        ({"from": "2025-11-01T00:00:00Z"}, "$.from", "must be a day written YYYY-MM-DD"),
        ({"from": "٢٠٢٥-١١-٠١"}, "$.from", "must be a day written YYYY-MM-DD"),
        ({"from": 20251101}, "$.from", "must be a day written YYYY-MM-DD"),
        ({"days": 3}, "$.days", "does not belong to mode range: leave it out"),
        ({"days_back": 3}, "$.days_back", "does not belong to mode range: leave it out"),
        ({"date": "2025-11-01"}, "$.date", "does not belong to mode range: leave it out"),
    ],
)
def test_one_wrong_field_has_one_problem_that_says_what_would_be_right(fields, path, message):
    found = problems(RANGE | fields)

    assert [path] == list(found)
    assert found[path].startswith(message)


@pytest.mark.parametrize("days", [0, -1, 3661, 1.5, True, "3", None, [1]])
@pytest.mark.parametrize("form", [{"mode": "days", "days": 1}, {"days_back": 1}])
def test_days_are_a_whole_number_from_1_to_3660(form, days):
    name = list(form)[-1]

    found = problems(LEGACY | form | {name: days})

    assert {
        f"$.{name}": f"must be a whole number from 1 to 3660 (it is {json.dumps(days)})"
    } == found
    assert 3660 == parse(LEGACY | form | {name: 3660}).days


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, {"$.command", "$.chat"}),
        ({"command": "fetch", "chat": "ru_python", "mode": "date"}, {"$.date"}),
        ({"command": "fetch", "chat": "ru_python", "mode": "days"}, {"$.days"}),
        ({"command": "fetch", "chat": "ru_python", "mode": "range"}, {"$.from", "$.to"}),
    ],
)
def test_a_missing_field_is_named_with_what_it_must_be(fields, missing):
    found = problems(fields)

    assert missing == set(found)
    assert all(message.startswith("is missing; it must be") for message in found.values())


@pytest.mark.parametrize(
    "fields",
    [{"date": "2025-11-01"}, {"days": 2}, {"from": "2025-11-01"}, {"to": "2025-11-01"}],
)
def test_a_field_of_a_mode_without_the_mode_asks_for_it(fields):
    (name,) = fields

    assert {
        f"$.{name}": "belongs to a command with a mode: add the mode, or leave this out"
    } == problems(LEGACY | fields)


def test_every_problem_is_told_at_once():
    found = problems(
        {
            "command": "get",
            "chat": "../x",
            "mode": "range",
            "from": "2025-13-01",
            "to": "2026-01-01",
            "days": 3,
            "strategy": 5,
            "limit": -1,
            "options": {"force": 1},
        }
    )

    assert {
        *("$.command", "$.chat", "$.from", "$.to", "$.days", "$.strategy", "$.limit"),
        "$.options.force",
    } == set(found)


def test_a_huge_value_is_not_repeated_in_full():
    (message,) = problems(RANGE | {"chat": "x" * 10_000}).values()

    assert len(message) < 200


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"")
def test_no_bytes_raise_anything_else(payload):
    with pytest.raises(InvalidCommandError):
        parse_command(payload, today=TODAY)


@given(st.data())
def test_a_command_with_any_byte_changed_is_read_or_rejected(data):
    payload = bytearray(orjson.dumps(RANGE))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        parse_command(bytes(payload), today=TODAY)
    except InvalidCommandError as error:
        assert error.errors
        assert all(each.path.startswith("$") and each.message for each in error.errors)


@given(st.data())
def test_what_a_producer_builds_is_valid_and_read_back_as_it_was(values, data):
    command = data.draw(commands(values))
    timestamp = data.draw(st.none() | values.times)

    payload = command_payload(command, timestamp=timestamp)

    assert validator("command").is_valid(payload)
    assert command == parse(payload)


def test_a_payload_in_full():
    command = FetchCommand(
        ChatRef(id=-1001),
        Mode.DAYS,
        days=2,
        limit=5,
        force=True,
        command_id=UUID,
        requested_by="cron",
    )

    written = to_json(command_payload(command, timestamp=datetime(2025, 11, 10, 6, tzinfo=UTC)))

    assert {
        "command": "fetch",
        "chat": "-1001",
        "mode": "days",
        "days": 2,
        "strategy": "auto",
        "limit": 5,
        "command_id": UUID,
        "requested_by": "cron",
        "timestamp": "2025-11-10T06:00:00Z",
        "options": {"force": True},
    } == orjson.loads(written)


@st.composite
def commands(draw, values):
    mode = draw(st.sampled_from(Mode))
    days = st.dates(date(2013, 8, 14), TODAY)
    first = last = None
    if mode is Mode.DATE:
        first = last = draw(days)
    elif mode is Mode.RANGE:
        first, last = sorted([draw(days), draw(days)])
    ids = st.integers(-(4 * 10**12), 3 * 10**12).filter(lambda id: id not in (0, -(10**12)))
    return FetchCommand(
        chat=draw(st.builds(ChatRef, username=values.names) | st.builds(ChatRef, id=ids)),
        mode=mode,
        first=first,
        last=last,
        days=draw(st.integers(1, 3660)) if mode is Mode.DAYS else None,
        strategy=draw(st.sampled_from(Strategy)),
        limit=draw(st.none() | st.integers(1, 2**53 - 1)),
        **{name: draw(st.booleans()) for name in OPTIONS},
        command_id=draw(st.none() | st.uuids().map(str)),
        requested_by=draw(st.none() | values.texts.filter(lambda text: len(text) <= 256)),
        trace=draw(st.none() | traces()),
    )
