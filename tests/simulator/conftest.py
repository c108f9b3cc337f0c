"""What the simulator's tests share: a key, a few methods, servers over them and real Telethon clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import trio
import trio_asyncio
from telethon import TelegramClient
from telethon.crypto import AuthKey
from telethon.crypto import rsa as telethon_rsa
from telethon.errors import AuthKeyNotFound
from telethon.network import ConnectionTcpAbridged
from telethon.sessions import MemorySession
from telethon.tl import functions, types

from tgworker.simulator.rpc import Caller, Encoded, Methods, RpcFault
from tgworker.simulator.server import open_server
from tgworker.simulator.wire.rsakey import RsaKey

DAY = datetime(2025, 11, 7, 12, tzinfo=UTC)
CHANNELS = {1001: 250, 1002: 5}
"""Bare ids, and how many messages each has."""


def _message(channel_id: int, message_id: int) -> types.Message:
    return types.Message(
        id=message_id,
        peer_id=types.PeerChannel(channel_id),
        date=DAY,
        message=f"Привет {message_id}",
    )


def _history(caller: Caller, request: functions.messages.GetHistoryRequest) -> Any:
    """Newest first, older than ``offset_id``; the second channel's pages are bytes already."""
    if not isinstance(request.peer, types.InputPeerChannel):
        raise RpcFault(400, "PEER_ID_INVALID")
    newest = request.offset_id - 1 if request.offset_id else CHANNELS[request.peer.channel_id]
    ids = range(newest, max(newest - request.limit, 0), -1)
    page = types.messages.ChannelMessages(
        pts=1,
        count=CHANNELS[request.peer.channel_id],
        messages=[_message(request.peer.channel_id, message_id) for message_id in ids],
        topics=[],
        chats=[],
        users=[],
    )
    return Encoded(bytes(page)) if request.peer.channel_id == 1002 else page


def _nearest_dc(caller: Caller, request: functions.help.GetNearestDcRequest) -> Any:
    return types.NearestDc(country="DE", this_dc=caller.layer or 0, nearest_dc=caller.server[1])


def _broken(caller: Caller, request: functions.help.GetCdnConfigRequest) -> Any:
    raise LookupError("a handler's mistake")


def _users(caller: Caller, request: functions.users.GetUsersRequest) -> Any:
    return [types.User(id=caller.user_id, is_self=True, first_name="Анна")]


def _state(caller: Caller, request: functions.updates.GetStateRequest) -> Any:
    return types.updates.State(pts=1, qts=0, date=DAY, seq=1, unread_count=0)


def _difference(caller: Caller, request: functions.updates.GetDifferenceRequest) -> Any:
    return types.updates.DifferenceEmpty(date=DAY, seq=1)


def _log_out(caller: Caller, request: functions.auth.LogOutRequest) -> Any:
    caller.sign_out()
    return types.auth.LoggedOut()


def _config(caller: Caller, request: functions.help.GetConfigRequest) -> Any:
    numbers = {
        name: 1
        for name in (
            "chat_size_max megagroup_size_max forwarded_count_max online_update_period_ms "
            "offline_blur_timeout_ms offline_idle_timeout_ms online_cloud_timeout_ms "
            "notify_cloud_delay_ms notify_default_delay_ms push_chat_period_ms push_chat_limit "
            "edit_time_limit revoke_time_limit revoke_pm_time_limit rating_e_decay "
            "stickers_recent_limit channels_read_media_period call_receive_timeout_ms "
            "call_ring_timeout_ms call_connect_timeout_ms call_packet_timeout_ms "
            "caption_length_max message_length_max webfile_dc_id"
        ).split()
    }
    return types.Config(
        date=DAY,
        expires=DAY,
        test_mode=False,
        this_dc=2,
        dc_options=[types.DcOption(2, *caller.server)],
        dc_txt_domain_name="",
        me_url_prefix="",
        **numbers,
    )


@pytest.fixture
def statuses() -> list[bool]:
    """What ``account.updateStatus`` was asked, each time it was carried out."""
    return []


