"""The server's RSA key, which clients must know beforehand.

Source: https://core.telegram.org/mtproto/auth_key#presenting-proof-of-work-server-authentication
"""

from __future__ import annotations

from hashlib import sha1, sha256

import cryptg
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from telethon.tl.tlobject import TLObject

from tgworker.simulator.wire.tl import TLError, read_front

KEY_BITS = 2048
_BLOCK = KEY_BITS // 8


class RsaKey:
    """A private key of 2048 bits."""

    def __init__(self, private: rsa.RSAPrivateKey) -> None:
        numbers = private.private_numbers()
        self._exponent = numbers.d
        self._modulus = numbers.public_numbers.n
        self.fingerprint = _fingerprint(self._modulus, numbers.public_numbers.e)
        """The lower 64 bits of the SHA-1 of the public key, signed as they are sent."""
        self.public_key_pem = (
            private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode("ascii")
        )
        """PKCS#1, as Telethon's ``telethon.crypto.rsa.add_key`` takes it."""

    @classmethod
    def generate(cls) -> RsaKey:
        """A new random key; takes about a tenth of a second."""
        return cls(rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS))

    def open(self, block: bytes) -> TLObject | None:
        """The object a client encrypted for us, or None if it is not whole.

        Both ways of padding are known: RSA_PAD of today's clients, and SHA-1 in front, which
        Telethon keeps to.
        """
        if len(block) != _BLOCK or (number := int.from_bytes(block, "big")) >= self._modulus:
            return None
        plain = pow(number, self._exponent, self._modulus).to_bytes(_BLOCK, "big")
        try:
            return _unpad(plain) or _unhash(plain)
        except TLError:
            return None


def _fingerprint(modulus: int, exponent: int) -> int:
    parts = (
        number.to_bytes((number.bit_length() + 7) // 8, "big") for number in (modulus, exponent)
    )
    digest = sha1(b"".join(map(TLObject.serialize_bytes, parts))).digest()
    return int.from_bytes(digest[-8:], "little", signed=True)


def _unpad(plain: bytes) -> TLObject | None:
    """Undo RSA_PAD: the AES key is masked by the hash of what it encrypts."""
    masked, encrypted = plain[:32], plain[32:]
    temp_key = bytes(a ^ b for a, b in zip(masked, sha256(encrypted).digest(), strict=True))
    data: bytes = cryptg.decrypt_ige(encrypted, temp_key, bytes(32))
    padded, digest = data[:192][::-1], data[192:]
    return read_front(padded)[0] if sha256(temp_key + padded).digest() == digest else None


def _unhash(plain: bytes) -> TLObject | None:
    """Undo the old way: a zero byte, the SHA-1 of the data, the data, padding."""
    digest, padded = plain[1:21], plain[21:]
    inner, end = read_front(padded)
    return inner if plain[0] == 0 and sha1(padded[:end]).digest() == digest else None
