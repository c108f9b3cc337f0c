"""TCP transports: how packets are cut out of a byte stream.

All are server sides: `feed` takes what the client sent, in pieces of any size, and `encode` makes what it will
read. The first bytes tell which transport a client speaks.

Source: https://core.telegram.org/mtproto/mtproto-transports
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Protocol
from zlib import crc32

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

MAX_PACKET = 1 << 21
"""Longer packets are refused, in bytes; Telegram itself takes about a megabyte."""

Entropy = Callable[[int], bytes]
"""Gives so many random bytes: ``os.urandom`` outside of tests."""

_ABRIDGED_TAG, _INTERMEDIATE_TAG, _PADDED_TAG = b"\xef" * 4, b"\xee" * 4, b"\xdd" * 4
_FOREIGN = (b"GET ", b"POST", b"HEAD", b"OPTI", b"PUT ", b"\x16\x03\x01\x02")
"""What an obfuscated stream may not begin with: HTTP and TLS."""


class TransportError(Exception):
    """The client's bytes make no sense: close the connection."""


class Codec(Protocol):
    """One transport of one connection."""

    name: str

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        """Take bytes from the client and give the packets that are complete now. Raises TransportError."""
        ...

    def encode(self, packet: bytes) -> bytes:
        """Wrap a packet for the client; its length is a multiple of 4."""
        ...


class _Buffered(ABC):
    """Collects bytes until `_cut` finds a packet in them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        self._buffer += data
        packets = []
        while (found := self._cut(self._buffer)) is not None:
            packet, end = found
            del self._buffer[:end]
            packets.append(packet)
        return packets

    @abstractmethod
    def _cut(self, buffer: bytearray) -> tuple[bytes, int] | None:
        """The first packet and where it ends, or None if it is not complete yet."""
        ...


class Full(_Buffered):
    """Length, running number, packet, CRC32."""

    name = "full"

    def __init__(self) -> None:
        super().__init__()
        self._received = 0
        self._sent = 0

    def _cut(self, buffer: bytearray) -> tuple[bytes, int] | None:
        if len(buffer) < 8:
            return None
        end, number = struct.unpack_from("<Ii", buffer)
        _check_length(end - 12)
        if number != self._received:
            raise TransportError(f"packet {self._received} was due, but {number} came")
        if len(buffer) < end:
            return None
        frame = bytes(buffer[: end - 4])
        if crc32(frame) != struct.unpack_from("<I", buffer, end - 4)[0]:
            raise TransportError("wrong CRC32")
        self._received += 1
        return frame[8:], end

    def encode(self, packet: bytes) -> bytes:
        frame = struct.pack("<Ii", len(packet) + 12, self._sent) + packet
        self._sent += 1
        return frame + struct.pack("<I", crc32(frame))


class Abridged(_Buffered):
    """The length in words, in one byte or four. A request for a quick ack (the top bit) is not heeded."""

    name = "abridged"

    def _cut(self, buffer: bytearray) -> tuple[bytes, int] | None:
        if not buffer:
            return None
        start, words = 1, buffer[0] & 0x7F
        if words == 0x7F:
            if len(buffer) < 4:
                return None
            start, words = 4, int.from_bytes(buffer[1:4], "little")
        return _slice(buffer, start, words * 4)

    def encode(self, packet: bytes) -> bytes:
        words = len(packet) // 4
        head = bytes([words]) if words < 0x7F else b"\x7f" + words.to_bytes(3, "little")
        return head + packet


class Intermediate(_Buffered):
    """The length in bytes, in four. A request for a quick ack (the top bit) is not heeded."""

    name = "intermediate"

    def _cut(self, buffer: bytearray) -> tuple[bytes, int] | None:
        if len(buffer) < 4:
            return None
        return _slice(buffer, 4, struct.unpack_from("<I", buffer)[0] & 0x7FFFFFFF)

    def encode(self, packet: bytes) -> bytes:
        return struct.pack("<I", len(packet)) + packet


class Padded(Intermediate):
    """Intermediate with up to 15 random bytes after each packet.

    Packets come out with the padding that is a multiple of 4: only who knows a packet's inner length can cut that off.
    Going out there are 3 bytes at most, because Telethon cuts off no more.
    """

    name = "padded"

    def __init__(self, entropy: Entropy) -> None:
        super().__init__()
        self._entropy = entropy

    def _cut(self, buffer: bytearray) -> tuple[bytes, int] | None:
        found = super()._cut(buffer)
        if found is None:
            return None
        packet, end = found
        return packet[: len(packet) // 4 * 4], end

    def encode(self, packet: bytes) -> bytes:
        padding = self._entropy(1)[0] % 4
        return super().encode(packet + self._entropy(padding))


class Obfuscated:
    """Another transport inside of an AES-CTR stream, whose keys stand in the client's first 64 bytes.

    Source: https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation
    """

    def __init__(self, header: bytes, entropy: Entropy) -> None:
        backwards = header[8:56][::-1]
        self._decrypt = Cipher(AES(header[8:40]), CTR(header[40:56])).decryptor()
        self._encrypt = Cipher(AES(backwards[:32]), CTR(backwards[32:])).encryptor()
        tag = self._decrypt.update(header)[56:60]
        self._inner = _by_tag(tag, entropy)
        self.name = f"obfuscated {self._inner.name}"

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        return self._inner.feed(self._decrypt.update(data))

    def encode(self, packet: bytes) -> bytes:
        return self._encrypt.update(self._inner.encode(packet))


class Transport:
    """Finds out which transport the client speaks, then is that one."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._head = b""
        self._codec: Codec | None = None

    @property
    def name(self) -> str | None:
        """Which transport it is, or None as long as that is open."""
        return self._codec.name if self._codec is not None else None

    def feed(self, data: bytes | bytearray) -> list[bytes]:
        """As `Codec.feed`. Raises TransportError."""
        if self._codec is None:
            self._head += data
            detected = _detect(self._head, self._entropy)
            if detected is None:
                return []
            self._codec, used = detected
            data, self._head = self._head[used:], b""
        return self._codec.feed(data)

    def encode(self, packet: bytes) -> bytes:
        """As `Codec.encode`; a client whose transport is unknown can be told nothing."""
        return self._codec.encode(packet) if self._codec is not None else b""


def _detect(head: bytes, entropy: Entropy) -> tuple[Codec, int] | None:
    """The transport and how many bytes its tag took, or None if it takes more bytes to say."""
    if head[:1] == b"\xef":
        return Abridged(), 1
    if len(head) < 4:
        return None
    if head[:4] in (_INTERMEDIATE_TAG, _PADDED_TAG):
        return _by_tag(head[:4], entropy), 4
    if head[:4] in _FOREIGN:
        raise TransportError("HTTP or TLS, not MTProto")
    if len(head) < 8:
        return None
    if head[4:8] == bytes(4):
        return Full(), 0
    if len(head) < 64:
        return None
    return Obfuscated(head[:64], entropy), 64


def _by_tag(tag: bytes, entropy: Entropy) -> Codec:
    if tag == _ABRIDGED_TAG:
        return Abridged()
    if tag == _INTERMEDIATE_TAG:
        return Intermediate()
    if tag == _PADDED_TAG:
        return Padded(entropy)
    raise TransportError(f"no transport is called {tag.hex()}")


def _slice(buffer: bytearray, start: int, length: int) -> tuple[bytes, int] | None:
    _check_length(length)
    end = start + length
    return (bytes(buffer[start:end]), end) if len(buffer) >= end else None


def _check_length(length: int) -> None:
    if not 0 < length <= MAX_PACKET:
        raise TransportError(f"a packet of {length} bytes")
