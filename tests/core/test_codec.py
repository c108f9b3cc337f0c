"""Values as JSON, and back."""

from datetime import UTC, date, datetime, timedelta, timezone

import orjson
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.codec import from_json, structure, to_json, utc_text
from tgworker.core.message import Button, Entity, Forward, Message, Quote, Reaction, ReplyFrom
from tgworker.core.model import (
    Chat,
    ChatRef,
    ChatType,
    DayRow,
    FetchCommand,
    Mode,
    Participant,
    Person,
    Strategy,
    Thread,
)

NOON = datetime(2025, 11, 7, 12, 0, 5, tzinfo=UTC)
PLAIN = Message(id=7, date=NOON, from_id=None, chat="@ru_python", text="привет 🐍")


@given(st.data())
def test_what_is_written_is_read_back_as_it_was(values, data):
    kind, made = data.draw(
        st.sampled_from(
            [
                (Message, values.messages),
                (DayRow, values.rows),
                (Thread, values.threads),
                (Participant, values.participants),
            ]
        )
    )
    value = data.draw(made)

    assert value == from_json(to_json(value), kind)


@pytest.mark.parametrize(
    "value",
    [
        Person(-5, None, ""),
        Chat(-1001, ChatType.FORUM, "T", "ru_python", ("ru_python", "python_ru")),
        FetchCommand(
            ChatRef(id=-5),
            Mode.DATE,
            first=date(2025, 11, 7),
            last=date(2025, 11, 7),
            strategy=Strategy.PER_DAY,
            unknown_fields=("x",),
        ),
    ],
)
def test_every_other_value_is_read_back_as_well(value):
    assert value == from_json(to_json(value), type(value))


def test_a_message_has_all_its_keys_in_the_order_of_the_contract():
    assert [
        *("id", "date", "from_id", "chat", "text", "reply_to", "thread_id", "views", "forwards"),
        *("replies_count", "entities", "edited", "edit_date", "deleted", "reactions", "media"),
        *("forward_from", "grouped_id", "via_bot_id", "post_author", "pinned", "service"),
    ] == list(orjson.loads(to_json(PLAIN)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Entity("bold", 0, 5), b'{"type":"bold","offset":0,"length":5}'),
        (Reaction(3, document_id=9), b'{"count":3,"document_id":9}'),
        (Forward(date=NOON), b'{"date":"2025-11-07T12:00:05Z"}'),
        (Forward(), b"{}"),
    ],
)
def test_the_small_values_of_a_message_leave_out_what_is_unset(value, text):
    assert text == to_json(value)


def test_what_goes_beyond_the_contract_is_there_only_where_there_is_something_to_say():
    told = evolve(
        PLAIN,
        reply_from=ReplyFrom("story", 5, story_id=9),
        quote=Quote("то самое", 0, (Entity("bold", 0, 2),)),
        buttons=(Button("url", "Читать", "https://example.org"), Button("callback", "👍")),
    )

    plain, raw = orjson.loads(to_json(PLAIN)), orjson.loads(to_json(told))

    assert raw == {
        **plain,
        "reply_from": {"type": "story", "chat_id": 5, "story_id": 9},
        "quote": {
            "text": "то самое",
            "offset": 0,
            "entities": [{"type": "bold", "offset": 0, "length": 2}],
        },
        "buttons": [
            {"type": "url", "text": "Читать", "url": "https://example.org"},
            {"type": "callback", "text": "👍"},
        ],
    }
    assert [*plain, "reply_from", "quote", "buttons"] == list(raw)


def test_half_a_surrogate_pair_becomes_a_question_mark_wherever_it_stands():
    message = evolve(
        PLAIN, text="a\ud83d", media={"type": "photo", "\udc00": ["\udfff", 1]}, service=None
    )

    raw = orjson.loads(to_json(message))

    assert ("a?", {"type": "photo", "?": ["?", 1]}) == (raw["text"], raw["media"])


def test_text_is_written_as_it_is():
    assert "привет 🐍".encode() in to_json(PLAIN)


@pytest.mark.parametrize("moment", [NOON, NOON.astimezone(timezone(timedelta(hours=9)))])
def test_times_are_written_in_utc_to_the_second(moment):
    assert "2025-11-07T12:00:05Z" == utc_text(moment.replace(microsecond=999_999))


def test_a_message_carries_its_time_to_the_second():
    message = evolve(PLAIN, date=NOON.replace(microsecond=5))

    assert "2025-11-07T12:00:05Z" == orjson.loads(to_json(message))["date"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"chat": None}, "None is not of type str"),
        ({"id": "7"}, "'7' is not of type int"),
        ({"id": True}, "True is not of type int"),
        ({"pinned": 0}, "0 is not of type bool"),
        ({"date": 5}, "must be str"),
        ({"date": "soon"}, "soon"),
        ({"media": ["photo"]}, "is not of type dict"),
        ({"entities": 5}, "not iterable"),
        ({"entities": [5]}, "not"),
    ],
)
def test_what_is_of_another_kind_is_refused(change, why):
    with pytest.raises(ValueError, match=why):
        structure(orjson.loads(to_json(PLAIN)) | change, Message)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b"5", b"{}", b'"x"', b"\xff"])
def test_what_is_no_message_at_all_is_refused(data):
    with pytest.raises(ValueError):
        from_json(data, Message)


@given(st.binary(max_size=50) | st.text(max_size=50))
def test_reading_raises_nothing_but_value_errors(data):
    try:
        from_json(data, DayRow)
    except ValueError:
        pass
