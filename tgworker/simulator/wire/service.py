"""Messages that keep the connection itself going, and the wrappers around requests.

Source: https://core.telegram.org/mtproto/service_messages and https://core.telegram.org/api/invoking
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from attrs import frozen
from telethon.tl import functions, types
from telethon.tl.core import GzipPacked, RpcResult
from telethon.tl.tlobject import TLObject

from tgworker.simulator.wire import tl
from tgworker.simulator.wire.keys import KeyStore, ServerKey
from tgworker.simulator.wire.session import Session

_WRAPPERS = (
    functions.InitConnectionRequest,
    functions.InvokeAfterMsgRequest,
    functions.InvokeAfterMsgsRequest,
    functions.InvokeWithLayerRequest,
    functions.InvokeWithMessagesRangeRequest,
    functions.InvokeWithTakeoutRequest,
    functions.InvokeWithoutUpdatesRequest,
)
_NEEDS_NO_ANSWER = (
    types.HttpWait,
    types.MsgsAck,
    types.MsgsAllInfo,
    types.MsgsStateInfo,
)
_MAX_WRAPPERS = 8
_RECEIVED, _UNKNOWN = "\x04", "\x01"
_SALT_SECONDS = 3600
_MAX_SALTS = 64


@frozen
class Linger:
    """Close the connection after so many seconds, unless the client asks again."""

    seconds: float


@frozen
class Service:
    """What a service message calls for."""

    bodies: Sequence[bytes] = ()
    effects: Sequence[Linger] = ()


def answer_service(
    said: TLObject, msg_id: int, key: ServerKey, session: Session, keys: KeyStore, now: float
) -> Service | None:
    """Answer a service message, or None if it is not one."""
    if isinstance(said, _NEEDS_NO_ANSWER):
        return Service()
    match said:
        case functions.PingRequest():
            return _say(types.Pong(msg_id, said.ping_id))
        case functions.PingDelayDisconnectRequest():
            pong = bytes(types.Pong(msg_id, said.ping_id))
            return Service([pong], [Linger(said.disconnect_delay)])
        case functions.GetFutureSaltsRequest():
            return _say(_future_salts(msg_id, said.num, key, now))
        case functions.DestroySessionRequest():
            known = said.session_id != session.session_id and key.end_session(said.session_id)
            kind = types.DestroySessionOk if known else types.DestroySessionNone
            return _say(kind(said.session_id))
        case functions.DestroyAuthKeyRequest():
            keys.revoke(key.caller.auth_key_id)
            return _say(types.DestroyAuthKeyOk())
        case functions.RpcDropAnswerRequest():
            head = struct.pack("<Iq", RpcResult.CONSTRUCTOR_ID, msg_id)
            return Service([head + bytes(types.RpcAnswerUnknown())])
        case types.MsgsStateReq() | types.MsgResendReq():
            states = (_RECEIVED if session.has(asked) else _UNKNOWN for asked in said.msg_ids)
            return _say(types.MsgsStateInfo(msg_id, "".join(states)))
    return None


def unwrap(said: TLObject, key: ServerKey, session: Session) -> TLObject:
    """The request inside its wrappers, noting what they say. Raises TLError.

    ``invokeAfterMsg`` needs no more than that: requests are carried out in the order they come.
    """
    for _ in range(_MAX_WRAPPERS):
        if isinstance(said, functions.InvokeWithLayerRequest):
            key.caller.layer = said.layer
        elif isinstance(said, functions.InvokeWithoutUpdatesRequest):
            session.quiet = True
        if isinstance(said, _WRAPPERS):
            said = said.query
        elif isinstance(said, GzipPacked):
            said = tl.read_object(said.data)
        else:
            return said
    raise tl.TLError("wrapped too often")


def _say(answer: TLObject) -> Service:
    return Service([bytes(answer)])


def _future_salts(msg_id: int, wanted: int, key: ServerKey, now: float) -> TLObject:
    """The salt stays the same until a fault changes it, so it is the answer for every hour to come."""
    count = min(max(wanted, 1), _MAX_SALTS)
    starts = range(int(now), int(now) + count * _SALT_SECONDS, _SALT_SECONDS)
    salts = [types.FutureSalt(start, start + _SALT_SECONDS, key.salt) for start in starts]
    return types.FutureSalts(msg_id, int(now), salts)
