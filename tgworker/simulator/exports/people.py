"""Everybody an export names. It has ids of those who write, but only names of those who are written about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from attrs import evolve

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world.draws import access_hash, derive
from tgworker.simulator.world.model import Outsider, WorldUser

_PEER = re.compile(r"(user|chat|channel)([0-9]{1,12})")
_OLD_USERS, _OLD_CHATS, _OLD_END = 1 << 32, 2 << 32, 3 << 32
_INVENTED = 100_000_000_000
"""Invented ids lie from here on: above Telegram's own, which have ten digits."""


class Directory:
    """Users and other chats by marked id. Who is met without a name is a deleted account until a name is met."""

    def __init__(self) -> None:
        self._users: dict[int, WorldUser] = {}
        self._outsiders: dict[int, Outsider] = {}
        self._by_name: dict[str, int] = {}
        self._invented: dict[int, WorldUser] = {}

    def users(self) -> Iterable[WorldUser]:
        """All of them, with those that had to be invented."""
        return (self._invented | self._users).values()

    def outsiders(self) -> Iterable[Outsider]:
        return self._outsiders.values()

    def meet(self, peer: Any, name: Any) -> int | None:
        """Somebody who has an id; gives it marked. None if it can't be read."""
        id = marked_id(peer)
        if id is None:
            return None
        name = name if isinstance(name, str) and name else None
        if id < 0:
            known = self._outsiders.get(id)
            if known is None or (name and not known.title):
                self._outsiders[id] = Outsider(id, access_hash(0, id), name or "")
        elif id not in self._users or (name and self._users[id].deleted):
            self._users[id] = _user(id, name)
            if name:
                self._by_name.setdefault(name, id)
        return id

    def named(self, name: Any) -> int:
        """Somebody of whom an export has the name alone: whoever else bears it, else somebody invented."""
        name = name if isinstance(name, str) else ""
        if name in self._by_name:
            return self._by_name[name]
        id = _INVENTED + derive("export", "user", name) % _INVENTED
        self._invented[id] = _user(id, name or None)
        return id

    def bot(self, username: str) -> int:
        """A bot, by its username."""
        username = username.removeprefix("@")
        id = _INVENTED + derive("export", "bot", username.lower()) % _INVENTED
        self._invented[id] = evolve(_user(id, username), username=username, bot=True)
        return id


def marked_id(peer: Any) -> int | None:
    """``user1``, ``chat1`` or ``channel1`` as a marked id.

    Exports from before 2021 have numbers: 32 bits of id, and above them what it is. Groups and channels were not told
    apart there; who writes in the name of a chat is a channel.
    """
    if isinstance(peer, str) and (found := _PEER.fullmatch(peer)):
        id = int(found[2])
        marked = {"user": id, "chat": -id, "channel": CHANNEL_MARK - id}[found[1]]
        return marked if id else None
    if not isinstance(peer, int) or isinstance(peer, bool) or not 0 < peer < _OLD_END:
        return None
    id = peer % _OLD_USERS
    return CHANNEL_MARK - id if peer > _OLD_CHATS else id or None


def _user(id: int, name: str | None) -> WorldUser:
    return WorldUser(id, access_hash(0, id), first_name=name, deleted=name is None)
