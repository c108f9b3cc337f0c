"""Randomness that comes from the seed alone, the same on every machine and in every process.

``hash()`` of a text differs from process to process, so names go through SHA-256.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

T = TypeVar("T")

_MASK = 2**64 - 1


def derive(*parts: int | str) -> int:
    """64 bits that depend on all of `parts`."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def mix(value: int) -> int:
    """64 bits from a number: a random draw without the cost of a generator.

    Source: splitmix64, https://prng.di.unimi.it/splitmix64.c
    """
    value = (value + 0x9E3779B97F4A7C15) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def access_hash(seed: int, id: int) -> int:
    """The 64-bit signed number that a client must show with an id."""
    return derive(seed, "access hash", id) - 2**63 or 1


def pick(rng: Random, items: Sequence[T]) -> T:
    """One of them. ``Random.choice`` is fair to the last bit and takes several times as long."""
    return items[int(rng.random() * len(items))]
