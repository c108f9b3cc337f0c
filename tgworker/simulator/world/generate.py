"""What is in each message of a chat, made from the seed when somebody asks.

A message depends on the world's seed, its chat's key and its own id, so any message can be made alone,
in any order, and twice the same. How messages hang together (who answers whom, who sent an album) is
drawn by `mix`, which costs little: the threads of a chat are known without making its messages.
"""

from __future__ import annotations

from array import array
from functools import cached_property
from random import Random

from tgworker.core.model import ChatType
from tgworker.simulator.world.actions import Scene, any_action, creation, topic_creation
from tgworker.simulator.world.draws import derive, mix, pick
from tgworker.simulator.world.medias import Named, album_media, any_buttons, any_media
from tgworker.simulator.world.model import (
    Action,
    Reply,
    WorldForward,
    WorldMessage,
    WorldQuote,
    WorldReaction,
    WorldUser,
)
from tgworker.simulator.world.people import People
from tgworker.simulator.world.skeleton import Skeleton
from tgworker.simulator.world.spec import ChatSpec
from tgworker.simulator.world.texts import plain_text, rich_text

_SERVICE_SHARE = 0.03
_TOPIC_TITLES = ("Флуд", "Вакансии 💼", "Help", "Новости", "Офтоп")
_TOPIC_SPACING = 40
_EMOJI = ("👍", "❤", "🔥", "🤷‍♂", "😁")


