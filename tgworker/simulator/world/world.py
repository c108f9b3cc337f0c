"""The world: its chats and people, what changes in it, and what an archive of it must hold.

Everything can be changed while a server runs over it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any

from attrs import evolve

from tgworker.core.model import CHANNEL_MARK, ChatType
from tgworker.simulator.world.draws import access_hash, derive
from tgworker.simulator.world.generate import Generator
from tgworker.simulator.world.history import History
from tgworker.simulator.world.imports import ImportedChat, Imports
from tgworker.simulator.world.kinship import tell_comments, tell_migration
from tgworker.simulator.world.model import Outsider, SentMessage, WorldMessage, WorldUser
from tgworker.simulator.world.people import People, make_people
from tgworker.simulator.world.skeleton import build_skeleton
from tgworker.simulator.world.spec import ChatSpec, SpecError, WorldSpec
from tgworker.simulator.world.truth import message_truth


class WorldChat:
    """One chat. ``id`` is bare, ``marked_id`` is marked; its messages are made when first looked at.

    ``changed`` counts edits and deletions, so that whoever keeps serialised messages knows when they are stale.
    """

    def __init__(
        self,
        spec: ChatSpec,
        world: WorldSpec,
        people: People,
        imported: ImportedChat | None = None,
    ) -> None:
        self.spec = spec
        self.type = spec.type
        self.title = spec.title
        self.username = spec.username
        self.private = False
        self.id = spec.id if spec.id is not None else _bare_id(spec, world.seed)
        self.marked_id = -self.id if spec.type is ChatType.GROUP else CHANNEL_MARK - self.id
        self.access_hash = access_hash(world.seed, self.id)
        self.changed = 0
        self.discussion: WorldChat | None = None
        """The group where comments on this channel's posts are written."""
        self.discusses: WorldChat | None = None
        """The channel whose posts are commented on in this group."""
        self.predecessor: WorldChat | None = None
        """The basic group that became this supergroup."""
        self.successor: WorldChat | None = None
        """The supergroup that this basic group became."""
        self._world = world
        self._people = people
        self._imported = imported

    @property
    def imported(self) -> bool:
        """Not made from the seed."""
        return self._imported is not None

    @property
    def label(self) -> str:
        """What the archive calls the chat."""
        return f"@{self.username.lower()}" if self.username is not None else str(self.marked_id)

    @cached_property
    def history(self) -> History:
        if self._imported is not None:
            return History(self._imported.skeleton, self._imported.source)
        skeleton = build_skeleton(self.spec, seed=self._world.seed, now=self._world.now)
        generator = Generator(
            self.spec,
            seed=self._world.seed,
            chat_id=self.marked_id,
            people=self._people,
            skeleton=skeleton,
        )
        return History(skeleton, generator)


