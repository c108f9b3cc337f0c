"""The server's encryption is the other half of Telethon's."""

from __future__ import annotations

import logging
import os
from collections import defaultdict

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from telethon.crypto import AuthKey
from telethon.network.mtprotostate import MTProtoState
from telethon.tl.types import Pong

from tgworker.simulator.wire.cipher import CipherError, Plain, decrypt, encrypt, key_id

AUTH_KEY = bytes(range(256))


def client() -> MTProtoState:
    state = MTProtoState(AuthKey(AUTH_KEY), defaultdict(lambda: logging.getLogger("telethon")))
    state.salt = 77
    return state


@given(body=st.binary(min_size=1, max_size=300).map(lambda data: data * 4))
def test_the_server_reads_what_telethon_encrypts(body: bytes) -> None:
    state = client()
    head = b"".join(number.to_bytes(size, "little") for number, size in ((44, 8), (3, 4)))
    packet = state.encrypt_message_data(head + len(body).to_bytes(4, "little") + body)

    assert Plain(77, state.id, 44, 3, body) == decrypt(AUTH_KEY, packet)
    assert key_id(AUTH_KEY) == int.from_bytes(packet[:8], "little", signed=True)


def test_telethon_reads_what_the_server_encrypts() -> None:
    state = client()
    msg_id = state._get_new_msg_id() | 1
    plain = Plain(77, state.id, msg_id, 0, bytes(Pong(5, 6)))

    message = state.decrypt_message_data(encrypt(AUTH_KEY, plain, os.urandom))

    assert Pong(5, 6) == message.obj
    assert msg_id == message.msg_id


def test_padding_of_the_transport_is_cut_off() -> None:
    state = client()
    packet = state.encrypt_message_data((44).to_bytes(12, "little") + b"\x04\0\0\0ping")

    assert b"ping" == decrypt(AUTH_KEY, packet + b"pad!").body


@given(place=st.integers(8, 87), bit=st.integers(0, 7))
def test_a_packet_with_one_flipped_bit_is_refused(place: int, bit: int) -> None:
    packet = bytearray(client().encrypt_message_data(bytes(12) + b"\x08\0\0\0pingping"))
    packet[place] ^= 1 << bit

    with pytest.raises(CipherError):
        decrypt(AUTH_KEY, bytes(packet))


def test_a_packet_that_is_cut_short_is_refused() -> None:
    with pytest.raises(CipherError, match="too short"):
        decrypt(AUTH_KEY, bytes(40))


@pytest.mark.parametrize("length", [0, 3, 6, 2000, -4], ids=str)
def test_lengths_that_cannot_be_are_refused(length: int) -> None:
    head = (44).to_bytes(12, "little") + length.to_bytes(4, "little", signed=True)
    packet = client().encrypt_message_data(head + b"pingping")

    with pytest.raises(CipherError, match="bytes in a packet of"):
        decrypt(AUTH_KEY, packet)


def test_the_same_message_looks_different_each_time() -> None:
    plain = Plain(1, 2, 3, 4, b"ping")

    assert encrypt(AUTH_KEY, plain, os.urandom) != encrypt(AUTH_KEY, plain, os.urandom)
    assert encrypt(AUTH_KEY, plain, bytes) == encrypt(AUTH_KEY, evolve(plain), bytes)
