"""Chats that are not made from a seed but come from somewhere else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from attrs import frozen

from tgworker.simulator.world.model import Outsider, WorldMessage, WorldUser
from tgworker.simulator.world.skeleton import Skeleton
from tgworker.simulator.world.spec import ChatSpec


class Source(Protocol):
    """What is in the messages of one chat; which there are, its skeleton says."""

    @property
    def topics(self) -> Mapping[int, str]:
        """Titles of the forum's topics by the id that opened them; the general topic is not among them."""
        ...

    @property
    def threads(self) -> Mapping[int, Sequence[int]]:
        """Ids of the answers below a message (supergroup) or inside a topic (forum), by its id."""
        ...

    def message(self, id: int, date: int) -> WorldMessage:
        """The message with that id; `date` is what the skeleton says. Twice asked, twice the same."""
        ...


@frozen
class ImportedChat:
    """One chat. Its spec has an id; how many messages a day has, the skeleton says."""

    spec: ChatSpec
    skeleton: Skeleton
    source: Source


@frozen
class Imports:
    """Chats, and everybody whom their messages name. Of people whom the world knows, the world's own are taken."""

    chats: tuple[ImportedChat, ...] = ()
    users: tuple[WorldUser, ...] = ()
    outsiders: tuple[Outsider, ...] = ()
