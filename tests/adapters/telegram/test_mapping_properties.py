"""No message that Telegram's schema allows can stop the worker: each becomes JSON, whatever is in it."""

import functools
import inspect
import typing
from datetime import UTC, datetime

import attrs
import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telethon.tl import types
from telethon.tl.alltlobjects import tlobjects
from telethon.tl.tlobject import TLObject

from tgworker.adapters.telegram.mapping import map_message, map_page
from tgworker.core.codec import to_json
from tgworker.core.model import Message

DEEP = 2
"""From this depth on only what is required is made, of the simplest constructors there are: the schema is circular."""

PLAIN = {
    int: st.integers(0, 2**53),
    bool: st.booleans(),
    str: st.text(max_size=8),
    bytes: st.binary(max_size=8),
    float: st.floats(-1e9, 1e9),
    datetime: st.datetimes(datetime(1970, 1, 1), datetime(2038, 1, 1), timezones=st.just(UTC)),
}
MODULES = (types, *filter(inspect.ismodule, vars(types).values()))
CLASSES = {
    name: kind
    for module in MODULES
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, TLObject)
}
BOXED = {
    name: kind for module in MODULES for name, kind in vars(module).items() if name[:4] == "Type"
}
NAMES = {"datetime": datetime} | {f"Type{name}": kind for name, kind in CLASSES.items()} | BOXED
"""What the annotations of Telethon's constructors speak of."""

FIELDS = [field.name for field in attrs.fields(Message)]


def read_as(kind):
    """The class that Telethon reads this constructor into."""
    return tlobjects.get(getattr(kind, "CONSTRUCTOR_ID", None), kind)


@functools.cache
def parameters(kind):
    """What a constructor takes: name, the types it may have, whether it is a list, whether it is required."""
    found = []
    # Telethon reads messages into subclasses, which take everything and annotate nothing.
    kind = next(base for base in kind.__mro__ if base.__module__.startswith(types.__name__))
    if kind.__init__ is object.__init__:
        return found
    hints = typing.get_type_hints(kind.__init__, localns=NAMES)
    for each in list(inspect.signature(kind.__init__).parameters.values())[1:]:
        kinds, is_list = alternatives(hints[each.name]), False
        if typing.get_origin(kinds[0]) is list:
            kinds, is_list = alternatives(typing.get_args(kinds[0])[0]), True
        required = each.default is inspect.Parameter.empty
        found.append((each.name, tuple(map(read_as, kinds)), is_list, required))
    return found


def alternatives(annotation):
    """What an annotation allows. Telethon says Optional of every date; what is really optional has a default."""
    inner = typing.get_args(annotation) if typing.get_origin(annotation) is typing.Union else ()
    return tuple(kind for kind in inner if kind is not type(None)) or (annotation,)


def height(kind, limit=8):
    """How deep the simplest object of this constructor is; `limit` for those that never end."""
    if kind in PLAIN or limit == 0:
        return 0
    needed = (kinds for _, kinds, is_list, required in parameters(kind) if required and not is_list)
    return 1 + max((min(height(each, limit - 1) for each in kinds) for kinds in needed), default=0)


simplest = functools.cache(lambda kinds: min(kinds, key=height))


def draw_object(draw, kind, depth=0):
    """One object of Telethon's, with all that is required and some of what is optional."""
    if kind in PLAIN:
        return draw(PLAIN[kind])
    deep = depth >= DEEP
    values = {}
    for name, kinds, is_list, required in parameters(kind):
        if not required and (deep or not draw(st.booleans())):
            values[name] = None
            continue
        count = draw(st.integers(0, 0 if deep else 2)) if is_list else 1
        drawn = [
            draw_object(draw, simplest(kinds) if deep else draw(st.sampled_from(kinds)), depth + 1)
            for _ in range(count)
        ]
        values[name] = drawn if is_list else drawn[0]
    return kind(**values)


@st.composite
def objects(draw, *kinds):
    return draw_object(draw, draw(st.sampled_from(kinds)))


def constructors(prefix):
    return [kind for name, kind in vars(types).items() if name.startswith(prefix)]


def plain_message(**fields):
    return types.Message(
        **{"id": 1, "peer_id": types.PeerChat(1), "date": None, "message": "", **fields}
    )


several = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)


def assert_archivable(message):
    """It can be written, with every field in its place."""
    assert FIELDS == list(orjson.loads(to_json(message)))


@several
@given(
    st.lists(objects(*constructors("MessageEntity")), max_size=8),
    objects(*constructors("MessageMedia")),
    objects(types.MessageReplyHeader, types.MessageReplyStoryHeader),
    objects(types.MessageFwdHeader),
    st.lists(objects(types.ReactionCount), max_size=4),
    PLAIN[datetime],
)
def test_whatever_hangs_on_a_message_it_can_be_archived(
    entities, media, reply_to, fwd_from, reactions, date
):
    raw = plain_message(
        date=date,
        entities=entities,
        media=media,
        reply_to=reply_to,
        fwd_from=fwd_from,
        reactions=types.MessageReactions(reactions),
    )

    message = map_message(raw, "@chat")

    assert_archivable(message)
    assert [len(entities), len(reactions)] == [len(message.entities), len(message.reactions)]


@several
@given(objects(*constructors("MessageAction")), PLAIN[datetime])
def test_whatever_happened_in_a_chat_can_be_archived(action, date):
    raw = types.MessageService(id=1, peer_id=types.PeerChat(1), date=date, action=action)

    message = map_message(raw, "@chat")

    assert_archivable(message)
    assert message.service["action"]


@several
@given(
    objects(
        types.messages.Messages,
        types.messages.MessagesSlice,
        types.messages.ChannelMessages,
        types.messages.MessagesNotModified,
    )
)
def test_whatever_a_page_holds_its_ids_ascend_and_its_people_wrote_in_it(answer):
    page = map_page(answer, "@chat")

    to_json(page)
    assert sorted({message.id for message in getattr(answer, "messages", [])}) == list(page.ids)
    assert sorted({message.id for message in page.messages}) == [each.id for each in page.messages]
    assert {person.id for person in page.people} <= {each.from_id for each in page.messages}


def test_a_type_that_telegram_adds_tomorrow_keeps_its_name_and_its_plain_fields():
    class MessageMediaHologram:
        def __init__(self):
            self.depth, self.title, self.inner = 3, "Cube", object()

    class MessageEntityUpsideDown:
        offset, length = 0, 2

    class MessageActionTeleport:
        def __init__(self):
            self.to, self.secret = types.PeerUser(5), b"key"

    date = datetime(2025, 11, 7, tzinfo=UTC)
    written = plain_message(
        date=date, media=MessageMediaHologram(), entities=[MessageEntityUpsideDown()]
    )
    done = types.MessageService(
        id=1, peer_id=types.PeerChat(1), date=date, action=MessageActionTeleport()
    )

    message = map_message(written, "@chat")

    assert {"type": "hologram", "depth": 3, "title": "Cube"} == message.media
    assert "upside_down" == message.entities[0].type
    assert {"action": "teleport", "to": 5} == map_message(done, "@chat").service
