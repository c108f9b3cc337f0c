"""One connection's end of the protocol, with Telethon's state on the other."""

from __future__ import annotations

import io
import logging
import os
import struct
import time
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telethon.crypto import AuthKey
from telethon.extensions import BinaryReader
from telethon.network.mtprotostate import MTProtoState, _OpaqueRequest
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked, MessageContainer, RpcResult
from telethon.tl.tlobject import TLObject, TLRequest

from tgworker.simulator.rpc import RpcFault
from tgworker.simulator.wire.endpoint import NOT_FOUND, Call, Endpoint, HangUp, Send
from tgworker.simulator.wire.keys import KeyStore
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.wire.service import Linger

ASK = functions.help.GetNearestDcRequest()


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


class Peer:
    """An endpoint and a client of it that share a key."""

    def __init__(self, rsa: RsaKey) -> None:
        self.clock = Clock()
        self.keys = KeyStore(os.urandom)
        self.key = self.keys.make(7)
        self.pushed: list[bytes] = []
        self.endpoint = Endpoint(
            self.keys,
            rsa,
            address=("127.0.0.1", 4430),
            clock=self.clock,
            entropy=os.urandom,
            push=self.pushed.append,
        )
        self.state = MTProtoState(
            AuthKey(self.key.auth_key), defaultdict(lambda: logging.getLogger("telethon"))
        )
        self.state.salt = self.key.salt

    def write(self, *bodies: bytes, content: bool = True) -> tuple[list[int], bytes]:
        """The ids of messages with these bodies, and the packet they make."""
        buffer = io.BytesIO()
        ids = [self.state.write_data_as_message(buffer, body, content) for body in bodies]
        if len(bodies) > 1:
            bundle = b"\xdc\xf8\xf1\x73" + struct.pack("<i", len(bodies)) + buffer.getvalue()
            buffer = io.BytesIO()
            ids.append(self.state.write_data_as_message(buffer, bundle, False))
        return ids, self.state.encrypt_message_data(buffer.getvalue())

    def say(self, *said: TLObject, content: bool = True) -> tuple[int, list[Any]]:
        """Send objects; the id of the first, and the effects."""
        ids, packet = self.write(*map(bytes, said), content=content)
        return ids[0], self.endpoint.receive(packet)

    def greet(self) -> None:
        """Get the greeting of a new session out of the way."""
        self.say(types.MsgsAck([1]), content=False)

    def read(self, effects: list[Any]) -> list[Any]:
        """The objects in what was sent to us."""
        return [
            found
            for effect in effects
            if isinstance(effect, Send)
            for found in self.open(effect.packet)
        ]

    def open(self, packet: bytes) -> list[Any]:
        message = self.state.decrypt_message_data(packet)
        if isinstance(message.obj, MessageContainer):
            return [inner.obj for inner in message.obj.messages]
        return [message.obj]


@pytest.fixture
def peer(rsa_key: RsaKey) -> Peer:
    return Peer(rsa_key)


def calls(effects: list[Any]) -> list[TLRequest]:
    return [effect.request for effect in effects if isinstance(effect, Call)]


def test_a_new_session_is_greeted_once_and_before_the_answer(peer: Peer) -> None:
    first_id, effects = peer.say(ASK)
    [greeting] = peer.read(effects)

    assert (first_id, peer.key.salt) == (greeting.first_msg_id, greeting.server_salt)
    assert [ASK] == calls(effects)
    assert [Call] == [type(effect) for effect in peer.say(ASK)[1]]


def test_answers_and_errors_name_the_request(peer: Peer) -> None:
    msg_id, [_, call] = peer.say(ASK)
    answer = types.NearestDc("DE", 2, 2)

    [result] = peer.open(peer.endpoint.answer(call, bytes(answer)))
    [refusal] = peer.open(peer.endpoint.fail(call, RpcFault(420, "FLOOD_WAIT_3")))
    [ack] = peer.open(peer.endpoint.acknowledge(call))

    assert msg_id == result.req_msg_id
    assert answer == BinaryReader(result.body).tgread_object()
    assert types.RpcError(420, "FLOOD_WAIT_3") == refusal.error
    assert types.MsgsAck([msg_id]) == ack


def test_a_wrong_salt_is_refused_with_the_right_one(peer: Peer) -> None:
    peer.state.salt = 0
    msg_id, effects = peer.say(ASK)
    [refusal] = peer.read(effects)

    assert types.BadServerSalt(msg_id, 1, 48, peer.key.salt) == refusal
    assert [] == calls(effects)


def test_a_changed_salt_holds_for_the_next_message(peer: Peer) -> None:
    msg_id, [_, call] = peer.say(ASK)
    [refusal] = peer.open(peer.endpoint.change_salt(call))
    stale = peer.say(ASK)[1]
    peer.state.salt = refusal.new_server_salt

    assert msg_id == refusal.bad_msg_id
    assert [] == calls(stale)
    assert [ASK] == calls(peer.say(ASK)[1])


