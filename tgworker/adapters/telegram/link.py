"""One MTProto connection, opened when a request needs it: trio's side of it; `line` is asyncio's.

It stands on Telethon's `MTProtoSender` and not on its `TelegramClient`, because here one call has to be one request.
That client sleeps two seconds after a server error before it tells anybody, repeats unanswered requests when it
reconnects in the background, asks for missed updates every quarter of an hour, asks three more things on connecting,
and throws the login away when Telegram names another data center. Waiting and retrying are the guard's.

A request crosses into asyncio as what it is there, the future of its answer: a task for each of them would double what
crossing costs.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Protocol

import structlog
import trio
import trio_asyncio
from telethon import errors
from telethon.crypto import AuthKey
from telethon.network import MTProtoSender
from telethon.tl import functions
from telethon.tl.alltlobjects import LAYER

from tgworker.adapters.telegram.line import Line, introduce, make_sender, open_line
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.quiet import Loggers, NoUpdates, Updates, in_own_context
from tgworker.adapters.telegram.reading import QuietRequest
from tgworker.adapters.telegram.server import Address, find_data_center

_log = structlog.get_logger()

IDLE_SECONDS = 60.0
"""A connection unused for longer is not trusted: routers forget it and say nothing, and a new one costs little."""

TELEGRAM = Address("149.154.167.51", 443)
"""Data center 2, where Telethon begins, too; the login tells which one is really the account's."""


_MOVES = (errors.UserMigrateError, errors.NetworkMigrateError, errors.PhoneMigrateError)
"""It is the account that lives elsewhere. The other moves are of files and figures, which nobody asks for here."""


_UNGREETED = (errors.ConnectionNotInitedError, errors.ConnectionLayerInvalidError)
"""Telegram does not know (any more) who is calling."""

_CONFIG = functions.help.GetConfigRequest()


class Place(Protocol):
    """Where the account is, and the key that is its login there: a session."""

    @property
    def dc_id(self) -> int: ...

    @property
    def server_address(self) -> str | None: ...

    @property
    def port(self) -> int: ...

    @property
    def auth_key(self) -> AuthKey | None: ...

    def has_left(self, server: str) -> bool:
        """Whether the login began at this ``host:port`` and was moved away from there."""
        ...

    def move(self, dc_id: int, host: str, port: int, auth_key: AuthKey, left: str | None) -> None:
        """Be elsewhere from now on. Raises: sqlite3.Error."""
        ...


