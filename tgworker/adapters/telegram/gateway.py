"""The Gateway port on real Telegram; `asking` crosses into asyncio, once for each request."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Awaitable
from contextlib import ExitStack, asynccontextmanager
from math import ceil
from pathlib import Path

import structlog
import trio
from telethon.errors import RandomIdDuplicateError
from telethon.tl import functions, types

from tgworker.adapters.telegram.asking import Telegram, method_name, open_telegram
from tgworker.adapters.telegram.dialogs import dialogs_request, map_dialogs
from tgworker.adapters.telegram.errors import LET_IN
from tgworker.adapters.telegram.floods import SessionFloodLedger
from tgworker.adapters.telegram.known import KnownChats, input_peer
from tgworker.adapters.telegram.lookup import STALE, look_up
from tgworker.adapters.telegram.mapping import map_page
from tgworker.adapters.telegram.people import entity_id, map_account
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.relatives import discussion_of, relatives_of
from tgworker.adapters.telegram.server import parse_address, trust_server_key
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.adapters.telegram.session_file import LOG_IN, open_existing, remove_session
from tgworker.core.account import Account, DialogPage, DialogPlace
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery, Page, Relatives
from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    StorageError,
    TransientError,
)
from tgworker.ports import Carrier, at_once

_log = structlog.get_logger()

NOBODY = frozenset({"username_not_occupied", "username_invalid"})
"""What Telegram answers where no chat has a username."""

ACCOUNT_CHECK = "users.getUsers"
"""The request by which the account is checked."""


class TelegramGateway:
    """One Telegram account, as `tgworker.ports.Gateway` has it. Made by `open_gateway`."""

    def __init__(self, session: TelegramSession, telegram: Telegram) -> None:
        self._session = session
        self._telegram = telegram
        self._known = KnownChats(session)
        self._account = session.account
        self._me: Account | None = None

    @property
    def connected(self) -> bool:
        """Whether a connection is open now. That none is, is no fault: the next request opens one."""
        return self._telegram.connected

    async def me(self) -> Account:
        """Who is signed in; asked for once. Idempotent."""
        return self._me if self._me is not None else await self.check_account()

    async def check_account(self) -> Account:
        """Ask Telegram whether the account is logged in and may work. One request; raises as every method."""
        answer = await self._telegram.ask(functions.users.GetUsersRequest([types.InputUserSelf()]))
        if not answer:
            raise AccountUnusableError(f"Telegram does not know who is signed in. {LOG_IN}")
        self._me = map_account(answer[0])
        await self._learn_account(self._me.id)
        return self._me

    async def dialogs(self, after: DialogPlace | None = None) -> DialogPage:
        """A page of the account's chats. Idempotent."""
        return map_dialogs(await self._telegram.ask(dialogs_request(after)))

    async def log_out(self) -> None:
        """End the login, here and at Telegram, and delete the session file; nothing can be asked afterwards.

        Raises, besides what every method does:
            StorageError: the file can't be deleted. Nobody can use it any more.
        """
        await self._telegram.ask(functions.auth.LogOutRequest())
        await trio.to_thread.run_sync(remove_session, self._session)

    @property
    def account(self) -> int | None:
        """The id of the user who is logged in; None: Telegram has never told, because it could not be reached."""
        return self._account

    async def _learn_account(self, user_id: int) -> None:
        if user_id == self._account:
            return
        self._account = user_id
        try:
            await trio.to_thread.run_sync(self._session.remember_account, user_id)
        except sqlite3.Error as error:
            _log.warning("telegram.session_not_written", error=str(error))

    @property
    def data_center(self) -> int:
        """The number of the one where the account's login is."""
        return int(self._session.dc_id)

    @property
    def session_file(self) -> Path:
        """Where the login lies."""
        return Path(self._session.filename)

    def open_flood_ledger(self) -> SessionFloodLedger:
        """The flood waits that the session remembers of this account."""
        return SessionFloodLedger(self._session)

    def recall(self, ref: ChatRef) -> Chat | None:
        """The chat, if it is known without a request."""
        known = self._known.find(ref)
        return None if known is None else known.chat

    def recall_relatives(self, chat: Chat) -> Relatives | None:
        """Who belongs with the chat, if that is known without a request; only of channels it has to be asked."""
        known = self._known.relatives(chat)
        if known is None and chat.type in (ChatType.GROUP, ChatType.USER):
            return Relatives()
        return known

    async def resolve(self, ref: ChatRef, carry: Carrier = at_once) -> Chat:
        """Find a chat by name or id. Known chats cost no request, by a restart, too. Idempotent.

        A username costs one request (two, where the session of another program had it wrong). To the id of a chat
        never met only the account's dialogs lead: that takes some requests, at most `lookup.DIALOG_PAGES`. Each of
        them goes through `carry`.

        A name that nobody has any more still leads to the chat that had it: whoever sends commands need not know yet.
        """
        known = self.recall(ref)
        if known is not None:
            return known

        def ask(request: TL) -> Awaitable[TL]:
            return carry(method_name(request), lambda: self._telegram.ask(request))

        try:
            return await self._known.learn(await look_up(ref, ask, self._session))
        except ChatUnavailableError as error:
            former = self._known.find_former(ref)
            if former is None or error.error_type not in NOBODY:
                raise
            _log.warning("telegram.chat_renamed", chat=former.chat.label, former=str(ref))
            return former.chat

    async def relatives(self, chat: Chat) -> Relatives:
        """The chats that belong with one that `resolve` returned; at most one request, once. Idempotent.

        Source: https://core.telegram.org/api/discussion and https://core.telegram.org/api/channel#migration
        """
        told = self.recall_relatives(chat)
        if told is not None:
            return told
        peer = self._peer(chat)
        channel = types.InputChannel(peer.channel_id, peer.access_hash)
        answer = await self._ask_about(chat, functions.channels.GetFullChannelRequest(channel))
        relatives = relatives_of(chat, answer.full_chat)
        for entity in answer.chats:
            if entity_id(entity) != relatives.discussion:
                continue
            if isinstance(entity, types.ChannelForbidden):
                raise ChatUnavailableError(
                    f"The account may not read the group of the comments on {chat.label}. {LET_IN}",
                    error_type="channel_private",
                )
            await self._known.learn(entity)
        await self._known.learn_relatives(chat, relatives)
        return relatives

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        """Ask for one page of a chat that `resolve` returned. Idempotent."""
        request = functions.messages.GetHistoryRequest(
            peer=self._peer(chat),
            offset_id=query.offset_id,
            offset_date=query.offset_date,
            add_offset=query.add_offset,
            limit=query.limit,
            max_id=0,
            min_id=query.min_id,
            hash=0,
        )
        result = await self._ask_about(chat, request)
        if not isinstance(result, types.messages.MessagesNotModified):
            await self._known.learn_again(chat, result.chats)
            discussion = discussion_of(result.messages)
            if discussion is not None:
                await self._known.doubt_relatives(chat, discussion)
        return map_page(result, chat.label)

    async def say(self, chat: Chat, text: str, key: int) -> None:
        """Write a message into a chat that `resolve` returned. Idempotent: Telegram knows it by `key`.

        Source: https://core.telegram.org/method/messages.sendMessage
        """
        request = functions.messages.SendMessageRequest(
            self._peer(chat), text, no_webpage=True, random_id=key
        )
        try:
            await self._ask_about(chat, request)
        except TransientError as error:
            if not isinstance(error.__cause__, RandomIdDuplicateError):
                raise

    def _peer(self, chat: Chat) -> TL:
        known = self._known.find(ChatRef(id=chat.id))
        if known is None:
            raise ChatUnavailableError(
                f"{chat.label} has to be resolved first.", error_type="chat_not_found"
            )
        return input_peer(known)

    async def _ask_about(self, chat: Chat, request: TL) -> TL:
        """Ask something of a chat; if Telegram does not know it under the key that was kept, that is forgotten."""
        try:
            return await self._telegram.ask(request)
        except ChatUnavailableError as error:
            if error.error_type in STALE:
                # If this is cancelled, nobody is left who wants to know of the error.
                await self._known.forget(chat)  # noqa: ASYNC120  # see above
            raise


