"""The key exchange: Telethon's own code on the other side, and what happens when somebody cheats."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from hashlib import sha1, sha256
from typing import Any

import cryptg
import pytest
from attrs import define, field
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from telethon.crypto import AuthKey
from telethon.crypto import rsa as telethon_rsa
from telethon.extensions import BinaryReader
from telethon.helpers import generate_key_data_from_nonce
from telethon.network.authenticator import do_authentication
from telethon.tl.functions import (
    PingRequest,
    ReqDHParamsRequest,
    ReqPqMultiRequest,
    ReqPqRequest,
    SetClientDHParamsRequest,
)
from telethon.tl.types import (
    ClientDHInnerData,
    DhGenFail,
    DhGenOk,
    PQInnerData,
    PQInnerDataDc,
    ResPQ,
)

from tgworker.simulator.wire.handshake import DH_PRIME, G, Handshake, HandshakeError, P, Q
from tgworker.simulator.wire.rsakey import RsaKey

NONCE, NEW_NONCE = 123456789, 987654321
SECRET = b"\x5a" * 256
"""The server's secret exponent, where a test fixes it."""
ZERO_FIRST = (1 << 2000) + 208
"""A client's secret exponent, found by trying: with the server's it makes a key that begins with a zero."""


def big_endian(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def seal_old(key: RsaKey, data: bytes) -> bytes:
    telethon_rsa.add_key(key.public_key_pem, old=False)
    return telethon_rsa.encrypt(key.fingerprint, data)


def seal_new(key: RsaKey, data: bytes) -> bytes:
    """RSA_PAD, as today's official clients do it."""
    numbers = load_pem_public_key(key.public_key_pem.encode()).public_numbers()
    padded = data + os.urandom(192 - len(data))
    while True:
        temp_key = os.urandom(32)
        hashed = padded[::-1] + sha256(temp_key + padded).digest()
        encrypted = cryptg.encrypt_ige(hashed, temp_key, bytes(32))
        masked = bytes(a ^ b for a, b in zip(temp_key, sha256(encrypted).digest(), strict=True))
        if (number := int.from_bytes(masked + encrypted, "big")) < numbers.n:
            return pow(number, numbers.e, numbers.n).to_bytes(256, "big")


@define
class ByHand:
    """A client whose every step can be spoiled."""

    handshake: Handshake
    key: RsaKey
    seal: Callable[[RsaKey, bytes], bytes] = seal_old
    inner: dict[str, Any] = field(factory=dict)
    server_nonce: int = 0

    def offer(self) -> ResPQ:
        answer, _ = self.handshake.answer(ReqPqRequest(NONCE), 0)
        self.server_nonce = answer.server_nonce
        return answer

    def exchange(self, **changes: Any) -> Any:
        nonces = {"nonce": NONCE, "server_nonce": self.server_nonce}
        said = {"pq": big_endian(P * Q), "p": big_endian(P), "q": big_endian(Q)}
        inner = PQInnerData(**(said | nonces | {"new_nonce": NEW_NONCE} | self.inner))
        request = {
            **nonces,
            "p": inner.p,
            "q": inner.q,
            "public_key_fingerprint": self.key.fingerprint,
            "encrypted_data": self.seal(self.key, bytes(inner)),
        }
        return self.handshake.answer(ReqDHParamsRequest(**(request | changes)), 1_700_000_000.9)

    def finish(self, g_b: int, *, spoil: Callable[[bytes], bytes] = bytes, **changes: Any) -> Any:
        inner = bytes(
            ClientDHInnerData(
                NONCE, changes.get("inner_nonce", self.server_nonce), 0, big_endian(g_b)
            )
        )
        hashed = sha1(inner).digest() + inner
        aes = generate_key_data_from_nonce(self.server_nonce, NEW_NONCE)
        encrypted = cryptg.encrypt_ige(hashed + bytes(-len(hashed) % 16), *aes)
        request = SetClientDHParamsRequest(NONCE, self.server_nonce, spoil(encrypted))
        return self.handshake.answer(request, 0)


@pytest.fixture
def by_hand(rsa_key: RsaKey) -> ByHand:
    return ByHand(
        Handshake(rsa_key, lambda length: SECRET if length == 256 else os.urandom(length)), rsa_key
    )


class Sender:
    """Stands where Telethon's connection is."""

    def __init__(self, handshake: Handshake, now: float) -> None:
        self.handshake, self.now = handshake, now
        self.made: Any = None

    async def send(self, request: Any) -> Any:
        answer, self.made = self.handshake.answer(request, self.now)
        return BinaryReader(bytes(answer)).tgread_object()


async def test_telethon_and_the_server_agree_on_a_key(rsa_key: RsaKey) -> None:
    sender = Sender(Handshake(rsa_key, os.urandom), time.time() + 600)

    auth_key, offset = await do_authentication(sender)

    assert auth_key.key == sender.made.auth_key
    assert offset in (599, 600)


@pytest.mark.parametrize("seal", [seal_old, seal_new])
def test_both_ways_of_padding_are_understood(by_hand: ByHand, seal: Any) -> None:
    by_hand.seal = seal
    by_hand.offer()
    by_hand.exchange()
    b = (1 << 2000) + 3

    answer, made = by_hand.finish(pow(G, b, DH_PRIME))

    shared = pow(pow(G, int.from_bytes(SECRET, "big"), DH_PRIME), b, DH_PRIME).to_bytes(256, "big")
    proof = AuthKey(shared).calc_new_nonce_hash(NEW_NONCE, 1)
    assert DhGenOk(NONCE, by_hand.server_nonce, proof) == answer
    assert shared == made.auth_key


def test_the_first_salt_is_made_of_both_nonces(by_hand: ByHand) -> None:
    by_hand.offer()
    by_hand.exchange()

    _, made = by_hand.finish(pow(G, (1 << 2000) + 3, DH_PRIME))

    mixed = (NEW_NONCE ^ by_hand.server_nonce) & (2**64 - 1)
    assert mixed == made.salt & (2**64 - 1)


def test_a_key_with_a_leading_zero_has_all_its_bytes(by_hand: ByHand) -> None:
    by_hand.offer()
    by_hand.exchange()

    answer, made = by_hand.finish(pow(G, ZERO_FIRST, DH_PRIME))

    assert isinstance(answer, DhGenOk)
    assert (256, 0) == (len(made.auth_key), made.auth_key[0])


def test_a_half_near_the_edge_is_refused(by_hand: ByHand) -> None:
    by_hand.offer()
    by_hand.exchange()

    answer, made = by_hand.finish(4)

    assert isinstance(answer, DhGenFail)
    assert made is None


def test_the_prime_is_safe_and_the_generator_fits() -> None:
    half = (DH_PRIME - 1) // 2

    assert 2048 == DH_PRIME.bit_length()
    assert 1 == pow(2, DH_PRIME - 1, DH_PRIME)
    assert 1 == pow(2, half - 1, half)
    assert (3, 2) == (G, DH_PRIME % 3)


@pytest.mark.parametrize(
    "inner",
    [{"nonce": 1}, {"server_nonce": 1}, {"p": big_endian(Q), "q": big_endian(P)}],
    ids="nonce server_nonce factors".split(),
)
def test_a_secret_with_a_wrong_part_is_refused(by_hand: ByHand, inner: dict[str, Any]) -> None:
    by_hand.inner = inner
    by_hand.offer()

    with pytest.raises(HandshakeError, match="wrong"):
        by_hand.exchange()


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": 1},
        {"encrypted_data": bytes(256)},
        {"encrypted_data": b"\xff" * 256},
        {"encrypted_data": b"\x01" * 256},
        {"encrypted_data": b"short"},
    ],
    ids="nonce zeros above-modulus random short".split(),
)
def test_a_second_step_with_a_wrong_part_is_refused(by_hand: ByHand, changes: Any) -> None:
    by_hand.offer()

    with pytest.raises(HandshakeError):
        by_hand.exchange(**changes)