class Generator:
    """Makes the messages of one chat; `chat_id` is marked."""

    def __init__(
        self, spec: ChatSpec, *, seed: int, chat_id: int, people: People, skeleton: Skeleton
    ) -> None:
        self._spec = spec
        self._chat_id = chat_id
        self._people = people
        self._albums = skeleton.albums
        self._ids = skeleton.ids
        self._base = derive(seed, spec.key, "messages")
        self._channel = spec.type is ChatType.CHANNEL
        self._signed = self._channel and bool(self._base & 1)
        self._reply_share = 0.05 if self._channel else 0.3
        self._existing = frozenset(skeleton.ids) if not spec.plain else frozenset()
        self.topics = self._make_topics() if spec.type is ChatType.FORUM else {}
        """Titles of the forum's topics by the id that opened them; the general topic is not among them."""

    @cached_property
    def threads(self) -> dict[int, array[int]]:
        """Ids of the answers below a message (supergroup) or inside a topic (forum), by its id."""
        threads: dict[int, array[int]] = {}
        if self._spec.plain or self._spec.type not in (ChatType.SUPERGROUP, ChatType.FORUM):
            return threads
        for id in self._ids:
            root = self._topic(id) if self.topics else self._root(id)
            if root is not None and root != id:
                threads.setdefault(root, array("q")).append(id)
        return threads

    def message(self, id: int, date: int) -> WorldMessage:
        """The message with that id; `date` is what the skeleton says."""
        if self._spec.plain:
            return self._plain(id, date)
        rng = Random(self._base + id)
        if (action := self._action(rng, id, date)) is not None:
            return self._service(rng, id, date, action)
        return self._ordinary(rng, id, date)

    def _plain(self, id: int, date: int) -> WorldMessage:
        """Without a generator: there may be a hundred thousand of these in a day."""
        draw = mix(self._base + id)
        text = plain_text(draw >> 16)
        if self._channel:
            return WorldMessage(id, date, None, text, views=1 + draw % 10**6, forwards=draw % 1000)
        return WorldMessage(id, date, self._people.users[draw % len(self._people.users)].id, text)

    def _service(self, rng: Random, id: int, date: int, action: Action) -> WorldMessage:
        sender = None if self._channel else self._sender(rng, id).id
        reply = None
        if action.type == "pin_message" and id > 2:
            reply = Reply(msg_id=rng.randrange(1, id))
        return WorldMessage(id, date, sender, reply=reply, action=action)

    def _ordinary(self, rng: Random, id: int, date: int) -> WorldMessage:
        users = self._people.users
        sender, author = self._signature(rng, id)
        album = self._albums.get(id)
        text, entities = rich_text(rng, users, date)
        media = None
        if album is not None:
            media = album_media(rng)
        elif rng.random() < 0.25:
            media = any_media(rng, self._named(rng))
        if media is not None and rng.random() < 0.6:
            text, entities = "", ()
        edit_date, edit_hide = self._edit(rng, date)
        return WorldMessage(
            id,
            date,
            sender,
            text,
            entities,
            reply=self._reply(rng, id, date),
            replies_count=self._replies_count(rng, id),
            views=rng.randrange(1, 10**6) if self._channel else None,
            forwards=rng.randrange(10**4) if self._channel else None,
            edit_date=edit_date,
            edit_hide=edit_hide,
            reactions=self._reactions(rng) if rng.random() < 0.2 else None,
            media=media,
            forward=self._forward(rng, date) if rng.random() < 0.08 else None,
            grouped_id=None if album is None else mix(self._base ^ album) >> 2,
            via_bot_id=pick(rng, self._people.bots).id if rng.random() < 0.03 else None,
            post_author=author,
            pinned=rng.random() < 0.01,
            buttons=any_buttons(rng) if rng.random() < 0.02 else (),
        )

    def _action(self, rng: Random, id: int, date: int) -> Action | None:
        scene = Scene(self._chat_id, self._spec.type, self._spec.title, date, self._people)
        if id == self._ids[0]:
            return creation(scene)
        if id in self.topics:
            return topic_creation(rng, self.topics[id])
        return any_action(rng, scene) if self._is_service(id) else None

    def _is_service(self, id: int) -> bool:
        if id == self._ids[0] or id in self.topics:
            return True
        return id not in self._albums and mix(self._base + id) & 0xFFFF < _SERVICE_SHARE * 0x10000

    def _sender(self, rng: Random, id: int) -> WorldUser:
        """Few people write most. The whole album is of one sender."""
        if (album := self._albums.get(id)) is not None:
            rng = Random(self._base ^ album)
        users = self._people.users
        return users[int(rng.random() * rng.random() * len(users))]

    def _signature(self, rng: Random, id: int) -> tuple[int | None, str | None]:
        """The sender, and the signature under the message: of a channel's author, or of an anonymous admin."""
        user = self._sender(rng, id)
        if self._channel:
            return None, (f"{user.first_name} ✍️" if self._signed else None)
        if id not in self._albums and self._spec.type is not ChatType.GROUP:
            if rng.random() < 0.03:
                return self._chat_id, pick(rng, (None, "админ"))
            if rng.random() < 0.02:
                return pick(rng, self._people.outsiders).id, None
        return user.id, None

    def _answered(self, id: int) -> int | None:
        """The id that a message answers, mostly a near one. It may be one that has been deleted."""
        if self._is_service(id) or self._albums.get(id, id) != id:
            return None
        draw = mix(self._base + id)
        if (draw >> 16 & 0xFFFF) >= self._reply_share * 0x10000:
            return None
        reach = (20, 20, 20, 300, id)[(draw >> 32) % 5]
        target = id - 1 - (draw >> 36) % reach
        return target if target >= 1 else None

    def _root(self, id: int) -> int | None:
        """Where the chain of answers above a message begins; None if it answers nothing."""
        target = self._answered(id)
        while target is not None and target in self._existing:
            above = self._answered(target)
            if above is None:
                break
            target = above
        return target

    def _topic(self, id: int) -> int | None:
        """The topic a message of a forum is in: that of what it answers, else any. None is the general one."""
        root = self._root(id)
        start = root if root is not None and root in self._existing else id
        if start in self.topics:
            return start
        opened = [topic for topic in self.topics if topic < start]
        place = (mix(self._base - start) >> 8) % (len(opened) + 1)
        return opened[place] if place < len(opened) and not self._is_service(start) else None

    def _make_topics(self) -> dict[int, str]:
        places = range(1, len(self._ids), _TOPIC_SPACING)
        ids = (self._ids[place] for place in places if self._ids[place] not in self._albums)
        return dict(zip(ids, _TOPIC_TITLES, strict=False))

    def _reply(self, rng: Random, id: int, date: int) -> Reply | None:
        target = self._answered(id)
        topic = self._topic(id) if self.topics else None
        if topic is not None:
            if target is None:
                return Reply(msg_id=topic, topic=True)
            if target == topic:
                return Reply(msg_id=topic, topic=True, quote=self._quote(rng, date))
            if rng.random() < 0.05:
                return self._answer_elsewhere(rng, date, topic)
            return Reply(msg_id=target, top_id=topic, topic=True, quote=self._quote(rng, date))
        if target is None:
            return self._unusual_reply(rng, date)
        quote = self._quote(rng, date)
        root = self._root(id) if self._spec.type is ChatType.SUPERGROUP else None
        return Reply(msg_id=target, top_id=root if root != target else None, quote=quote)

    def _quote(self, rng: Random, date: int) -> WorldQuote | None:
        if rng.random() >= 0.1:
            return None
        text, entities = rich_text(rng, self._people.users, date)
        return WorldQuote(text, entities, offset=rng.randrange(100))

    def _unusual_reply(self, rng: Random, date: int) -> Reply | None:
        draw = rng.random()
        if draw < 0.01:
            return self._answer_elsewhere(rng, date, None)
        if draw < 0.015:
            return Reply(story=(pick(rng, self._people.users).id, 1 + rng.randrange(99)))
        return None

    def _named(self, rng: Random) -> Named:
        people = self._people
        return Named(pick(rng, people.users), tuple(each.id for each in people.outsiders))

    def _answer_elsewhere(self, rng: Random, date: int, topic: int | None) -> Reply:
        """To a message of a channel, or of a chat that is not named; maybe from inside a topic."""
        hidden = rng.random() < 0.3
        return Reply(
            msg_id=None if hidden else 1 + rng.randrange(1000),
            top_id=topic,
            topic=topic is not None,
            other_chat=None if hidden else pick(rng, self._people.outsiders).id,
            origin=self._forward(rng, date),
            media=any_media(rng, self._named(rng)) if rng.random() < 0.3 else None,
            quote=self._quote(rng, date) if hidden else None,
        )

    def _replies_count(self, rng: Random, id: int) -> int | None:
        if self._channel:
            return rng.randrange(500) if self._base & 2 else None
        if self._spec.type is ChatType.SUPERGROUP and id in self.threads:
            return len(self.threads[id])
        return 0 if self._spec.type is ChatType.SUPERGROUP and rng.random() < 0.5 else None

    def _edit(self, rng: Random, date: int) -> tuple[int | None, bool]:
        if rng.random() >= 0.08:
            return None, False
        return date + 1 + int(rng.random() ** 4 * 86_400), rng.random() < 0.3

    def _reactions(self, rng: Random) -> tuple[WorldReaction, ...]:
        """As Telegram sends them, the paid one first; a message whose reactions were taken back has an empty list."""
        paid = [WorldReaction(1 + rng.randrange(99))] if rng.random() < 0.1 else []
        custom = []
        if rng.random() < 0.2:
            custom = [WorldReaction(1, document_id=rng.getrandbits(62) + 1)]
        emoji = [
            WorldReaction(1 + rng.randrange(50), emoji=emoji)
            for emoji in rng.sample(_EMOJI, rng.randrange(4))
        ]
        return (*paid, *emoji, *custom)

    def _forward(self, rng: Random, date: int) -> WorldForward:
        then = date - rng.randrange(10**7)
        kind = rng.randrange(3)
        if kind == 0:
            return WorldForward(then, from_id=pick(rng, self._people.users).id)
        if kind == 1:
            return WorldForward(then, from_name="Скрытый 👻")
        author = "Редактор" if rng.random() < 0.5 else None
        return WorldForward(
            then,
            from_id=pick(rng, self._people.outsiders).id,
            channel_post=1 + rng.randrange(10**5),
            post_author=author,
        )
