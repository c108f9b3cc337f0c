"""One connection's end of the protocol: packets in, packets and calls out."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeAlias

from attrs import frozen
from telethon.tl.core import RpcResult
from telethon.tl.tlobject import TLObject, TLRequest
from telethon.tl.types import (
    BadMsgNotification,
    BadServerSalt,
    MsgsAck,
    NewSessionCreated,
    RpcError,
)

from tgworker.simulator.rpc import DataCenter, RpcFault
from tgworker.simulator.wire import cipher, tl
from tgworker.simulator.wire.handshake import STEPS, Handshake, HandshakeError
from tgworker.simulator.wire.keys import KeyStore, ServerKey
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.wire.service import Linger, answer_service, unwrap
from tgworker.simulator.wire.session import INVALID_CONTAINER, SEQNO_NOT_ODD, WRONG_SALT, Session
from tgworker.simulator.wire.transports import Entropy

NOT_FOUND = struct.pack("<i", -404)
"""The transport error for a key nobody knows, and for whatever can't be opened."""

_RPC_RESULT = struct.Struct("<Iq")


@frozen
class Send:
    """A packet for the client."""

    packet: bytes


@frozen
class HangUp:
    """Close the connection after this last packet."""

    packet: bytes = NOT_FOUND


@frozen
class Call:
    """A request of the API, to be answered with one of `Endpoint`'s methods."""

    key: ServerKey
    session: Session
    msg_id: int
    seqno: int
    request: TLRequest


@frozen
class Step:
    """A step of the key exchange, by the method's name, and the answer to it."""

    method: str
    packet: bytes


Effect: TypeAlias = Send | HangUp | Linger | Call | Step


@frozen
class _Reply:
    body: bytes
    content: bool
    """Whether the client must acknowledge it."""
    answers: bool = True


