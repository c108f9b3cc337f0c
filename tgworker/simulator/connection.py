"""One TCP connection of the server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import structlog
import trio
from attrs import frozen

from tgworker.simulator.desk import Desk, Ending, Verdict
from tgworker.simulator.rpc import DataCenter, RpcFault
from tgworker.simulator.wire.endpoint import NOT_FOUND, Call, Effect, Endpoint, HangUp, Send, Step
from tgworker.simulator.wire.keys import KeyStore
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.wire.service import Linger
from tgworker.simulator.wire.tl import pack
from tgworker.simulator.wire.transports import Entropy, Transport, TransportError

GARBAGE_BYTES = 64
GZIP_FROM = 512
"""Shorter answers are never gzipped, in bytes; the figure is Telethon's own."""

_FAREWELL_SECONDS = 5
"""How long a client that does not read may keep a connection that is closing."""
_OUTGOING_FRAMES = 64

log = structlog.get_logger(__name__)


@frozen
class House:
    """What all connections of a server share."""

    desk: Desk
    keys: KeyStore
    rsa: RsaKey
    clock: Callable[[], float]
    """Unix time as the server sees it."""
    entropy: Entropy
    gzip: bool
    """Whether long answers are gzipped, as Telegram does; it costs more time than it saves on loopback."""
    data_center: DataCenter = DataCenter()


@frozen
class _Raw:
    """Bytes that bypass the transport."""

    data: bytes


class Connection:
    """Reads, decides and writes for one client."""

    def __init__(self, house: House, stream: trio.SocketStream) -> None:
        self._house = house
        self._stream = stream
        self._transport = Transport(house.entropy)
        self._endpoint = Endpoint(
            house.keys,
            house.rsa,
            address=stream.socket.getsockname()[:2],
            clock=house.clock,
            entropy=house.entropy,
            push=self._push,
            data_center=house.data_center,
        )
        self._outgoing, self._frames = trio.open_memory_channel[bytes | _Raw](_OUTGOING_FRAMES)
        self._half_open = False

    async def run(self) -> None:
        """Serve until either side closes the connection, which is left open here."""
        try:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._write)
                await self._read()
        finally:
            self._endpoint.close()

    async def _read(self) -> None:
        """Take packets until the client is gone or must go; then let the writer finish."""
        try:
            async for data in self._stream:
                for packet in self._transport.feed(data):
                    for effect in self._endpoint.receive(packet):
                        if not await self._carry_out(effect):
                            return await self._hang_up()
        except (trio.BrokenResourceError, TransportError):
            pass
        self._nursery.cancel_scope.cancel()

    async def _write(self) -> None:
        """Send frames in order; when no more will come, the connection is over."""
        try:
            async for frame in self._frames:
                sent = frame.data if isinstance(frame, _Raw) else self._transport.encode(frame)
                await self._stream.send_all(sent)
        except trio.BrokenResourceError:
            pass
        self._nursery.cancel_scope.cancel()

    async def _hang_up(self) -> None:
        """Take no more; the writer ends when it has sent what is left."""
        self._nursery.cancel_scope.deadline = trio.current_time() + _FAREWELL_SECONDS
        await self._outgoing.aclose()

    async def _carry_out(self, effect: Effect) -> bool:
        """False: that was the last thing to do for this client."""
        match effect:
            case Send():
                await self._send(effect.packet)
            case Linger():
                self._nursery.cancel_scope.deadline = trio.current_time() + effect.seconds
            case Step():
                return await self._take_step(effect)
            case Call():
                verdict = self._house.desk.decide(effect.key.caller, effect.request)
                return await self._execute(effect, verdict)
            case HangUp():
                await self._send(effect.packet)
        return not isinstance(effect, HangUp)

    async def _take_step(self, step: Step) -> bool:
        match self._house.desk.ending_of_step(step.method, self._house.data_center.id):
            case Ending.ANSWER:
                await self._send(step.packet)
            case ending:
                return await self._spoil(ending)
        return True

    async def _execute(self, call: Call, verdict: Verdict) -> bool:
        match verdict.ending:
            case Ending.ANSWER if verdict.delay_s > 0:
                await self._send(self._endpoint.acknowledge(call))
                self._nursery.start_soon(self._answer_later, call, verdict)
            case Ending.ANSWER:
                await self._answer(call, verdict)
            case Ending.BAD_SALT:
                await self._send(self._endpoint.change_salt(call))
            case Ending.REVOKE_KEY:
                self._house.keys.revoke(call.key.caller.auth_key_id)
                await self._send(NOT_FOUND)
                return False
            case ending:
                return await self._spoil(ending)
        return True

    async def _spoil(self, ending: Ending) -> bool:
        """Give no answer at all, in one of the ways there are."""
        if ending is Ending.GARBAGE:
            await self._outgoing.send(_Raw(self._house.entropy(GARBAGE_BYTES)))
        self._half_open |= ending is Ending.HALF_OPEN
        return self._half_open

    async def _answer_later(self, call: Call, verdict: Verdict) -> None:
        await trio.sleep(verdict.delay_s)
        with contextlib.suppress(trio.ClosedResourceError):  # hung up in the meantime
            await self._answer(call, verdict)

    async def _answer(self, call: Call, verdict: Verdict) -> None:
        result = verdict.result
        if isinstance(result, RpcFault):
            await self._send(self._endpoint.fail(call, result))
        else:
            if self._house.gzip and len(result) > GZIP_FROM:
                result = pack(result)
            await self._send(self._endpoint.answer(call, result))

    async def _send(self, packet: bytes) -> None:
        if not self._half_open:
            await self._outgoing.send(packet)

    def _push(self, packet: bytes) -> None:
        """Send an update, or lose it, as Telegram does, if the client reads nothing."""
        if self._half_open:
            return
        try:
            self._outgoing.send_nowait(packet)
        except (trio.WouldBlock, trio.ClosedResourceError):
            log.warning("simulator.update_lost")