@pytest.mark.parametrize(("code", "skew"), [(16, 600), (17, -600)])
def test_a_clock_that_is_minutes_off_is_told_so(peer: Peer, code: int, skew: int) -> None:
    peer.clock.now += skew
    msg_id, effects = peer.say(ASK)
    [refusal] = peer.read(effects)

    assert types.BadMsgNotification(msg_id, 1, code) == refusal
    assert [] == calls(effects)
    assert skew - 2 <= peer.state.time_offset <= skew + 2
    assert [ASK] == calls(peer.say(ASK)[1])


def test_a_request_with_an_even_seqno_is_refused(peer: Peer) -> None:
    peer.greet()
    msg_id, effects = peer.say(ASK, content=False)

    assert [types.BadMsgNotification(msg_id, 0, 35)] == peer.read(effects)


def test_a_message_that_comes_twice_is_carried_out_once(peer: Peer) -> None:
    peer.greet()
    [msg_id], packet = peer.write(bytes(ASK))

    assert [ASK] == calls(peer.endpoint.receive(packet))
    again = peer.endpoint.receive(packet)
    assert [] == calls(again)
    assert [types.MsgsAck([msg_id])] == peer.read(again)


def test_a_message_that_comes_again_in_a_container_is_carried_out_once(peer: Peer) -> None:
    peer.greet()
    peer.state._last_msg_id = 0
    ids, first = peer.write(bytes(ASK), bytes(ASK))
    inner = struct.pack("<qii", ids[0], 1, 4) + bytes(ASK)
    bundle = b"\xdc\xf8\xf1\x73\x01\0\0\0" + inner
    buffer = io.BytesIO()
    peer.state.write_data_as_message(buffer, bundle, False)
    second = peer.state.encrypt_message_data(buffer.getvalue())

    assert [ASK, ASK] == calls(peer.endpoint.receive(first))
    again = peer.endpoint.receive(second)
    assert [types.MsgsAck([ids[0]])] == peer.read(again)
    assert [] == calls(again)


def test_a_container_is_carried_out_in_order_and_answered_in_one(peer: Peer) -> None:
    peer.greet()
    config = functions.help.GetConfigRequest()
    ping = functions.PingRequest(3)
    ids, packet = peer.write(bytes(ping), bytes(ASK), bytes(ping), bytes(config))
    effects = peer.endpoint.receive(packet)

    assert [ASK, config] == calls(effects)
    assert [types.Pong(ids[0], 3), types.Pong(ids[2], 3)] == peer.read(effects)


def test_a_container_that_cannot_be_is_refused(peer: Peer) -> None:
    peer.greet()
    [msg_id], packet = peer.write(b"\xdc\xf8\xf1\x73\x09\0\0\0", content=False)

    assert [types.BadMsgNotification(msg_id, 0, 64)] == peer.read(peer.endpoint.receive(packet))


def test_one_bad_message_of_a_container_does_not_harm_the_others(peer: Peer) -> None:
    peer.greet()
    ids, packet = peer.write(bytes(ASK), b"\xde\xad\xbe\xef", bytes(ASK))
    effects = peer.endpoint.receive(packet)
    [refusal] = peer.read(effects)

    assert [ASK, ASK] == calls(effects)
    assert ids[1] == refusal.req_msg_id
    assert types.RpcError(400, "INPUT_METHOD_INVALID") == refusal.error


@pytest.mark.parametrize(
    "body",
    [
        b"\xde\xad\xbe\xef",
        bytes(types.InputPeerSelf()),
        struct.pack("<I", GzipPacked.CONSTRUCTOR_ID) + b"\x03bad",
        bytes(functions.InvokeAfterMsgRequest(1, ASK))[:12] * 20,
    ],
    ids="unknown no-method bad-gzip endless".split(),
)
def test_what_is_no_request_is_answered_with_an_error(peer: Peer, body: bytes) -> None:
    peer.greet()
    [result] = peer.read(peer.endpoint.receive(peer.write(body)[1]))

    assert types.RpcError(400, "INPUT_METHOD_INVALID") == result.error


def test_wrappers_are_taken_off_and_heeded(peer: Peer) -> None:
    packed = _OpaqueRequest(bytes(GzipPacked(bytes(ASK))))
    init = functions.InitConnectionRequest(1, "", "", "", "", "", "", packed)
    wrapped = functions.InvokeWithLayerRequest(
        214,
        functions.InvokeWithoutUpdatesRequest(
            functions.InvokeWithTakeoutRequest(5, functions.InvokeAfterMsgsRequest([1], init))
        ),
    )

    assert [ASK] == calls(peer.say(wrapped)[1])
    assert 214 == peer.key.caller.layer
    assert ("127.0.0.1", 4430) == peer.key.caller.server