@pytest.fixture
def tiny_methods(statuses: list[bool]) -> Methods:
    """A handful of methods over two small channels."""

    def update_status(caller: Caller, request: functions.account.UpdateStatusRequest) -> bool:
        statuses.append(request.offline)
        update = types.UpdateUserStatus(user_id=7, status=types.UserStatusRecently())
        caller.push(types.UpdateShort(update=update, date=DAY))
        return True

    return Methods(
        {
            functions.help.GetConfigRequest: _config,
            functions.help.GetNearestDcRequest: _nearest_dc,
            functions.help.GetCdnConfigRequest: _broken,
            functions.updates.GetStateRequest: _state,
            functions.updates.GetDifferenceRequest: _difference,
            functions.users.GetUsersRequest: _users,
            functions.messages.GetHistoryRequest: _history,
            functions.auth.LogOutRequest: _log_out,
            functions.account.UpdateStatusRequest: update_status,
        }
    )


@pytest.fixture(scope="session")
def rsa_key() -> RsaKey:
    """A server's key that Telethon knows."""
    key = RsaKey.generate()
    telethon_rsa.add_key(key.public_key_pem, old=False)
    return key


@pytest.fixture
def serve(tiny_methods: Methods, rsa_key: RsaKey) -> Callable[..., Any]:
    """`open_server` over the tiny methods."""
    return partial(open_server, tiny_methods, key=rsa_key)


@pytest.fixture
def history() -> Callable[..., functions.messages.GetHistoryRequest]:
    """Makes requests for pages of the two channels."""

    def make(channel_id: int = 1001, *, offset_id: int = 0, limit: int = 100) -> Any:
        return functions.messages.GetHistoryRequest(
            peer=types.InputPeerChannel(channel_id, 1),
            offset_id=offset_id,
            offset_date=None,
            add_offset=0,
            limit=limit,
            max_id=0,
            min_id=0,
            hash=0,
        )

    return make


class Client:
    """A Telethon client that trio code can use."""

    def __init__(self, client: TelegramClient) -> None:
        self.telethon = client

    async def __call__(self, request: Any) -> Any:
        return await self.run(self.telethon, request)

    async def send(self, request: Any) -> Any:
        """Ask once, without the seconds Telethon waits after a server's error."""

        async def ask() -> Any:
            return await self.telethon._sender.send(request)

        return await self.run(ask)

    async def run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        return await trio_asyncio.aio_as_trio(function)(*args)

    async def connect(self) -> None:
        try:
            await self.run(self.telethon.connect)
        except AuthKeyNotFound:
            # Telethon has it once more for whoever waits for the end; asyncio complains where nobody asks.
            self.telethon._sender._disconnected.add_done_callback(asyncio.Future.exception)
            raise


@pytest.fixture
async def asyncio_loop() -> AsyncIterator[Any]:
    async with trio_asyncio.open_loop() as loop:
        yield loop


@pytest.fixture
def make_client() -> Callable[..., Client]:
    """Makes clients that are not connected. With `signed_in` false the key exchange is theirs to do."""

    def make(server: Any, *, signed_in: bool = True, session: Any = None, **options: Any) -> Client:
        if session is None:
            session = MemorySession()
            session.set_dc(2, *server.address)
            if signed_in:
                session.auth_key = AuthKey(server.keys.make(7).auth_key)
        settings = {
            "connection": ConnectionTcpAbridged,
            "receive_updates": False,
            "request_retries": 1,
            "connection_retries": 1,
            "retry_delay": 0,
            "flood_sleep_threshold": 0,
            "raise_last_call_error": True,
        }
        return Client(TelegramClient(session, 1, "hash", **(settings | options)))

    return make


@pytest.fixture
def connect(asyncio_loop: Any, make_client: Callable[..., Client]) -> Callable[..., Any]:
    """Opens connected clients, and disconnects them at the end of the block."""

    @asynccontextmanager
    async def open_client(server: Any, **options: Any) -> AsyncIterator[Client]:
        client = make_client(server, **options)
        await client.connect()
        try:
            yield client
        finally:
            with trio.move_on_after(5, shield=True):
                await client.run(client.telethon.disconnect)

    return open_client
