"""The chats this account has met, found without asking Telegram."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog
import trio
from telethon.tl import types

from tgworker.adapters.telegram.people import entity_id, map_chat
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.session import KnownChat, KnownRelatives, TelegramSession
from tgworker.core.model import CHANNEL_MARK, Chat, ChatRef, ChatType, Relatives

T = TypeVar("T")

_log = structlog.get_logger()


class KnownChats:
    """What the session remembers, at hand in memory; what is learned goes to the session, too."""

    def __init__(self, session: TelegramSession) -> None:
        self._session = session
        self._writing = trio.Lock()
        self._by_id: dict[int, KnownChat] = {}
        self._by_username: dict[str, int] = {}
        self._former = session.former_usernames()
        self._relatives = session.known_relatives()
        self._told_now: set[int] = set()
        """Whose relatives were asked for in this run: doubted answers are asked for once more, not for ever."""
        for known in session.known_chats():
            self._enter(known)

    def find(self, ref: ChatRef) -> KnownChat | None:
        """The chat with this username or id, if it was met before."""
        if ref.username is not None:
            owner = self._by_username.get(ref.username)
            return None if owner is None else self._by_id[owner]
        return None if ref.id is None else self._by_id.get(ref.id)

    def find_former(self, ref: ChatRef) -> KnownChat | None:
        """The chat that had this username once, and has another now, or none."""
        owner = None if ref.username is None else self._former.get(ref.username)
        return None if owner is None else self._by_id.get(owner)

    def relatives(self, chat: Chat) -> Relatives | None:
        """Who belongs with the chat; None: it has to be asked."""
        known = self._relatives.get(chat.id)
        return None if known is None else known.relatives

    async def learn_relatives(self, chat: Chat, relatives: Relatives) -> None:
        """Remember what Telegram has just said."""
        self._told_now.add(chat.id)
        await self._keep_relatives(chat, KnownRelatives(relatives))

    async def doubt_relatives(self, chat: Chat, discussion: int) -> None:
        """A post tells of this discussion group; if another is known, or none, it has to be asked again."""
        known = self.relatives(chat)
        if known is None or known.discussion == discussion or chat.id in self._told_now:
            return
        del self._relatives[chat.id]
        await self._write(chat, self._session.forget_relatives, chat.id)

    async def _keep_relatives(self, chat: Chat, known: KnownRelatives) -> None:
        if self._relatives.get(chat.id) != known:
            self._relatives[chat.id] = known
            await self._write(chat, partial(self._session.remember_relatives, chat.id), known)

    async def learn(self, entity: TL) -> Chat:
        """Remember a chat as Telegram has just shown it, under its present names; write only what is news."""
        chat = map_chat(entity)
        before = self._by_id.get(chat.id)
        access_hash = getattr(entity, "access_hash", None)
        if access_hash is None:
            access_hash = 0 if before is None else before.access_hash
        known = KnownChat(chat, access_hash)
        if known != before:
            self._enter(known)
            await self._write(chat, self._session.remember, known)
        successor = getattr(entity, "migrated_to", None)
        if isinstance(successor, types.InputChannel):
            became = Relatives(successor=CHANNEL_MARK - successor.channel_id)
            await self._keep_relatives(chat, KnownRelatives(became, successor.access_hash))
        return chat

    async def forget(self, chat: Chat) -> None:
        """Ask anew next time: Telegram does not take what is known of this chat. Perhaps the account is another."""
        self._by_id.pop(chat.id, None)
        self._release_names(chat.id)
        self._relatives = {
            id: known
            for id, known in self._relatives.items()
            if chat.id not in (id, known.relatives.discussion, known.relatives.successor)
        }
        await self._write(chat, self._session.forget, chat.id)
        await self._write(chat, self._session.forget_relatives, chat.id)

    async def learn_again(self, chat: Chat, entities: list[TL]) -> None:
        """Look whether an answer shows `chat` under other names or another title than before."""
        for entity in entities:
            if entity_id(entity) == chat.id and is_whole(entity):
                await self.learn(entity)

    def _enter(self, known: KnownChat) -> None:
        before = self._by_id.get(known.chat.id)
        if before is not None:
            self._former |= dict.fromkeys(before.chat.usernames, known.chat.id)
        for username in known.chat.usernames:
            self._former.pop(username, None)
        self._release_names(known.chat.id)
        self._by_username |= dict.fromkeys(known.chat.usernames, known.chat.id)
        self._by_id[known.chat.id] = known

    def _release_names(self, id: int) -> None:
        self._by_username = {
            name: owner for name, owner in self._by_username.items() if owner != id
        }

    async def _write(self, chat: Chat, change: Callable[[T], None], value: T) -> None:
        """Change the session. One that cannot be written costs no more than another question after the next start."""
        async with self._writing:
            try:
                await trio.to_thread.run_sync(change, value)
            except sqlite3.Error as error:
                _log.warning("telegram.session_not_written", chat=chat.label, error=str(error))


def input_peer(known: KnownChat) -> TL:
    """A chat as requests name it."""
    match known.chat.type:
        case ChatType.USER:
            return types.InputPeerUser(known.chat.id, known.access_hash)
        case ChatType.GROUP:
            return types.InputPeerChat(-known.chat.id)
        case _:
            return types.InputPeerChannel(CHANNEL_MARK - known.chat.id, known.access_hash)


def is_whole(entity: TL) -> bool:
    """Whether this user or chat comes with all its fields and may be asked for its messages.

    A ``min`` object has an access hash that works only inside the answer it came with.
    Source: https://core.telegram.org/api/min
    """
    kinds = types.User | types.Chat | types.Channel
    return isinstance(entity, kinds) and not getattr(entity, "min", False)