def test_endless_wrappers_are_refused(peer: Peer) -> None:
    peer.greet()
    wrapped: TLRequest = ASK
    for _ in range(9):
        wrapped = functions.InvokeAfterMsgRequest(1, wrapped)
    [result] = peer.read(peer.say(wrapped)[1])

    assert types.RpcError(400, "INPUT_METHOD_INVALID") == result.error


def test_pings_are_answered(peer: Peer) -> None:
    peer.greet()
    first, effects = peer.say(functions.PingRequest(3))
    second, lingering = peer.say(functions.PingDelayDisconnectRequest(4, 75))

    assert [types.Pong(first, 3)] == peer.read(effects)
    assert [types.Pong(second, 4)] == peer.read(lingering)
    assert [Linger(75)] == lingering[1:]


def test_future_salts_are_given(peer: Peer) -> None:
    peer.greet()
    msg_id, effects = peer.say(functions.GetFutureSaltsRequest(3))
    [salts] = peer.read(effects)

    assert msg_id == salts.req_msg_id
    assert [peer.key.salt] * 3 == [salt.salt for salt in salts.salts]
    assert salts.salts[0].valid_until == salts.salts[1].valid_since


def test_the_state_of_messages_is_told(peer: Peer) -> None:
    known, _ = peer.say(ASK)
    asking, effects = peer.say(types.MsgsStateReq([known, 4]), content=False)
    _, resend = peer.say(types.MsgResendReq([known]), content=False)

    assert [types.MsgsStateInfo(asking, "\x04\x01")] == peer.read(effects)
    assert ["\x04"] == [info.info for info in peer.read(resend)]


@pytest.mark.parametrize(
    "said",
    [
        types.MsgsAck([1, 2]),
        types.HttpWait(1, 2, 3),
        types.MsgsAllInfo([1], "\x01"),
        types.MsgsStateInfo(1, "\x01"),
    ],
    ids=lambda said: type(said).__name__,
)
def test_what_needs_no_answer_gets_none(peer: Peer, said: TLObject) -> None:
    peer.greet()

    assert [] == peer.say(said, content=False)[1]


def test_sessions_and_keys_can_be_destroyed(peer: Peer) -> None:
    peer.greet()
    peer.key.session(99)
    answers = [
        peer.read(peer.say(functions.DestroySessionRequest(session))[1])[0]
        for session in (99, 99, peer.state.id)
    ]

    assert [types.DestroySessionOk, types.DestroySessionNone, types.DestroySessionNone] == [
        type(answer) for answer in answers
    ]
    assert [types.DestroyAuthKeyOk()] == peer.read(peer.say(functions.DestroyAuthKeyRequest())[1])
    assert [HangUp(NOT_FOUND)] == peer.say(ASK)[1]


def test_an_answer_that_is_dropped_was_never_known(peer: Peer) -> None:
    peer.greet()
    [result] = peer.read(peer.say(functions.RpcDropAnswerRequest(5))[1])

    assert isinstance(result, RpcResult)
    assert types.RpcAnswerUnknown() == BinaryReader(result.body).tgread_object()


def test_old_sessions_are_forgotten_and_greeted_again(peer: Peer) -> None:
    first = peer.key.session(0)
    for session_id in range(1, 70):
        peer.key.session(session_id)

    assert first is not peer.key.session(0)


def test_updates_reach_every_session_that_wants_them(peer: Peer) -> None:
    peer.greet()
    update = types.UpdatesTooLong()
    peer.key.caller.push(update)
    [packet] = peer.pushed

    assert [update] == peer.open(packet)

    peer.say(functions.InvokeWithoutUpdatesRequest(ASK))
    peer.key.caller.push(update)
    assert [packet] == peer.pushed

    peer.endpoint.close()
    assert set() == peer.key.caller.listeners


def test_a_handshake_runs_in_the_open(peer: Peer) -> None:
    ask = bytes(functions.ReqPqMultiRequest(5))
    [sent] = peer.endpoint.receive(struct.pack("<qqi", 0, 4, len(ask)) + ask)
    key_id, msg_id, length = struct.unpack_from("<qqi", sent.packet)

    assert (0, 1, len(sent.packet) - 20) == (key_id, msg_id % 4, length)
    assert 5 == BinaryReader(sent.packet[20:]).tgread_object().nonce


def test_acks_in_the_open_are_ignored(peer: Peer) -> None:
    ack = bytes(types.MsgsAck([1]))

    assert [] == peer.endpoint.receive(struct.pack("<qqi", 0, 4, len(ack)) + ack)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(data=st.binary(max_size=120), known=st.booleans(), zero=st.booleans())
def test_garbage_ends_the_connection(peer: Peer, data: bytes, known: bool, zero: bool) -> None:
    front = bytes(20) if zero else peer.state.encrypt_message_data(b"")[:8] if known else b""

    assert [HangUp(NOT_FOUND)] == peer.endpoint.receive(front + data)
