"""A line to Telegram: one open connection of Telethon's, and how its caller is introduced. This is asyncio."""

from __future__ import annotations

import asyncio
import platform

from attrs import define
from telethon.crypto import AuthKey
from telethon.network import ConnectionTcpFull, MTProtoSender, authenticator
from telethon.tl import functions

from tgworker import __version__
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.quiet import Loggers, Updates, in_own_context
from tgworker.adapters.telegram.server import Address

KEY_BYTES = 256
"""The length of a key that two sides agree on."""


class _WholeKey(AuthKey):  # type: ignore[misc]  # Telethon has no types
    """What two sides agreed on, with the zeros that one key in 256 begins with.

    Telethon drops them, and such a key exchange fails, as if the server had cheated.
    Source: https://core.telegram.org/mtproto/auth_key (an ``auth_key`` has 2,048 bits)
    """

    def __init__(self, number: bytes) -> None:
        super().__init__(number.rjust(KEY_BYTES, b"\0"))


authenticator.AuthKey = _WholeKey


@define(eq=False)
class Line:
    """An open connection. ``down`` ends, with the reason or None, when it is no longer open."""

    sender: MTProtoSender
    down: asyncio.Task[Exception | None]
    greeted: bool = False
    """Whether Telegram has heard who is calling."""
    waiting: int = 0
    """How many requests wait for their answer."""


class _Connection(ConnectionTcpFull):  # type: ignore[misc]  # Telethon has no types
    """Telethon's connection without the two tasks and two queues it has between the socket and the sender.

    The sender has a task for each direction itself, and under trio each step of a task on asyncio's side is dear.
    """

    async def connect(
        self, timeout: float | None = None, ssl: object = None  # noqa: ASYNC109  # Telethon's
    ) -> None:
        await self._connect(timeout=timeout, ssl=ssl)
        self._connected = True

    async def send(self, data: bytes) -> None:
        if not self._connected:
            raise ConnectionError("not connected")
        self._send(data)
        await self._writer.drain()

    async def recv(self) -> bytes:
        if not self._connected:
            raise ConnectionError("not connected")
        packet: bytes = await self._recv()
        return packet


def make_sender(
    key: AuthKey | None, *, loggers: Loggers, updates: Updates, connect_timeout: float
) -> MTProtoSender:
    """What speaks MTProto on a line; without a `key`, it agrees on a new one first."""
    return MTProtoSender(
        key,
        loggers=loggers,
        # One attempt, and no reconnecting behind our back: who asks next connects.
        retries=0,
        delay=0,
        auto_reconnect=False,
        connect_timeout=connect_timeout,
        updates_queue=updates,
    )


async def open_line(
    sender: MTProtoSender, address: Address, dc_id: int, loggers: Loggers, seconds: float
) -> Line:
    """Connect, in so many `seconds`. Whoever made the sender has to disconnect it, also if this fails.

    Raises: ConnectionError, TimeoutError.
    """
    async with asyncio.timeout(seconds):
        await in_own_context(_connect(sender, address, dc_id, loggers))
    return Line(sender, in_own_context(_wait_down(sender)))


async def _connect(sender: MTProtoSender, address: Address, dc_id: int, loggers: Loggers) -> None:
    connection = _Connection(address.host, address.port, dc_id, loggers=loggers)
    try:
        await sender.connect(connection)
    except Exception as error:
        # The key exchange reads bytes that nothing vouches for yet: it may fail in any way.
        raise ConnectionError(f"cannot connect to {address}") from error


async def _wait_down(sender: MTProtoSender) -> Exception | None:
    try:
        await sender.disconnected
    except Exception as error:  # noqa: B902  # whatever it was, it is the answer here
        return error
    return None


def introduce(api_id: int, query: TL) -> TL:
    """A request that also says who is calling. Source: https://core.telegram.org/method/initConnection"""
    return functions.InitConnectionRequest(
        api_id=api_id,
        device_model="tgworker",
        system_version=platform.system(),
        app_version=__version__,
        system_lang_code="en",
        lang_pack="",
        lang_code="en",
        query=query,
    )
