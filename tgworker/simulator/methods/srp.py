"""The server's half of the second password: it checks a proof and never sees the password.

Source: https://core.telegram.org/api/srp; names as there. Nothing here is secret, so the server's random number comes
from the world's seed.
"""

from __future__ import annotations

import hmac
from hashlib import pbkdf2_hmac, sha256
from typing import Any

from telethon.tl import types

from tgworker.simulator.world.draws import derive

_P_BYTES = bytes.fromhex(
    "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f"
    "48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37"
    "20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64"
    "2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4"
    "a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754"
    "fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4"
    "e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f"
    "0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b"
)
"""Telegram's own prime, which clients know to be good and do not test."""
_P = int.from_bytes(_P_BYTES, "big")
_G = 3
_SALT_1 = b"tgworker salt one"
_SALT_2 = b"tgworker salt two"
_ROUNDS = 100_000


class Verifier:
    """Checks one try of one client at the password."""

    def __init__(self, password: str, seed: int, auth_key_id: int) -> None:
        v = pow(_G, int.from_bytes(_password_hash(password), "big"), _P)
        k = int.from_bytes(_hash(_P_BYTES, _wide(_G)), "big")
        random = sha256(str(derive(seed, "srp", auth_key_id)).encode()).digest() * 8
        self._v = v
        self._b = int.from_bytes(random, "big")
        self._b_public = (k * v + pow(_G, self._b, _P)) % _P
        self._id = derive(seed, "srp id", auth_key_id) >> 1

    def challenge(self, hint: str | None = None) -> Any:
        """``account.password`` as the client gets it."""
        algo = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow(
            _SALT_1, _SALT_2, _G, _P_BYTES
        )
        return types.account.Password(
            new_algo=algo,
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=b"",
            has_password=True,
            current_algo=algo,
            srp_B=_wide(self._b_public),
            srp_id=self._id,
            hint=hint,
        )

    def accepts(self, proof: Any) -> bool:
        """Does this ``inputCheckPasswordSRP`` come from somebody who knows the password?"""
        if getattr(proof, "srp_id", None) != self._id:
            return False
        a_public = int.from_bytes(proof.A, "big")
        if not 0 < a_public < _P:
            return False
        u = int.from_bytes(_hash(_wide(a_public), _wide(self._b_public)), "big")
        secret = pow(a_public * pow(self._v, u, _P), self._b, _P)
        expected = _hash(
            bytes(p ^ g for p, g in zip(_hash(_P_BYTES), _hash(_wide(_G)), strict=True)),
            _hash(_SALT_1),
            _hash(_SALT_2),
            _wide(a_public),
            _wide(self._b_public),
            _hash(_wide(secret)),
        )
        return hmac.compare_digest(expected, proof.M1)


def _password_hash(password: str) -> bytes:
    """What Telegram calls PH2."""
    first = _salted(_salted(password.encode(), _SALT_1), _SALT_2)
    return _salted(pbkdf2_hmac("sha512", first, _SALT_1, _ROUNDS), _SALT_2)


def _salted(data: bytes, salt: bytes) -> bytes:
    return _hash(salt, data, salt)


def _hash(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def _wide(number: int) -> bytes:
    return number.to_bytes(256, "big")
