"""No message that Telegram's schema allows can stop the worker: each becomes a line that keeps the archive's schema.

The objects are drawn from the constructors of Telethon's own classes by a generator with a seed, a thousand a second,
which hypothesis can't do. Half of them are as the schema says; of the others a field here and there holds what it never
should. A failure tells its seed, and what is left of the object when all that does not matter is taken away.
"""

import functools
import inspect
import math
import typing
from datetime import UTC, datetime, timedelta, timezone
from random import Random

import orjson
import pytest
from hypothesis import settings
from telethon.tl import types
from telethon.tl.alltlobjects import tlobjects
from telethon.tl.tlobject import TLObject

from tgworker.adapters.telegram.mapping import map_message, map_page
from tgworker.core.codec import to_json
from tgworker.core.schemas import validator

PROFILE = settings.default.max_examples // 40
"""How many times as much the chosen profile wants to see."""
OBJECTS = 20_000 * PROFILE
DEEP = 5
"""From this depth on only what is required is made, of the simplest constructors there are: the schema is circular."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAIN = {
    int: lambda rng: rng.choice((0, 1, 5, rng.getrandbits(31), -(2**63), 2**63 - 1, -1)),
    bool: lambda rng: rng.random() < 0.5,
    str: lambda rng: rng.choice(
        ("", "привет", "👨‍👩‍👧", "a\0\u2028b", "https://example.org/?q=ё")
    ),
    bytes: lambda rng: rng.randbytes(rng.randrange(4)),
    float: lambda rng: rng.uniform(-1e9, 1e9),
    datetime: lambda rng: EPOCH + timedelta(seconds=rng.randrange(-(2**31), 2**31)),
}
EASTERN, WESTERN = (timezone(timedelta(hours=hours)) for hours in (14, -12))
ODD = (
    *(None, True, -1, 0, 2**63, -(2**70), math.nan, math.inf, -math.inf, 1.5, "\ud83d", "\udc00a"),
    *(b"", b"\xff", [], [None], [5], ["\ud800"], {}, (), object(), datetime(1, 1, 1)),
    *(datetime.min.replace(tzinfo=EASTERN), datetime.max.replace(tzinfo=WESTERN)),
    *(types.PeerUser(None), types.PeerChannel("5"), types.TextWithEntities(None, None)),
)

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


def constructors(prefix):
    return [kind for name, kind in vars(types).items() if name.startswith(prefix)]


MEDIA, ACTIONS = constructors("MessageMedia"), constructors("MessageAction")
ENTITIES = constructors("MessageEntity")
ANSWERS = (
    types.messages.Messages,
    types.messages.MessagesSlice,
    types.messages.ChannelMessages,
    types.messages.MessagesNotModified,
)


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


@functools.cache
def height(kind, limit=8):
    """How deep the simplest object of this constructor is; `limit` for those that never end."""
    if kind in PLAIN or limit == 0:
        return 0
    needed = (kinds for _, kinds, is_list, required in parameters(kind) if required and not is_list)
    return 1 + max((min(height(each, limit - 1) for each in kinds) for kinds in needed), default=0)


simplest = functools.cache(lambda kinds: min(kinds, key=height))


def built(kind, values):
    """Telethon's messages look at their peers when they are made, and refuse those that they do not know."""
    if kind not in (types.Message, types.MessageService):
        return kind(**values)
    message = kind(id=1, peer_id=None)
    vars(message).update(values)
    return message


class Maker:
    """Makes objects, always the same for the same seed; a share of their fields is `odd`."""

    def __init__(self, seed, odd):
        self.rng = Random(seed)
        self.odd = odd

    def make(self, kind, depth=0, **given):
        """One object, with all that is required and some of what is optional."""
        if kind in PLAIN:
            return PLAIN[kind](self.rng)
        values = {}
        for name, kinds, is_list, required in parameters(kind):
            if name in given:
                values[name] = given[name]
            elif self.rng.random() < self.odd:
                values[name] = self.rng.choice(ODD)
            elif required or depth < DEEP and self.rng.random() < 0.3:
                values[name] = self._list(kinds, depth) if is_list else self._one(kinds, depth)
            else:
                values[name] = None
        return built(kind, values)

    def _one(self, kinds, depth):
        kind = simplest(kinds) if depth >= DEEP else self.rng.choice(kinds)
        return self.make(kind, depth + 1)

    def _list(self, kinds, depth):
        return [
            self._one(kinds, depth) for _ in range(0 if depth >= DEEP else self.rng.randrange(3))
        ]


def draw(kind, seed, **given):
    """An object of that seed, as the schema says if the seed is even. A message has an id, as all have."""
    maker = Maker(seed, odd=0.03 if seed % 2 else 0)
    given = {name: maker.make(each, 1) for name, each in given.items()}
    return maker.make(kind, id=1 + maker.rng.getrandbits(30), **given)


def fault_of(raw):
    """What is wrong with a message's line; None if all is well."""
    try:
        line = orjson.loads(to_json(map_message(raw, "@chat")))
    except Exception as error:
        return repr(error)
    told = {**(line["media"] or {}), **(line["service"] or {})}
    if None in told.values():
        return f"something is null that should have been left out: {told}"
    wrong = next(validator("message").iter_errors(line), None)
    return None if wrong is None else f"{wrong.instance_path}: {wrong.message}"