class World:
    """All of it: what the spec says, and chats from elsewhere.

    A chat is named by its username (any case, with or without ``@``), marked id or bare id.

    Raises:
        SpecError: two chats get the same id or username.
        KeyError: from every method that is given a chat that does not exist.
    """

    def __init__(self, spec: WorldSpec, imports: Imports = Imports()) -> None:
        self.spec = spec
        self.people = make_people(spec)
        self.sent: list[SentMessage] = []
        """What the account has written, oldest first."""
        self.chats = (
            *(WorldChat(chat, spec, self.people) for chat in spec.chats),
            *(WorldChat(chat.spec, spec, self.people, chat) for chat in imports.chats),
        )
        self._users = {user.id: user for user in (*self.people.users, *self.people.bots)}
        self._users[self.account.id] = self.account
        self._outsiders = {outsider.id: outsider for outsider in self.people.outsiders}
        self._by_id = {chat.marked_id: chat for chat in self.chats}
        if len(self._by_id) < len(self.chats):
            raise SpecError(("$.chats two of them have the same id",))
        names = [chat.username.lower() for chat in self.chats if chat.username is not None]
        if len(set(names)) < len(names):
            raise SpecError(("$.chats two of them have the same username",))
        for user in imports.users:
            self._users.setdefault(user.id, user)
        for outsider in imports.outsiders:
            if outsider.id not in self._by_id:
                self._outsiders.setdefault(outsider.id, outsider)
        self._join_families()

    def _join_families(self) -> None:
        for chat in self.chats:
            if chat.spec.comments is not None:
                chat.discussion = self.chat(chat.spec.comments)
                chat.discussion.discusses = chat
                tell_comments(chat.marked_id, chat.history, chat.discussion.history)
            if chat.spec.migrated_from is not None:
                chat.predecessor = before = self.chat(-chat.spec.migrated_from)
                before.successor = chat
                if not chat.imported:  # what is imported tells of it already
                    tell_migration(before.id, before.history, chat.id, chat.history)

    @property
    def account(self) -> WorldUser:
        """Who is signed in."""
        return self.people.account

    def chat(self, name: str | int) -> WorldChat:
        """The chat of that name."""
        found = self.chat_by_id(name) if isinstance(name, int) else self.chat_by_username(name)
        if found is None and isinstance(name, str) and name.lstrip("-").isdecimal():
            found = self.chat_by_id(int(name))
        if found is None:
            raise KeyError(name)
        return found

    def chat_by_username(self, username: str) -> WorldChat | None:
        wanted = username.removeprefix("@").lower()
        return next((c for c in self.chats if c.username and c.username.lower() == wanted), None)

    def chat_by_id(self, id: int) -> WorldChat | None:
        """By marked id, or by the bare one."""
        found = self._by_id.get(id)
        return found or self._by_id.get(CHANNEL_MARK - id) or self._by_id.get(-id)

    def user(self, id: int) -> WorldUser | None:
        return self._users.get(id)

    def user_by_username(self, username: str) -> WorldUser | None:
        wanted = username.removeprefix("@").lower()
        return next(
            (u for u in self._users.values() if (u.shown_username or "").lower() == wanted), None
        )

    def outsider(self, id: int) -> Outsider | None:
        """A channel of another world, by marked id."""
        return self._outsiders.get(id)

    def days(self, chat: str | int) -> list[date]:
        """Every UTC day from the chat's first to its last, those without messages too."""
        found = self.chat(chat)
        dates = found.history.dates
        written = [datetime.fromtimestamp(edge, UTC).date() for edge in (*dates[:1], *dates[-1:])]
        first = min([found.spec.first, *written])
        last = max([found.spec.last, *written])
        return [first + timedelta(days=number) for number in range((last - first).days + 1)]

    def truth(self, chat: str | int, day: date) -> list[dict[str, Any]]:
        """The messages that the archive of that UTC day must hold, JSON-ready, ascending by id."""
        return list(self.iter_truth(chat, day))

    def iter_truth(self, chat: str | int, day: date) -> Iterator[dict[str, Any]]:
        """The same one by one, for days that are too big for a list."""
        found = self.chat(chat)
        return (message_truth(message, found.label) for message in found.history.on(day))

    def people_truth(self, chat: str | int, day: date) -> list[dict[str, Any]]:
        """The participants that the archive of that UTC day must name, ascending by id."""
        history = self.chat(chat).history
        counts = Counter(m.sender for m in history.on(day) if m.sender is not None)
        return [{"id": id, **self._person(id), "messages": counts[id]} for id in sorted(counts)]

    def _person(self, id: int) -> dict[str, Any]:
        if (user := self.user(id)) is not None:
            name = f"{user.first_name or ''} {user.last_name or ''}".strip()
            return {"username": user.shown_username, "name": name, "bot": user.bot}
        chat = self._by_id.get(id) or self._outsiders[id]
        return {"username": chat.username, "name": chat.title, "bot": False}

    def send(
        self, label: str, chat: WorldChat | None, text: str, when: datetime, *, key: int
    ) -> int:
        """The account writes a text, into a private chat if `chat` is None; the new message's id."""
        id = len(self.sent) + 1
        if chat is not None:
            newest = chat.history.dates[-1] if len(chat.history) else 0
            when = max(when, datetime.fromtimestamp(newest, UTC))
            id = self.post(chat.marked_id, text, when, sender=self.account.id)
        self.sent.append(SentMessage(label, text, key, id))
        return id

    def post(self, chat: str | int, text: str, when: datetime, *, sender: int | None = None) -> int:
        """Post a text after all others, as `sender`, or somebody; the new message's id.

        Raises:
            ValueError: `when` lies before the newest message.
        """
        found = self.chat(chat)
        if sender is None and found.type is not ChatType.CHANNEL:
            sender = self.people.users[0].id
        message = WorldMessage(found.history.next_id(), int(when.timestamp()), sender, text)
        found.history.append(message)
        return message.id

    def edit(self, chat: str | int, id: int, text: str, *, when: datetime | None = None) -> None:
        """Give a message another text without markup, and a time of edit (default: a minute after its date).

        Raises:
            KeyError: there is no such message.
            ValueError: it is a service message, which has no text.
        """
        found = self.chat(chat)
        message = found.history.find(id)
        if message is None:
            raise KeyError(id)
        if message.action is not None:
            raise ValueError("a service message can't be edited")
        edited = message.date + 60 if when is None else int(when.timestamp())
        found.history.replace(
            evolve(message, text=text, entities=(), edit_date=edited, edit_hide=False)
        )
        found.changed += 1

    def delete(self, chat: str | int, ids: Iterable[int]) -> None:
        """Delete messages; ids that are gone already do not matter."""
        found = self.chat(chat)
        found.history.remove(ids)
        found.changed += 1

    def rename(self, chat: str | int, username: str | None, title: str | None = None) -> None:
        """Give the chat another username, or none; and another title, if one is given."""
        found = self.chat(chat)
        found.username = username
        found.title = title or found.title

    def make_private(self, chat: str | int) -> None:
        """Throw the account out of the chat: from now on it can't be read."""
        self.chat(chat).private = True


def _bare_id(spec: ChatSpec, seed: int) -> int:
    """For a channel; basic groups have no username, so their ids are given."""
    return 1_000_000_000 + derive(seed, spec.key, "id") % 900_000_000
