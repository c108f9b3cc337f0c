"""Pages of messages with everyone they name, made fast.

A message is serialised once and its bytes kept, so that a second reading of a history costs next to nothing. Telethon's
answers are built over such pieces as if they were TL objects: all a list of messages asks of its elements is
``_bytes()``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

from attrs import frozen
from telethon.tl import types

from tgworker.core.model import ChatType
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.model import Outsider, WorldUser
from tgworker.simulator.world.tl import message_tl, peers_of
from tgworker.simulator.world.tl_people import chat_tl, outsider_tl, user_tl
from tgworker.simulator.world.tl_plain import peer_tl

KEPT_PIECES = 200_000
"""So many serialised messages are kept over all chats; some 400 bytes each."""


@frozen
class Piece:
    """A message that is serialised already. ``peers`` are the marked ids of whom it names."""

    id: int
    peer_id: Any
    data: bytes
    peers: frozenset[int]

    def _bytes(self) -> bytes:
        return self.data


class Pages:
    """Makes answers that hold messages of a world."""

    def __init__(self, world: World, *, keep: int = KEPT_PIECES) -> None:
        """`keep`: how many serialised messages."""
        self._world = world
        self._keep = keep
        self._pieces: OrderedDict[tuple[int, int, int], Piece] = OrderedDict()
        """By chat, its count of changes (what is stale is never asked for again), and message."""
        self._users: dict[int, Any] = {}

    def history(
        self,
        chat: WorldChat,
        places: Sequence[int],
        *,
        count: int | None = None,
        offset: int | None = None,
    ) -> Any:
        """The messages at those places of the history, in that order, as the answer of a method.

        `count` is how many there are in all; by default, as many as the history holds. `offset` is how many of them are
        above the request's offset.
        """
        pieces = [self._piece(chat, place) for place in places]
        return self.answer(chat, pieces, len(chat.history) if count is None else count, offset)

    def by_id(self, chat: WorldChat, ids: Iterable[int]) -> Any:
        """The messages with those ids; a ``messageEmpty`` for each that is not there."""
        messages: list[Any] = []
        for id in ids:
            place = chat.history.place(id)
            messages.append(
                types.MessageEmpty(id, None) if place is None else self._piece(chat, place)
            )
        return self.answer(chat, messages, len(messages))

    def answer(
        self, chat: WorldChat, messages: list[Any], count: int, offset: int | None = None
    ) -> Any:
        """Channels and groups answer with different types; a group says "slice" unless it gave all."""
        chats, users = self.named_in(messages, [chat])
        if chat.type is not ChatType.GROUP:
            pts = chat.history.next_id() + chat.changed
            return types.messages.ChannelMessages(
                pts, count, messages, [], chats, users, offset_id_offset=offset
            )
        if count > len(messages):
            return types.messages.MessagesSlice(
                count, messages, [], chats, users, offset_id_offset=offset
            )
        return types.messages.Messages(messages, [], chats, users)

    def newest(self, chat: WorldChat) -> Piece | None:
        """The newest message, if there is any."""
        return self._piece(chat, len(chat.history) - 1) if len(chat.history) else None

    def named_in(
        self, messages: Iterable[Any], chats: Iterable[WorldChat]
    ) -> tuple[list[Any], list[Any]]:
        """TL objects of the chats and of the users whom these messages name, and of `chats`."""
        ids = {chat.marked_id for chat in chats}
        for message in messages:
            if isinstance(message, Piece):
                ids |= message.peers
        return (
            [self._chat(id) for id in sorted(ids) if id < 0],
            [self._user(id) for id in sorted(ids) if id > 0 and self._world.user(id) is not None],
        )

    def chat(self, chat: WorldChat | Outsider) -> Any:
        """The chat as TL, as it is now."""
        if isinstance(chat, Outsider):
            return outsider_tl(chat)
        return chat_tl(chat, members=len(self._world.people.users) + 1)

    def user(self, user: WorldUser) -> Any:
        """The user as TL."""
        return self._user(user.id)

    def _chat(self, id: int) -> Any:
        outsider = self._world.outsider(id)
        return self.chat(outsider if outsider is not None else self._world.chat(id))

    def _user(self, id: int) -> Any:
        if id not in self._users:
            user = self._world.user(id)
            assert user is not None
            self._users[id] = user_tl(user, is_self=user is self._world.account)
        return self._users[id]

    def _piece(self, chat: WorldChat, place: int) -> Piece:
        key = (chat.marked_id, chat.changed, chat.history.ids[place])
        piece = self._pieces.get(key)
        if piece is None:
            if len(self._pieces) >= self._keep:
                self._pieces.popitem(last=False)
            piece = self._pieces[key] = self._make_piece(chat, place)
        return piece

    def _make_piece(self, chat: WorldChat, place: int) -> Piece:
        message = chat.history.at(place)
        linked = None if chat.discussion is None else chat.discussion.id
        tl = message_tl(message, chat_id=chat.marked_id, type=chat.type, linked_id=linked)
        return Piece(message.id, peer_tl(chat.marked_id), bytes(tl), peers_of(message))