def reduced(raw):
    """The same message without all that its fault does not need."""
    for name, value in list(vars(raw).items()):
        if name not in ("id", "date", "peer_id", "action") and value is not None:
            setattr(raw, name, None)
            if fault_of(raw) is None:
                setattr(raw, name, value)
    return raw


def assert_archivable(raw, seed):
    fault = fault_of(raw)
    assert fault is None, f"seed {seed}: {fault}\n{reduced(raw)!r} {vars(raw)!r}"


def test_any_message_can_be_archived():
    """With each kind of media, and whatever else hangs on it."""
    for seed in range(OBJECTS * 6 // 10):
        assert_archivable(draw(types.Message, seed, media=MEDIA[seed // 2 % len(MEDIA)]), seed)


def test_whatever_happened_in_a_chat_can_be_archived():
    for seed in range(OBJECTS * 3 // 10):
        action = ACTIONS[seed // 2 % len(ACTIONS)]
        assert_archivable(draw(types.MessageService, seed, action=action), seed)


def test_whatever_an_answer_holds_its_ids_ascend_and_its_people_wrote_in_it():
    for seed in range(OBJECTS // 10):
        maker = Maker(seed, odd=0.03 if seed % 2 else 0)
        page = map_page(maker.make(ANSWERS[seed // 2 % len(ANSWERS)]), "@chat")

        ids = [message.id for message in page.messages]
        assert sorted(set(page.ids)) == list(page.ids), seed
        assert sorted(set(ids) & set(page.ids)) == ids, seed
        assert {person.id for person in page.people} <= {m.from_id for m in page.messages}, seed
        to_json(page)
        for message in page.messages:
            validator("message").validate(orjson.loads(to_json(message)))


@pytest.mark.parametrize("kind", ENTITIES)
def test_markup_of_each_kind_keeps_its_name_and_place(kind):
    """Nothing drawn is left out."""
    entities = [Maker(seed, odd=0).make(kind) for seed in range(20)]

    mapped = map_message(plain_message(entities=entities), "@chat").entities

    places = [(max(each.offset, 0), max(each.length, 0)) for each in entities]
    assert places == [(each.offset, each.length) for each in mapped]
    assert 1 == len({each.type for each in mapped})


def plain_message(**fields):
    plain = {"id": 1, "peer_id": types.PeerChat(1), "date": EPOCH, "message": ""}
    return built(types.Message, plain | fields)


class TestTomorrow:
    """Types that Telegram adds keep their names and their plain fields."""

    date = datetime(2025, 11, 7, tzinfo=UTC)

    def test_media_markup_reactions_replies_and_buttons(self):
        class MessageMediaHologram:
            def __init__(self):
                self.depth, self.title, self.inner, self.access_hash = 3, "Cube", object(), 5

        class MessageEntityUpsideDown:
            offset, length = 0, 2

        class MessageReplyDreamHeader:
            pass

        class ReactionSmell:
            pass

        class InlineButtonTypeTeleport:
            url = "https://example.org"

        row = types.KeyboardInlineButtonRow(
            [types.KeyboardInlineButton("Go", InlineButtonTypeTeleport())]
        )
        raw = plain_message(
            media=MessageMediaHologram(),
            entities=[MessageEntityUpsideDown()],
            reply_to=MessageReplyDreamHeader(),
            reactions=types.MessageReactions([types.ReactionCount(ReactionSmell(), 3)]),
            reply_markup=types.ReplyInlineMarkup([row]),
            from_id=ReactionSmell(),
        )

        line = orjson.loads(to_json(map_message(raw, "@chat")))

        validator("message").validate(line)
        assert {"type": "hologram", "depth": 3, "title": "Cube"} == line["media"]
        assert [{"type": "upside_down", "offset": 0, "length": 2}] == line["entities"]
        assert {"type": "dream_header"} == line["reply_from"]
        assert [{"count": 3}] == line["reactions"]
        button = {"type": "teleport", "text": "Go", "url": "https://example.org"}
        assert [button] == line["buttons"]
        assert line["from_id"] is None

    def test_what_happens_in_a_chat(self):
        class MessageActionTeleport:
            def __init__(self):
                self.to, self.secret = types.PeerUser(5), b"key"

        raw = types.MessageService(
            id=1, peer_id=types.PeerChat(1), date=self.date, action=MessageActionTeleport()
        )

        assert {"action": "teleport", "to": 5} == map_message(raw, "@chat").service

    def test_a_kind_of_message(self):
        class MessageTelepathic:
            def __init__(self):
                self.id, self.date, self.message = 7, TestTomorrow.date, "hm"
                self.from_id, self.strength = types.PeerUser(5), 3

        answer = types.messages.Messages([MessageTelepathic()], [], [], [])
        (message,) = map_page(answer, "@chat").messages

        assert (7, self.date, 5, "hm") == (message.id, message.date, message.from_id, message.text)
        assert {"action": "message_telepathic", "strength": 3} == message.service
