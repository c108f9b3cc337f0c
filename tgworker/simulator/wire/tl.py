"""Reading TL objects that came from outside: whatever is wrong with them is one `TLError`."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from attrs import frozen
from telethon.errors import TypeNotFoundError
from telethon.extensions import BinaryReader
from telethon.tl.core import GzipPacked
from telethon.tl.tlobject import TLObject

MAX_UNPACKED = 1 << 24
"""The longest gzipped object that is unpacked, in bytes."""

_GZIP = struct.pack("<I", GzipPacked.CONSTRUCTOR_ID)
_CONTAINER = struct.pack("<I", 0x73F1F8DC)
_INNER = struct.Struct("<qii")
_MAX_INNER = 1024
"""Containers of more messages are refused, as by Telegram (its limit is 1020)."""


class TLError(Exception):
    """Not an object of the API, or cut short."""


class BadContainerError(TLError):
    """A container whose lengths or number of messages can't be."""


@frozen
class Inner:
    """One message of a container; ``body`` is serialised TL."""

    msg_id: int
    seqno: int
    body: bytes


def read_object(data: bytes) -> TLObject:
    """Read one object, unpacking it if it is gzipped. Raises TLError."""
    return read_front(unpack(data))[0]


def read_front(data: bytes) -> tuple[TLObject, int]:
    """Read the object at the front, and say where it ends. Raises TLError."""
    reader = BinaryReader(data)
    try:
        found = reader.tgread_object()
    except TypeNotFoundError as error:
        raise TLError(f"no object is called {error.invalid_constructor_id:08x}") from None
    # Telethon's readers trust the bytes, so broken ones break them in many ways.
    except (struct.error, BufferError, ValueError, TypeError, AttributeError) as error:
        raise TLError(f"not an object: {error}") from error
    except (RuntimeError, OSError, EOFError, AssertionError, OverflowError) as error:
        raise TLError(f"not an object: {error}") from error
    if not isinstance(found, TLObject):
        raise TLError("a bare value, not an object")
    return found, reader.tell_position()


def unpack(data: bytes) -> bytes:
    """Undo ``gzip_packed``, if the data is that. Raises TLError."""
    if data[:4] != _GZIP:
        return data
    try:
        packed = BinaryReader(data[4:]).tgread_bytes()
        inflate = zlib.decompressobj(wbits=31)
        unpacked = inflate.decompress(packed, MAX_UNPACKED)
    except (struct.error, BufferError, zlib.error) as error:
        raise TLError(f"not gzip: {error}") from error
    if not inflate.eof:
        raise TLError("cut short, or far too long, when unpacked")
    return unpacked


def pack(data: bytes) -> bytes:
    """``gzip_packed``, if that is shorter."""
    packed = bytes(GzipPacked(data))
    return packed if len(packed) < len(data) else data


def is_container(body: bytes) -> bool:
    return body[:4] == _CONTAINER


def open_container(body: bytes) -> Iterator[Inner]:
    """The messages of a ``msg_container``, in order. Raises BadContainerError."""
    if len(body) < 8:
        raise BadContainerError("no count")
    count, position = int.from_bytes(body[4:8], "little"), 8
    if count > _MAX_INNER:
        raise BadContainerError(f"{count} messages")
    for _ in range(count):
        if len(body) < position + _INNER.size:
            raise BadContainerError("cut short")
        msg_id, seqno, length = _INNER.unpack_from(body, position)
        position += _INNER.size
        if length < 4 or length > len(body) - position:
            raise BadContainerError(f"a message of {length} bytes")
        yield Inner(msg_id, seqno, body[position : position + length])
        position += length


def close_container(messages: list[Inner]) -> bytes:
    """A ``msg_container`` of these."""
    parts = [_CONTAINER, struct.pack("<i", len(messages))]
    for message in messages:
        parts += [_INNER.pack(message.msg_id, message.seqno, len(message.body)), message.body]
    return b"".join(parts)