class Endpoint:
    """Speaks MTProto with one client; several may share a key, or even a session.

    `clock` gives Unix time; `push` takes packets the client did not ask for.
    """

    def __init__(
        self,
        keys: KeyStore,
        rsa: RsaKey,
        *,
        address: tuple[str, int],
        clock: Callable[[], float],
        entropy: Entropy,
        push: Callable[[bytes], None],
        data_center: DataCenter = DataCenter(),
    ) -> None:
        self._keys = keys
        self._data_center = data_center
        self._address = address
        self._clock = clock
        self._entropy = entropy
        self._push = push
        self._handshake = Handshake(rsa, entropy)
        self._listening: dict[tuple[int, int], tuple[ServerKey, Callable[[TLObject], None]]] = {}

    def receive(self, packet: bytes) -> list[Effect]:
        """Take one packet from the client. What it can't understand ends in a `HangUp`, never in an error."""
        if len(packet) < 20:
            return [HangUp()]
        identity = int.from_bytes(packet[:8], "little", signed=True)
        if identity == 0:
            return self._receive_open(packet)
        key = self._keys.find(identity)
        if key is None:
            return [HangUp()]
        try:
            plain = cipher.decrypt(key.auth_key, packet)
        except cipher.CipherError:
            return [HangUp()]
        return self._receive_closed(key, plain)

    def close(self) -> None:
        """The connection is gone: updates no longer come here."""
        for key, listener in self._listening.values():
            key.caller.listeners.discard(listener)
        self._listening.clear()

    def answer(self, call: Call, body: bytes) -> bytes:
        """The packet with the result of a call, serialised as `body`."""
        return self._close(call.key, call.session, [_Reply(_rpc_result(call.msg_id, body), True)])

    def fail(self, call: Call, fault: RpcFault) -> bytes:
        """The packet with the error of a call."""
        return self.answer(call, bytes(RpcError(fault.code, fault.message)))

    def acknowledge(self, call: Call) -> bytes:
        """The packet that says the call arrived, for when its answer takes a while."""
        return self._close(call.key, call.session, [_Reply(bytes(MsgsAck([call.msg_id])), False)])

    def change_salt(self, call: Call) -> bytes:
        """Make the key's salt invalid, and the packet that refuses the call for it."""
        call.key.salt = self._keys.fresh_salt()
        reply = _wrong_salt(call.key, call.msg_id, call.seqno)
        return self._close(call.key, call.session, [reply])

    def _receive_open(self, packet: bytes) -> list[Effect]:
        """A packet that is not encrypted: a step of the handshake."""
        length = int.from_bytes(packet[16:20], "little")
        try:
            request = tl.read_object(packet[20 : 20 + length])
            if isinstance(request, MsgsAck):
                return []
            answer, made = self._handshake.answer(request, self._clock())
        except (tl.TLError, HandshakeError):
            return [HangUp()]
        if made is not None:
            self._keys.add(made.auth_key, made.salt)
        body = bytes(answer)
        msg_id = int(self._clock() * 2**32) & ~3 | 1
        packet = struct.pack("<qqi", 0, msg_id, len(body)) + body
        return [Step(STEPS[type(request)], packet)]

    def _receive_closed(self, key: ServerKey, plain: cipher.Plain) -> list[Effect]:
        session = key.session(plain.session_id)
        self._listen(key, session)
        replies: list[_Reply] = []
        effects: list[Effect] = []
        wrong = session.check(plain.msg_id, plain.seqno, self._clock())
        if wrong is not None:
            replies.append(_bad_message(plain.msg_id, plain.seqno, wrong))
        elif plain.salt != key.salt:
            replies.append(_wrong_salt(key, plain.msg_id, plain.seqno))
        else:
            replies += self._greet(key, session, plain.msg_id)
            self._take(key, session, plain, replies, effects)
        if replies:
            effects.insert(0, Send(self._close(key, session, replies)))
        return effects

    def _greet(self, key: ServerKey, session: Session, msg_id: int) -> list[_Reply]:
        if session.greeted:
            return []
        session.greeted = True
        unique = int.from_bytes(self._entropy(8), "little", signed=True)
        return [_Reply(bytes(NewSessionCreated(msg_id, unique, key.salt)), True, answers=False)]

    def _take(
        self,
        key: ServerKey,
        session: Session,
        plain: cipher.Plain,
        replies: list[_Reply],
        effects: list[Effect],
    ) -> None:
        """Carry out a message, or those of a container."""
        if not session.accept(plain.msg_id, plain.seqno):
            replies.append(_Reply(bytes(MsgsAck([plain.msg_id])), False))
            return
        outer = tl.Inner(plain.msg_id, plain.seqno, plain.body)
        try:
            body = tl.unpack(plain.body)
            messages = list(tl.open_container(body)) if tl.is_container(body) else [outer]
        except tl.BadContainerError:
            replies.append(_bad_message(plain.msg_id, plain.seqno, INVALID_CONTAINER))
            return
        except tl.TLError:
            messages = [outer]
        for message in messages:
            if message is outer or session.accept(message.msg_id, message.seqno):
                self._carry_out(key, session, message, replies, effects)
            else:
                replies.append(_Reply(bytes(MsgsAck([message.msg_id])), False))

    def _carry_out(
        self,
        key: ServerKey,
        session: Session,
        message: tl.Inner,
        replies: list[_Reply],
        effects: list[Effect],
    ) -> None:
        try:
            said = unwrap(tl.read_object(message.body), key, session)
            service = answer_service(said, message.msg_id, key, session, self._keys, self._clock())
            if service is not None:
                replies += [_Reply(body, False) for body in service.bodies]
                effects += service.effects
                return
        except tl.TLError:
            said = None
        if not isinstance(said, TLRequest):
            invalid = bytes(RpcError(400, "INPUT_METHOD_INVALID"))
            replies.append(_Reply(_rpc_result(message.msg_id, invalid), True))
        elif message.seqno % 2 == 0:
            replies.append(_bad_message(message.msg_id, message.seqno, SEQNO_NOT_ODD))
        else:
            effects.append(Call(key, session, message.msg_id, message.seqno, said))

    def _listen(self, key: ServerKey, session: Session) -> None:
        """Have updates for the key sent to this session through this connection."""
        name = (key.caller.auth_key_id, session.session_id)
        if name in self._listening:
            return
        key.caller.server = self._address
        key.caller.data_center = self._data_center

        def listener(update: TLObject) -> None:
            if not session.quiet:
                reply = _Reply(bytes(update), True, answers=False)
                self._push(self._close(key, session, [reply]))

        self._listening[name] = (key, listener)
        key.caller.listeners.add(listener)

    def _close(self, key: ServerKey, session: Session, replies: list[_Reply]) -> bytes:
        """Number, bundle and encrypt messages for a session."""
        now = self._clock()
        numbered = [
            tl.Inner(
                session.next_msg_id(now, answers=reply.answers),
                session.next_seqno(content=reply.content),
                reply.body,
            )
            for reply in replies
        ]
        if len(numbered) == 1:
            one = numbered[0]
        else:
            bundle = tl.close_container(numbered)
            msg_id = session.next_msg_id(now, answers=False)
            one = tl.Inner(msg_id, session.next_seqno(content=False), bundle)
        plain = cipher.Plain(key.salt, session.session_id, one.msg_id, one.seqno, one.body)
        return cipher.encrypt(key.auth_key, plain, self._entropy)


def _rpc_result(msg_id: int, body: bytes) -> bytes:
    return _RPC_RESULT.pack(RpcResult.CONSTRUCTOR_ID, msg_id) + body


def _bad_message(msg_id: int, seqno: int, code: int) -> _Reply:
    return _Reply(bytes(BadMsgNotification(msg_id, seqno, code)), False)


def _wrong_salt(key: ServerKey, msg_id: int, seqno: int) -> _Reply:
    return _Reply(bytes(BadServerSalt(msg_id, seqno, WRONG_SALT, key.salt)), False)
