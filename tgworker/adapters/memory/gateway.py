"""A Telegram in memory: the twin of the Gateway port, for tests that need no wire."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence

import trio
from attrs import define, evolve, field

from tgworker.core.account import Account, Dialog, DialogPage, DialogPlace
from tgworker.core.message import Message
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery, Page, Person, Relatives
from tgworker.errors import ChatUnavailableError, TgworkerError
from tgworker.ports import Carrier, at_once

PAGE_LIMIT = 100
ME, RESOLVE, DIALOGS = "users.getUsers", "contacts.resolveUsername", "messages.getDialogs"


@define
class MemoryGateway:
    """Answers from lists of messages (ascending by id) by Telegram's offset rule.

    Each request takes the next of `stumbles` first, and raises it unless it is None. `requests` keeps what was
    asked, a resolve as its ref, a question for relatives as the chat, a message as its
    text; what it knows of ``kin`` is asked for once.
    `known` are the chats that it has met before; to find another one takes the requests named in
    `lookups`. Messages that are `hidden` are counted, but not given.
    """

    histories: dict[Chat, Sequence[Message]]
    people: Mapping[int, Person] = field(factory=dict)
    stumbles: list[TgworkerError | None] = field(factory=list)
    requests: list[ChatRef | Chat | HistoryQuery | str] = field(factory=list)
    kin: dict[Chat, Relatives] = field(factory=dict)
    known_kin: set[Chat] = field(factory=set)
    known: dict[ChatRef, Chat] = field(factory=dict)
    lookups: Sequence[str] = ()
    hidden: set[int] = field(factory=set)
    tells_positions: bool = True
    account: Account = Account(1, "Archivist")
    said: dict[int, tuple[str, str]] = field(factory=dict)
    """What was written into which chat, by its key."""

    def recall(self, ref: ChatRef) -> Chat | None:
        return self.known.get(ref)

    def recall_relatives(self, chat: Chat) -> Relatives | None:
        asks = chat.type not in (ChatType.GROUP, ChatType.USER) and chat not in self.known_kin
        return None if asks else self.kin.get(chat, Relatives())

    async def resolve(self, ref: ChatRef, carry: Carrier = at_once) -> Chat:
        for method in self.lookups or (RESOLVE if ref.username else DIALOGS,):
            await carry(method, lambda: self._ask(ref))
        for chat in self.histories:
            if ref.id == chat.id or (ref.username is not None and ref.username == chat.username):
                return chat
        raise ChatUnavailableError(f"There is no {ref}.", error_type="username_not_occupied")

    async def relatives(self, chat: Chat) -> Relatives:
        if (told := self.recall_relatives(chat)) is not None:
            return told
        await self._ask(chat)
        self.known_kin.add(chat)
        return self.kin.get(chat, Relatives())

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        await self._ask(query)
        history = [m for m in self.histories[chat] if m.id not in self.hidden]
        found = _select(history, query)
        writers = sorted({m.from_id for m in found if m.from_id is not None})
        return Page(
            tuple(message.id for message in found),
            tuple(evolve(message, chat=chat.label) for message in found),
            tuple(self.people[id] for id in writers if id in self.people),
            len(self.histories[chat]),
            self._position(chat, query),
        )

    async def me(self) -> Account:
        await self._ask(ME)
        return self.account

    async def dialogs(self, after: DialogPlace | None = None) -> DialogPage:
        """One page with all of them."""
        await self._ask(DIALOGS)
        dialogs = tuple(Dialog(chat, readable=True) for chat in self.histories)
        return DialogPage(dialogs, None, len(dialogs))

    def _position(self, chat: Chat, query: HistoryQuery) -> int | None:
        if not self.tells_positions or (not query.offset_id and query.offset_date is None):
            return None
        history = self.histories[chat]
        return len(history) - _place(history, query)

    async def say(self, chat: Chat, text: str, key: int) -> None:
        await self._ask(text)
        self.said.setdefault(key, (chat.label, text))

    async def _ask(self, request: ChatRef | Chat | HistoryQuery | str) -> None:
        await trio.lowlevel.checkpoint()
        self.requests.append(request)
        stumble = self.stumbles.pop(0) if self.stumbles else None
        if stumble is not None:
            raise stumble


def _select(history: Sequence[Message], query: HistoryQuery) -> Sequence[Message]:
    newest = _place(history, query) - query.add_offset
    limit = min(query.limit, PAGE_LIMIT)
    window = history[max(0, newest - limit) : max(0, newest)]
    return [message for message in window if message.id > query.min_id]


def _place(history: Sequence[Message], query: HistoryQuery) -> int:
    """How many messages are older than the query's offset."""
    if query.offset_id:
        return bisect.bisect_left(history, query.offset_id, key=lambda m: m.id)
    if query.offset_date is not None:
        return bisect.bisect_left(history, query.offset_date, key=lambda m: m.date)
    return len(history)
