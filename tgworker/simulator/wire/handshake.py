"""Making an authorisation key: Diffie-Hellman, with the server proved by its RSA key.

Source: https://core.telegram.org/mtproto/auth_key
"""

from __future__ import annotations

from hashlib import sha1

import cryptg
from attrs import frozen
from telethon.crypto import AuthKey
from telethon.helpers import generate_key_data_from_nonce
from telethon.tl.functions import (
    ReqDHParamsRequest,
    ReqPqMultiRequest,
    ReqPqRequest,
    SetClientDHParamsRequest,
)
from telethon.tl.tlobject import TLObject
from telethon.tl.types import (
    ClientDHInnerData,
    DhGenFail,
    DhGenOk,
    PQInnerData,
    PQInnerDataDc,
    PQInnerDataTemp,
    PQInnerDataTempDc,
    ResPQ,
    ServerDHInnerData,
    ServerDHParamsOk,
)

from tgworker.simulator.wire.cipher import AUTH_KEY_BYTES
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.wire.tl import TLError, read_front
from tgworker.simulator.wire.transports import Entropy

P, Q = 10_000_019, 10_000_079
"""The client's proof of work: primes so small that any client finds them within milliseconds. Their product begins with
a zero bit, because Telethon reads it as a signed number."""

G = 3
DH_PRIME = int(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f"
    "48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37"
    "20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4"
    "a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754"
    "fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f"
    "0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b",
    16,
)
"""The safe prime that Telegram uses and clients know."""

_SAFETY = 1 << (2048 - 64)
"""Both public values keep so far from 0 and from the prime."""

STEPS = {
    ReqPqRequest: "req_pq",
    ReqPqMultiRequest: "req_pq_multi",
    ReqDHParamsRequest: "req_DH_params",
    SetClientDHParamsRequest: "set_client_DH_params",
}
"""What the client asks, as Telegram writes it; each once."""

_INNER_KINDS = (PQInnerData, PQInnerDataDc, PQInnerDataTemp, PQInnerDataTempDc)


class HandshakeError(Exception):
    """The client broke the rules: close the connection."""


@frozen
class NewKey:
    """What came of it: the key's 256 bytes, and its first salt."""

    auth_key: bytes
    salt: int


@frozen
class _Offered:
    """Step one is done: we said which number to factorise."""

    nonce: int
    server_nonce: int


@frozen
class _Exchanging:
    """Step two is done: we sent our half of Diffie-Hellman, closed with a key from both nonces."""

    offered: _Offered
    new_nonce: int
    secret: int


class Handshake:
    """One connection's key exchange; a client may begin it again at any time."""

    def __init__(self, rsa: RsaKey, entropy: Entropy) -> None:
        self._rsa = rsa
        self._entropy = entropy
        self._state: _Offered | _Exchanging | None = None

    def answer(self, request: TLObject, now: float) -> tuple[TLObject, NewKey | None]:
        """The reply to one step, and the new key with the last one. `now`: the server's clock, Unix time.

        Raises:
            HandshakeError: not a step, not its turn, or nonces, factors or encryption are wrong.
        """
        match request, self._state:
            case ReqPqRequest() | ReqPqMultiRequest(), _:
                return self._offer(request.nonce), None
            case ReqDHParamsRequest(), _Offered() as offered:
                return self._exchange(request, offered, now), None
            case SetClientDHParamsRequest(), _Exchanging() as exchanging:
                return self._finish(request, exchanging)
        raise HandshakeError(f"{type(request).__name__} is not due")

    def _offer(self, nonce: int) -> TLObject:
        server_nonce = int.from_bytes(self._entropy(16), "little", signed=True)
        self._state = _Offered(nonce, server_nonce)
        return ResPQ(nonce, server_nonce, _big_endian(P * Q), [self._rsa.fingerprint])

    def _exchange(self, request: TLObject, offered: _Offered, now: float) -> TLObject:
        _check_nonces(request, offered)
        inner = self._rsa.open(request.encrypted_data)
        if not isinstance(inner, _INNER_KINDS):
            raise HandshakeError("the client's secret does not open with this key")
        _check_nonces(inner, offered)
        if (inner.p, inner.q) != (_big_endian(P), _big_endian(Q)):
            raise HandshakeError("wrong factors")
        secret, public = self._our_half()
        self._state = _Exchanging(offered, inner.new_nonce, secret)
        answer = bytes(
            ServerDHInnerData(
                offered.nonce, offered.server_nonce, G, _big_endian(DH_PRIME), public, int(now)
            )
        )
        hashed = sha1(answer).digest() + answer
        padded = hashed + self._entropy(-len(hashed) % 16)
        key, iv = generate_key_data_from_nonce(offered.server_nonce, inner.new_nonce)
        encrypted = cryptg.encrypt_ige(padded, key, iv)
        return ServerDHParamsOk(offered.nonce, offered.server_nonce, encrypted)

    def _our_half(self) -> tuple[int, bytes]:
        """The secret exponent and the public value; a value in the unsafe margins is as good as impossible."""
        secret = int.from_bytes(self._entropy(256), "big")
        return secret, _big_endian(pow(G, secret, DH_PRIME))

    def _finish(self, request: TLObject, exchanging: _Exchanging) -> tuple[TLObject, NewKey | None]:
        offered, new_nonce = exchanging.offered, exchanging.new_nonce
        _check_nonces(request, offered)
        inner = _open_client_half(request.encrypted_data, offered.server_nonce, new_nonce)
        _check_nonces(inner, offered)
        their_half = int.from_bytes(inner.g_b, "big")
        shared = pow(their_half, exchanging.secret, DH_PRIME)
        key = shared.to_bytes(AUTH_KEY_BYTES, "big")

        def reply(kind: type[TLObject], number: int) -> TLObject:
            proof = AuthKey(key).calc_new_nonce_hash(new_nonce, number)
            return kind(offered.nonce, offered.server_nonce, proof)

        if not _SAFETY <= their_half <= DH_PRIME - _SAFETY:
            self._state = None
            return reply(DhGenFail, 3), None
        self._state = None
        return reply(DhGenOk, 1), NewKey(key, _first_salt(new_nonce, offered.server_nonce))


def _open_client_half(encrypted: bytes, server_nonce: int, new_nonce: int) -> TLObject:
    if not encrypted or len(encrypted) % 16:
        raise HandshakeError("not whole blocks")
    plain = cryptg.decrypt_ige(encrypted, *generate_key_data_from_nonce(server_nonce, new_nonce))
    try:
        inner, end = read_front(plain[20:])
    except TLError as error:
        raise HandshakeError(str(error)) from error
    if (
        not isinstance(inner, ClientDHInnerData)
        or sha1(plain[20 : 20 + end]).digest() != plain[:20]
    ):
        raise HandshakeError("the client's half is not whole")
    return inner


def _check_nonces(said: TLObject, offered: _Offered) -> None:
    if (said.nonce, said.server_nonce) != (offered.nonce, offered.server_nonce):
        raise HandshakeError("wrong nonce")


def _first_salt(new_nonce: int, server_nonce: int) -> int:
    """The lower 64 bits of both, XORed."""
    mixed = (new_nonce ^ server_nonce) & (2**64 - 1)
    return int.from_bytes(mixed.to_bytes(8, "little"), "little", signed=True)


def _big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