class Link:
    """Asks Telegram one thing at a time or several at once; ends nothing but itself when a connection breaks."""

    def __init__(
        self,
        session: Place,
        *,
        api_id: int,
        address: Address | None,
        connect_timeout: float,
    ) -> None:
        self._session = session
        self._api_id = api_id
        self._address = address
        self._connect_timeout = connect_timeout
        self._connecting = trio.Lock()
        self._loggers = Loggers()
        self._line: Line | None = None
        self._updates: Updates = NoUpdates()
        self._used_at = 0.0
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def is_open(self) -> bool:
        return self._line is not None and not self._line.down.done()

    async def ask(self, request: TL) -> TL:
        """The answer to one request; a named other data center is followed.

        Raises:
            RPCError: Telegram refuses.
            OSError, EOFError and more of Telethon's: the connection failed, and the next request opens a new one.
        """
        line = await self._connected()
        try:
            return await self._exchange(line, request)
        except _MOVES as elsewhere:
            return await self._exchange(await self._move(line, elsewhere.new_dc), request)

    def drop(self) -> None:
        """Give the connection up, as one that does not answer; what still waits for it fails."""
        if self._line is not None:
            self._give_up(self._line)

    def _give_up(self, line: Line) -> None:
        """The next request opens a new connection, unless that has happened already."""
        self._discard(line.sender)
        if self._line is line:
            self._line = None

    async def close(self) -> None:
        """Hang up, and wait until that is done."""
        self.drop()
        await trio_asyncio.aio_as_trio(asyncio.gather)(*self._closing)

    async def _connected(self) -> Line:
        """The open connection, or a new one: one attempt, however many requests wait for it."""
        if self._connecting.locked() or not self._is_trusted:
            async with self._connecting:
                if not self._is_trusted:
                    self.drop()
                    await self._connect()
        assert self._line is not None
        return self._line

    @property
    def _is_trusted(self) -> bool:
        """Not after a long silence, unless an answer is waited for: who waits sees for himself whether it comes."""
        recently = trio.current_time() - self._used_at <= IDLE_SECONDS
        return self.is_open and (recently or (self._line is not None and self._line.waiting > 0))

    async def _connect(self) -> None:
        address, began = self._present_address(), trio.current_time()
        self._line = await self._dial(address, self._session.auth_key)
        self._used_at = trio.current_time()
        took = self._used_at - began
        _log.debug("telegram.connected", address=str(address), duration_ms=round(took * 1000, 1))

    def _present_address(self) -> Address:
        """The other server if there is one, else where the session's data center was at the login or after a move."""
        if self._address is not None and not self._session.has_left(str(self._address)):
            return self._address
        host, port = self._session.server_address, self._session.port
        return Address(host, port) if host else TELEGRAM

    async def _dial(self, address: Address, key: AuthKey | None) -> Line:
        """A new connection; without a `key`, a new one is agreed on first. With one, nothing is asked yet."""
        sender = make_sender(
            key,
            loggers=self._loggers,
            updates=self._updates,
            connect_timeout=self._connect_timeout,
        )
        try:
            line: Line = await trio_asyncio.aio_as_trio(open_line)(
                sender, address, self._session.dc_id, self._loggers, self._connect_timeout
            )
            return line
        except BaseException:
            self._discard(sender)
            raise

    def _greeting(self, request: TL) -> TL:
        """A request that also says who is calling, and which layer of the schema is spoken.

        It costs no request of its own, as in Telegram's own library: until one is answered, all are sent so.
        Source: https://core.telegram.org/api/invoking
        """
        introduced = introduce(self._api_id, request)
        return functions.InvokeWithLayerRequest(LAYER, self._wrap(introduced))

    def _wrap(self, request: TL) -> TL:
        """Nobody here wants to be told of news."""
        return QuietRequest(request)

    async def _exchange(self, line: Line, request: TL) -> TL:
        """Send a request and wait for its answer, or for the end of the connection.

        Telethon forgets what it had not sent yet when a connection ends: the answer alone may never come.
        """
        self._used_at = trio.current_time()
        answer = line.sender.send(self._wrap(request) if line.greeted else self._greeting(request))

        def fail(down: asyncio.Task[Exception | None]) -> None:
            if not answer.done():
                answer.set_exception(down.result() or EOFError("it was closed"))

        line.down.add_done_callback(fail)
        line.waiting += 1
        try:
            result = await _outcome(answer)
            line.greeted = True
            return result
        except errors.RPCError as refusal:
            line.greeted = not isinstance(refusal, _UNGREETED)
            raise
        except errors.AuthKeyNotFound:
            raise
        except Exception as error:
            # Telethon hands on whatever the bytes of a broken or foreign peer led to.
            self._give_up(line)
            raise ConnectionError(
                f"the connection failed: {type(error).__name__}: {error}"
            ) from error
        finally:
            line.waiting -= 1
            line.down.remove_done_callback(fail)
            # Telethon throws away the late answer to a request whose future is cancelled.
            answer.cancel()

    async def _move(self, line: Line, dc_id: int) -> Line:
        """Go to another data center and take the login along; the session changes when the new one has it.

        Source: https://core.telegram.org/api/datacenter#authorization-transfer
        """
        async with self._connecting:
            if self._line is not line and self._line is not None:
                return self._line  # another request has moved already
            address = find_data_center(dc_id, await self._exchange(line, _CONFIG))
            try:
                moved = await self._log_in_at(address, dc_id, line)
            except errors.BadRequestError as error:
                # Not what was asked for is at fault, and where we are we may be served the next time.
                raise ConnectionError(f"cannot move to data center {dc_id}: {error}") from error
            left = None if self._address is None else str(self._address)
            try:
                self._session.move(dc_id, address.host, address.port, moved.sender.auth_key, left)
            except sqlite3.Error as error:
                # It costs another move after the next start.
                _log.warning("telegram.session_not_written", error=str(error))
            _log.info("telegram.moved", data_center=dc_id)
            self.drop()
            self._line = moved
            return moved

    async def _log_in_at(self, address: Address, dc_id: int, line: Line) -> Line:
        """A connection to another data center, logged in with a ticket from this one."""
        ticket = await self._exchange(line, functions.auth.ExportAuthorizationRequest(dc_id))
        moved = await self._dial(address, None)
        try:
            login = functions.auth.ImportAuthorizationRequest(ticket.id, ticket.bytes)
            await self._exchange(moved, login)
        except BaseException:
            self._discard(moved.sender)
            raise
        return moved

    def _discard(self, sender: MTProtoSender) -> None:
        """Disconnect in the background: with an unreachable peer that takes seconds nobody should wait for."""
        task = in_own_context(sender.disconnect())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _outcome(answer: asyncio.Future[TL]) -> TL:
    try:
        return await trio_asyncio.run_aio_future(answer)
    except (
        asyncio.CancelledError
    ):  # noqa: ASYNC103  # Telethon's, not trio's: it gives the request up
        raise EOFError("it was closed") from None  # noqa: ASYNC104  # as above
