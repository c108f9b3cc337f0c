"""Objects from outside are read or refused with one error, whatever their bytes."""

from __future__ import annotations

import gzip
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from telethon.tl import alltlobjects
from telethon.tl.core import GzipPacked
from telethon.tl.functions import PingRequest

from tgworker.simulator.wire.tl import (
    MAX_UNPACKED,
    BadContainerError,
    Inner,
    TLError,
    close_container,
    is_container,
    open_container,
    pack,
    read_front,
    read_object,
    unpack,
)

constructors = st.sampled_from(sorted(alltlobjects.tlobjects)).map(lambda id: struct.pack("<I", id))
bodies = st.binary(min_size=1, max_size=40).map(lambda data: data * 4)


@given(data=st.one_of(st.binary(max_size=60), st.tuples(constructors, st.binary(max_size=60))))
@example(data=b"\x15\xc4\xb5\x1c" * 3000)
@example(data=struct.pack("<I", 0xDA9B0D0D) * 3000)
@example(data=b"\xb5\x75\x72\x99")
def test_any_bytes_are_an_object_or_a_tl_error(data: bytes | tuple[bytes, bytes]) -> None:
    try:
        read_object(data if isinstance(data, bytes) else b"".join(data))
    except TLError:
        pass


def test_an_object_is_read_with_its_end() -> None:
    data = bytes(PingRequest(5))

    assert (PingRequest(5), len(data)) == read_front(data + b"tail")


def test_an_object_may_be_gzipped() -> None:
    assert PingRequest(5) == read_object(bytes(GzipPacked(bytes(PingRequest(5)))))


@given(data=st.binary(max_size=2000))
def test_packing_never_makes_it_longer_and_is_undone(data: bytes) -> None:
    packed = pack(b"\0\0\0\0" + data)

    assert len(packed) <= len(data) + 4
    assert b"\0\0\0\0" + data == unpack(packed)


@pytest.mark.parametrize(
    "packed",
    [
        b"no gzip at all",
        gzip.compress(b"x" * 100)[:-9],
        gzip.compress(bytes(MAX_UNPACKED + 1)),
    ],
    ids="no-gzip cut-short bomb".split(),
)
def test_gzip_that_cannot_be_unpacked_is_refused(packed: bytes) -> None:
    with pytest.raises(TLError):
        unpack(struct.pack("<I", GzipPacked.CONSTRUCTOR_ID) + PingRequest.serialize_bytes(packed))


def test_gzip_without_a_length_is_refused() -> None:
    with pytest.raises(TLError, match="not gzip"):
        unpack(struct.pack("<I", GzipPacked.CONSTRUCTOR_ID))


@given(
    messages=st.lists(
        st.builds(Inner, st.integers(0, 2**63 - 1), st.integers(0, 2**31 - 1), bodies), max_size=5
    )
)
def test_a_container_gives_back_its_messages(messages: list[Inner]) -> None:
    closed = close_container(messages)

    assert is_container(closed)
    assert messages == list(open_container(closed))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        struct.pack("<I", 5000),
        struct.pack("<I", 1),
        struct.pack("<Iqii", 1, 4, 1, 400) + b"ping",
        struct.pack("<Iqii", 1, 4, 1, -4) + b"ping",
    ],
    ids="no-count too-many cut-short too-long negative".split(),
)
def test_a_container_that_cannot_be_is_refused(body: bytes) -> None:
    with pytest.raises(BadContainerError):
        list(open_container(b"\xdc\xf8\xf1\x73" + body))
