"""Values of the model as hypothesis makes them, within the bounds that Telegram's own data keeps."""

from datetime import UTC, date, datetime

import pytest
from attrs import frozen
from hypothesis import strategies as st

from tgworker.core.message import Button, Entity, Forward, Message, Quote, Reaction, ReplyFrom
from tgworker.core.model import (
    ArtifactFormat,
    DayReport,
    DayRow,
    IncompleteDay,
    Participant,
    Thread,
)

IDS = st.integers(1, 2**31 - 1)
MARKED_IDS = st.integers(-(4 * 10**12), 2**40).filter(bool)
COUNTS = st.integers(0, 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
TEXTS_OF = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(TEXTS_OF)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{3,31}", fullmatch=True)
LABELS = st.one_of(NAMES.map("@{}".format), MARKED_IDS.map(str))
TIMES = st.datetimes(datetime(2013, 8, 14), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda moment: moment.replace(microsecond=0)
)
DAYS = st.dates(date(2013, 8, 14), date(2100, 1, 1))
JSON = st.recursive(
    st.none() | st.booleans() | LONGS | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def maybe(strategy):
    return st.none() | strategy


def described(key):
    """A dict that names its kind under ``key``, as media and service do."""
    kinds = st.fixed_dictionaries({key: st.text(min_size=1, max_size=9, alphabet="abc_")})
    return st.builds(
        lambda kind, more: more | kind, kinds, st.dictionaries(TEXTS, JSON, max_size=3)
    )


ENTITIES = st.builds(
    Entity,
    type=NAMES,
    offset=COUNTS,
    length=COUNTS,
    url=maybe(TEXTS),
    user_id=maybe(MARKED_IDS),
    language=maybe(TEXTS),
    document_id=maybe(LONGS),
    collapsed=maybe(st.just(True)),
)
REACTIONS = st.builds(Reaction, count=COUNTS, emoji=maybe(TEXTS), document_id=maybe(LONGS))
FORWARDS = st.builds(
    Forward,
    from_id=maybe(MARKED_IDS),
    from_name=maybe(TEXTS),
    date=maybe(TIMES),
    channel_post=maybe(IDS),
    post_author=maybe(TEXTS),
)
REPLIES_FROM = st.builds(
    ReplyFrom,
    type=NAMES,
    chat_id=maybe(MARKED_IDS),
    message_id=maybe(IDS),
    story_id=maybe(IDS),
    from_id=maybe(MARKED_IDS),
    from_name=maybe(TEXTS),
    date=maybe(TIMES),
    channel_post=maybe(IDS),
    post_author=maybe(TEXTS),
    media=maybe(described("type")),
)
QUOTES = st.builds(
    Quote,
    text=TEXTS,
    offset=maybe(COUNTS),
    entities=st.lists(ENTITIES, max_size=2).map(tuple),
)
BUTTONS = st.builds(Button, type=NAMES, text=TEXTS, url=maybe(TEXTS))
MESSAGES = st.builds(
    Message,
    id=IDS,
    date=TIMES,
    from_id=maybe(MARKED_IDS),
    chat=LABELS,
    text=TEXTS,
    reply_to=maybe(IDS),
    thread_id=maybe(IDS),
    views=maybe(COUNTS),
    forwards=maybe(COUNTS),
    replies_count=maybe(COUNTS),
    entities=st.lists(ENTITIES, max_size=3).map(tuple),
    edited=st.booleans(),
    edit_date=maybe(TIMES),
    deleted=st.booleans(),
    reactions=maybe(st.lists(REACTIONS, max_size=3).map(tuple)),
    media=maybe(described("type")),
    forward_from=maybe(FORWARDS),
    grouped_id=maybe(LONGS),
    via_bot_id=maybe(IDS),
    post_author=maybe(TEXTS),
    pinned=st.booleans(),
    service=maybe(described("action")),
    reply_from=maybe(REPLIES_FROM),
    quote=maybe(QUOTES),
    buttons=st.lists(BUTTONS, max_size=2).map(tuple),
)
PARTICIPANTS = st.builds(
    Participant,
    id=MARKED_IDS,
    username=maybe(NAMES),
    name=maybe(TEXTS),
    bot=st.booleans(),
    messages=IDS,
)
THREADS = st.builds(
    Thread,
    root_id=IDS,
    message_ids=st.lists(IDS, min_size=1, max_size=4, unique=True).map(tuple),
    participants=st.lists(MARKED_IDS, max_size=4, unique=True).map(tuple),
    root_in_day=st.booleans(),
)
ROWS = st.builds(
    DayRow,
    date=DAYS,
    messages=COUNTS,
    first_id=maybe(IDS),
    last_processed_msg_id=maybe(IDS),
    bytes=COUNTS,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    complete=st.booleans(),
    fetched_at=TIMES,
    format=st.sampled_from(ArtifactFormat),
    expected=maybe(COUNTS.filter(bool)),
)
SHORTFALLS = st.lists(
    st.builds(IncompleteDay, date=DAYS, expected=COUNTS.filter(bool), got=COUNTS),
    min_size=1,
    max_size=3,
).map(tuple)
REPORTS = st.builds(DayReport, date=DAYS, messages=COUNTS, complete=st.booleans(), file=TEXTS)


@frozen
class Values:
    """Strategies, by what they make."""

    ids = IDS
    marked_ids = MARKED_IDS
    counts = COUNTS
    texts = TEXTS
    labels = LABELS
    names = NAMES
    times = TIMES
    days = DAYS
    json = JSON
    messages = MESSAGES
    participants = PARTICIPANTS
    threads = THREADS
    rows = ROWS
    reports = REPORTS
    shortfalls = SHORTFALLS


def from_schema(schema, defs=None):
    """What a JSON Schema allows, as far as the project's schemas go; conditions and formats are not looked at.

    Written here because hypothesis-jsonschema reaches into parts of hypothesis that are no longer there.
    """
    defs = schema.get("$defs", {}) if defs is None else defs
    if "$ref" in schema:
        return from_schema(defs[schema["$ref"].removeprefix("#/$defs/")], defs)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return st.one_of(*(from_schema(each, defs) for each in schema[word]))
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kinds = schema.get("type", [])
    makers = {
        "null": lambda: st.none(),
        "boolean": st.booleans,
        "integer": lambda: integers_from(schema),
        "number": lambda: st.floats(schema.get("minimum", -1e9), schema.get("maximum", 1e9)),
        "string": lambda: strings_from(schema),
        "array": lambda: arrays_from(schema, defs),
        "object": lambda: objects_from(schema, defs),
    }
    return st.one_of(*(makers[kind]() for kind in ([kinds] if isinstance(kinds, str) else kinds)))


def integers_from(schema):
    numbers = st.integers(schema.get("minimum", -(2**63)), schema.get("maximum", 2**63 - 1))
    refused = schema.get("not", {}).get("enum", ())
    return numbers.filter(lambda number: number not in refused)


def strings_from(schema):
    if "pattern" in schema:
        # In Python "$" also matches before a last newline; in JSON Schema it does not.
        return st.from_regex(schema["pattern"].replace("$", r"\Z"))
    return st.text(
        TEXTS_OF, min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 50)
    )


def arrays_from(schema, defs):
    sizes = {"min_size": schema.get("minItems", 0), "max_size": schema.get("maxItems", 4)}
    return st.lists(
        from_schema(schema["items"], defs), unique=schema.get("uniqueItems", False), **sizes
    )


def objects_from(schema, defs):
    """Required fields, some of the others, and strangers where they are welcome."""
    fields = {name: from_schema(each, defs) for name, each in schema["properties"].items()}
    required = {name: fields.pop(name) for name in schema.get("required", ())}
    known = st.fixed_dictionaries(required, optional=fields)
    if schema.get("additionalProperties") is False:
        return known
    names = TEXTS.filter(lambda name: name not in schema["properties"])
    strangers = st.dictionaries(names, JSON, max_size=2)
    return st.builds(lambda one, other: one | other, known, strangers)


@pytest.fixture(scope="session")
def made_from():
    """A strategy for what a JSON Schema allows."""
    return from_schema


@pytest.fixture(scope="session")
def values() -> Values:
    return Values()
