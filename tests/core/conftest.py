"""Values of the model as hypothesis makes them, within the bounds that Telegram's own data keeps."""

from datetime import UTC, date, datetime

import pytest
from attrs import frozen
from hypothesis import strategies as st

from tgworker.core.model import (
    ArtifactFormat,
    DayReport,
    DayRow,
    Entity,
    Forward,
    Message,
    Participant,
    Reaction,
    Thread,
)

IDS = st.integers(1, 2**31 - 1)
MARKED_IDS = st.integers(-(4 * 10**12), 2**40).filter(bool)
COUNTS = st.integers(0, 2**31 - 1)
LONGS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
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
)
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


@pytest.fixture(scope="session")
def values() -> Values:
    return Values()