@asynccontextmanager
async def open_gateway(
    *,
    api_id: int,
    session: Path,
    server: str | None = None,
    server_key: Path | None = None,
    connect_timeout: float = 10.0,
    request_timeout: float = 30.0,
) -> AsyncIterator[TelegramGateway]:
    """Hold the account for as long as the block runs; inside `trio_asyncio.open_loop`.

    The account is checked with one request. If Telegram cannot be reached now, that is logged and no hindrance: the
    requests say so themselves. Times are in seconds; connecting counts as part of a request.

    Raises:
        SettingsError: the session is held by another worker or unusable, or `server` or `server_key` is.
        AccountUnusableError: the session is not logged in, or Telegram does not let the account work.
    """
    address = None if server is None else parse_address(server)
    with ExitStack() as held:
        if server_key is not None:
            await trio.to_thread.run_sync(trust_server_key, server_key)
        opened = await trio.to_thread.run_sync(held.enter_context, open_existing(session))
        async with open_telegram(
            opened,
            api_id=api_id,
            address=address,
            connect_timeout=connect_timeout,
            request_timeout=request_timeout,
        ) as telegram:
            gateway = TelegramGateway(opened, telegram)
            await _check_at_start(gateway)
            yield gateway


async def _check_at_start(gateway: TelegramGateway) -> None:
    """No guard stands here yet, so a flood wait is kept here too: the next start must not ask inside it."""
    ledger = gateway.open_flood_ledger()
    try:
        if rest := await ledger.rest(ACCOUNT_CHECK):
            raise FloodWaitError(ACCOUNT_CHECK, ceil(rest))
        await gateway.check_account()
    except (TransientError, FloodWaitError) as error:
        _log.warning("telegram.account_not_checked", error_type=error.error_type, error=str(error))
        if isinstance(error, FloodWaitError) and not rest:
            await _keep(ledger, error)


async def _keep(ledger: SessionFloodLedger, flood: FloodWaitError) -> None:
    try:
        await ledger.extend(flood.method, max(1, flood.seconds))
    except StorageError as error:
        _log.warning("telegram.session_not_written", error=str(error))
