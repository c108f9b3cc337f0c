"""MTProto 2.0 encryption, the server's side of it.

Source: https://core.telegram.org/mtproto/description#protocol-description
"""

from __future__ import annotations

import struct
from hashlib import sha1, sha256

import cryptg
from attrs import frozen

from tgworker.simulator.wire.transports import Entropy

AUTH_KEY_BYTES = 256
_HEADER = struct.Struct("<qqqii")
_MIN_PADDING, _MAX_PADDING = 12, 1024


class CipherError(Exception):
    """A packet that was not made with this key, or was tampered with."""


@frozen
class Plain:
    """A message in the clear. ``session_id`` names the client's session, ``body`` is serialised TL."""

    salt: int
    session_id: int
    msg_id: int
    seqno: int
    body: bytes


def key_id(auth_key: bytes) -> int:
    """The name of an authorisation key: the lower 64 bits of its SHA-1, signed as they are sent."""
    return int.from_bytes(sha1(auth_key).digest()[12:20], "little", signed=True)


def decrypt(auth_key: bytes, packet: bytes) -> Plain:
    """Open a packet from a client (with its key id in front).

    Raises:
        CipherError: the message key does not fit, or lengths and padding are not as the protocol says.
    """
    msg_key, data = packet[8:24], packet[24:]
    data = data[: len(data) // 16 * 16]  # a padded transport may have added to it
    if len(data) < _HEADER.size:
        raise CipherError("the packet is too short")
    plain = cryptg.decrypt_ige(data, *_aes_key(auth_key, msg_key, 0))
    if sha256(auth_key[88:120] + plain).digest()[8:24] != msg_key:
        raise CipherError("the message key does not fit")
    salt, session_id, msg_id, seqno, length = _HEADER.unpack_from(plain)
    if length < 4 or length % 4 or not _MIN_PADDING <= len(plain) - 32 - length <= _MAX_PADDING:
        raise CipherError(f"{length} bytes in a packet of {len(plain)}")
    return Plain(salt, session_id, msg_id, seqno, plain[32 : 32 + length])


def encrypt(auth_key: bytes, plain: Plain, entropy: Entropy) -> bytes:
    """Close a packet for a client."""
    head = _HEADER.pack(plain.salt, plain.session_id, plain.msg_id, plain.seqno, len(plain.body))
    filled = len(head) + len(plain.body)
    data = head + plain.body + entropy(-(filled + _MIN_PADDING) % 16 + _MIN_PADDING)
    msg_key = sha256(auth_key[96:128] + data).digest()[8:24]
    sealed: bytes = cryptg.encrypt_ige(data, *_aes_key(auth_key, msg_key, 8))
    return struct.pack("<q", key_id(auth_key)) + msg_key + sealed


def _aes_key(auth_key: bytes, msg_key: bytes, x: int) -> tuple[bytes, bytes]:
    """AES key and IV; `x` is 0 for what a client sends, 8 for what it gets."""
    a = sha256(msg_key + auth_key[x : x + 36]).digest()
    b = sha256(auth_key[x + 40 : x + 76] + msg_key).digest()
    return a[:8] + b[8:24] + a[24:32], b[:8] + a[8:24] + b[24:32]
