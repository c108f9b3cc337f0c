"""The schemas, and that they and the code accept the same things."""

import json
from datetime import date

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.test_tracing import traces
from tgworker.core.artifact import Outline, encode_messages, render
from tgworker.core.chats import parse_chat
from tgworker.core.codec import structure, to_json
from tgworker.core.commands import parse_command
from tgworker.core.events import Event, EventKind, Status, event_json, legacy_events
from tgworker.core.message import Message
from tgworker.core.model import (
    ArtifactFormat,
    Chat,
    ChatType,
    DayRow,
    FieldError,
    Mode,
    Participant,
    Person,
    Thread,
)
from tgworker.core.schemas import NAMES, schema, validator
from tgworker.errors import InvalidCommandError

TODAY = date(2025, 11, 10)
DAYS = ["2025-11-07", "2025-11-10", "2013-08-14", "2013-08-13", "2025-11-11", "2025-02-30"]
MODES = {
    None: {"days_back"},
    "date": {"date"},
    "days": {"days"},
    "range": {"from", "to"},
    "full": set(),
}
MODE_FIELDS = {"mode", "days_back", "date", "days", "from", "to"}


def nodes(value, path="$"):
    """Every object in a JSON document, with its place."""
    if isinstance(value, dict):
        yield path, value
        for key, child in value.items():
            yield from nodes(child, f"{path}.{key}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from nodes(child, f"{path}[{number}]")


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_named_and_described(name):
    document = schema(name)

    jsonschema.Draft202012Validator.check_schema(document)
    assert f"urn:tgworker:schema:{name}:1" == document["$id"]
    assert len(document["description"]) > 40


@pytest.mark.parametrize("name", NAMES)
def test_every_example_in_a_schema_fits_where_it_stands(name):
    for path, node in nodes(schema(name)):
        for example in node.get("examples", ()):
            inner = {"$defs": schema(name).get("$defs", {}), **node}

            assert jsonschema.Draft202012Validator(inner).is_valid(example), path


def test_every_field_of_a_command_is_described():
    fields = schema("command")["properties"]

    assert [] == [name for name, field in fields.items() if not field.get("description")]


def form_of(mode):
    """The command schema for one mode alone: what its conditions say, said outright, and only days that matter."""
    document = json.loads(json.dumps(schema("command")))
    for condition in ("if", "then", "else"):
        del document[condition]
    document["$defs"]["day"] = {"enum": DAYS}
    fields = document["properties"]
    for name in MODE_FIELDS - MODES[mode]:
        del fields[name]
    if mode is not None:
        fields["mode"] = {"const": mode}
        document["required"] += ["mode", *MODES[mode]]
        for name in ("limit", "requested_by", "timestamp"):
            fields[name]["type"] = fields[name]["type"][0]
    return document


@pytest.fixture(scope="session")
def commands(made_from):
    """Commands of every form; what a schema can't say is often wrong with them."""
    return st.one_of(*(made_from(form_of(mode)) for mode in MODES))


def is_real(day):
    try:
        return date(2013, 8, 14) <= date.fromisoformat(day) <= TODAY
    except ValueError:
        return False


def keeps_the_rules(fields):
    """What no schema can say: days that exist and lie right, a chat that may be one."""
    days = [fields[name] for name in ("date", "from", "to") if name in fields]
    try:
        chat = fields["chat"]
        parse_chat(chat if isinstance(chat, str) else int(chat))
    except ValueError:
        return False
    return all(is_real(day) for day in days) and fields.get("from", "") <= fields.get("to", "~")


def is_accepted(fields):
    try:
        parse_command(json.dumps(fields).encode(), today=TODAY)
    except InvalidCommandError:
        return False
    return True


@given(st.data())
def test_what_the_command_schema_makes_is_accepted_exactly_if_it_keeps_the_rules(commands, data):
    fields = data.draw(commands)

    assert validator("command").is_valid(fields)
    assert keeps_the_rules(fields) == is_accepted(fields)


@given(st.data())
def test_a_changed_command_is_accepted_exactly_if_the_schema_and_the_rules_allow_it(
    commands, values, data
):
    fields = data.draw(commands)
    known = st.sampled_from(sorted(schema("command")["properties"]))
    for name in data.draw(st.lists(known, min_size=1, max_size=3)):
        if data.draw(st.booleans()):
            fields.pop(name, None)
        else:
            fields[name] = data.draw(st.sampled_from(DAYS) | st.sampled_from(Mode) | values.json)

    fields = orjson.loads(orjson.dumps(fields))
    valid = validator("command").is_valid(fields)

    assert (valid and keeps_the_rules(fields)) == is_accepted(fields)


@given(st.dictionaries(st.text(max_size=9) | st.sampled_from(["chat", "mode"]), st.integers()))
def test_what_the_command_schema_rejects_is_rejected(fields):
    assert not validator("command").is_valid(fields)
    assert not is_accepted(fields)


def check(name, data):
    """A schema's verdict, with its reason if it is bad."""
    for error in validator(name).iter_errors(orjson.loads(data)):
        raise AssertionError(str(error))


@given(st.data())
def test_messages_fit_their_schema(values, data):
    check("message", to_json(data.draw(values.messages)))


@settings(max_examples=30)  # an artifact is a hundred values
@given(st.data())
def test_artifacts_fit_their_schema_in_both_formats(values, data):
    unique = st.lists(values.messages, max_size=3, unique_by=lambda message: message.id)
    messages = sorted(data.draw(unique), key=lambda message: message.id)
    raw = [orjson.loads(to_json(message)) for message in messages]
    outline = Outline()
    for message in raw:
        outline.add(message)
    chat = Chat(-1001234567890, ChatType.SUPERGROUP, "Python", data.draw(st.none() | values.names))
    head = outline.head(chat, data.draw(values.days), data.draw(st.booleans()), "1.0.0")
    people = {
        message.from_id: Person(message.from_id, None, data.draw(values.texts))
        for message in messages
        if message.from_id is not None and data.draw(st.booleans())
    }

    check(
        "artifact",
        b"".join(
            render(ArtifactFormat.JSON, head, encode_messages(raw, head.chat), outline, people)
        ),
    )
    for line in render(
        ArtifactFormat.JSONL, head, encode_messages(raw, head.chat), outline, people
    ):
        check("message", line)


@given(st.data())
def test_indexes_fit_their_schema(values, data):
    index = {
        "schema_version": "1.0.0",
        "chat": data.draw(values.labels),
        "chat_id": data.draw(values.marked_ids),
        "year": 2025,
        "days": data.draw(st.lists(values.rows, max_size=3)),
    }

    check("index", to_json(index))


@given(st.data())
def test_open_work_fits_its_schema(values, data):
    command = {
        "command_id": str(data.draw(st.uuids())),
        "chat": data.draw(values.labels),
        "mode": data.draw(st.sampled_from(Mode)),
        "params": data.draw(params(values)),
        "started_at": data.draw(values.times),
    }
    day = {
        "chat": data.draw(values.labels),
        "date": data.draw(values.days),
        "last_processed_msg_id": data.draw(st.none() | values.ids),
        "messages": data.draw(values.counts),
        "part": data.draw(st.none() | values.texts),
    }

    check("progress", to_json({"schema_version": "1.0.0", "commands": [command], "days": [day]}))


@given(st.data())
def test_events_of_today_and_of_before_fit_their_schema(values, data):
    event = data.draw(events(values))

    check("event", event_json(event, "1.0.0"))
    for legacy in legacy_events(event, data_dir="data", service="telegram-fetcher"):
        check("event", legacy)


@pytest.mark.parametrize(
    "change",
    [
        {"event": "finished"},
        {"status": "completed"},
        {"status": "waiting"},
        {"resume_at": "2025-11-07T10:00:00Z"},
        {"chat": None},
        {"errors": [{"path": "$", "message": "?"}]},
        {"ts": "2025-11-07T10:00:00"},
        {"event": "failed", "status": "failed"},
        {"extra": 1},
    ],
)
def test_an_event_that_says_what_cannot_be_does_not_fit(change):
    event = {
        "event": "progress",
        "schema_version": "1.0.0",
        "command_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "chat": "@ru_python",
        "mode": "range",
        "params": {"from": "2025-11-01", "to": "2025-11-07"},
        "processed": 271,
        "errors": 0,
        "duration_sec": 42.5,
        "status": "running",
        "ts": "2025-11-09T12:34:56Z",
        "worker_id": "fetcher-1",
        "deduplicated": 0,
        "day": {
            "date": "2025-11-07",
            "messages": 271,
            "complete": True,
            "file": "ru_python/2025/discussions_2025-11-07.json",
        },
    }

    assert validator("event").is_valid(event)
    assert not validator("event").is_valid(event | change)


MADE = {
    Message: schema("message"),
    DayRow: {**schema("index")["$defs"]["row"], "$defs": schema("index")["$defs"]},
    Thread: {**schema("artifact")["$defs"]["thread"], "$defs": schema("artifact")["$defs"]},
    Participant: schema("artifact")["$defs"]["participant"],
}


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
@settings(max_examples=50)
@given(data=st.data())
def test_what_a_schema_makes_is_read_into_the_model(made_from, kind, data):
    document = data.draw(made_from(times_that_exist(MADE[kind])))

    value = structure(document, kind)

    assert value == structure(orjson.loads(to_json(value)), kind)


def times_that_exist(document):
    """A pattern allows the 99th day and hour; here they are chosen from a few."""
    known = {"time": {"enum": ["2025-11-07T10:23:45Z", "2024-02-29T23:59:59Z"]}}
    known["day"] = {"enum": ["2025-11-07", "2024-02-29"]}
    return {**document, "$defs": document.get("$defs", {}) | known}


def params(values):
    day = values.days.map(str)
    return st.one_of(
        st.just({}),
        st.fixed_dictionaries({"date": day}),
        st.fixed_dictionaries({"from": day, "to": day}),
        st.fixed_dictionaries({"days": st.integers(1, 3660)}),
    )


@st.composite
def events(draw, values):
    kind, status = draw(
        st.sampled_from(
            [
                (EventKind.STARTED, Status.RUNNING),
                (EventKind.PROGRESS, Status.RUNNING),
                (EventKind.PROGRESS, Status.WAITING),
                (EventKind.COMPLETED, Status.COMPLETED),
                (EventKind.FAILED, Status.FAILED),
            ]
        )
    )
    failed = status in (Status.FAILED, Status.WAITING)
    rejected = kind is EventKind.FAILED and draw(st.booleans())
    whole = {
        "event": kind,
        "status": status,
        "command_id": draw(st.uuids().map(str)),
        "ts": draw(values.times),
        "worker_id": draw(values.texts),
        "duration_sec": draw(st.floats(0, 1e6)),
        "processed": draw(values.counts),
        "deduplicated": draw(values.counts),
        "day": draw(values.reports) if kind is EventKind.PROGRESS else None,
        "incomplete": draw(values.shortfalls) if failed else None,
        "resume_at": draw(values.times) if status is Status.WAITING else None,
        "error": draw(values.texts) if failed else None,
        "trace": draw(st.none() | traces()),
    }
    if rejected:
        wrong = (FieldError("$.days", draw(values.texts)),)
        asked = {"chat": None, "mode": None, "params": None, "errors": wrong}
        return Event(**whole, **asked, error_type="invalid_command")
    return Event(
        **whole,
        chat=draw(values.labels),
        mode=draw(st.sampled_from(Mode)),
        params=draw(params(values)),
        errors=draw(values.counts),
        error_type="storage" if failed else None,
    )