def test_a_secret_of_another_kind_is_refused(by_hand: ByHand) -> None:
    by_hand.offer()
    other = seal_old(by_hand.key, bytes(PingRequest(1)))

    with pytest.raises(HandshakeError, match="does not open"):
        by_hand.exchange(encrypted_data=other)


def test_the_secret_may_name_the_data_centre(by_hand: ByHand) -> None:
    by_hand.offer()
    inner = PQInnerDataDc(
        big_endian(P * Q),
        big_endian(P),
        big_endian(Q),
        NONCE,
        by_hand.server_nonce,
        NEW_NONCE,
        2,
    )

    answer, _ = by_hand.exchange(encrypted_data=seal_new(by_hand.key, bytes(inner)))

    assert NONCE == answer.nonce


@pytest.mark.parametrize(
    "spoil",
    [
        lambda encrypted: b"",
        lambda encrypted: encrypted[:-1],
        lambda encrypted: bytes(len(encrypted)),
        lambda encrypted: encrypted[:-16] + bytes(16),
    ],
    ids="empty odd zeros tail".split(),
)
def test_a_last_step_that_is_not_whole_is_refused(by_hand: ByHand, spoil: Any) -> None:
    by_hand.offer()
    by_hand.exchange()

    with pytest.raises(HandshakeError):
        by_hand.finish(pow(G, (1 << 2000) + 3, DH_PRIME), spoil=spoil)


def test_a_last_step_with_a_wrong_nonce_inside_is_refused(by_hand: ByHand) -> None:
    by_hand.offer()
    by_hand.exchange()

    with pytest.raises(HandshakeError, match="wrong nonce"):
        by_hand.finish(pow(G, (1 << 2000) + 3, DH_PRIME), inner_nonce=5)


def test_steps_out_of_turn_are_refused(by_hand: ByHand) -> None:
    with pytest.raises(HandshakeError, match="ReqDHParamsRequest is not due"):
        by_hand.exchange()
    by_hand.offer()
    with pytest.raises(HandshakeError, match="SetClientDHParamsRequest is not due"):
        by_hand.finish(5)
    with pytest.raises(HandshakeError, match="PingRequest is not due"):
        by_hand.handshake.answer(PingRequest(1), 0)


def test_a_client_may_begin_again(by_hand: ByHand) -> None:
    first, second = by_hand.offer(), by_hand.handshake.answer(ReqPqMultiRequest(5), 0)[0]

    assert (NONCE, 5) == (first.nonce, second.nonce)
    assert first.server_nonce != second.server_nonce
