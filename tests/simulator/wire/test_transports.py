"""Packets come out as they went in, however TCP cuts the stream; anything else is refused."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.connection.tcpfull import FullPacketCodec
from telethon.network.connection.tcpintermediate import (
    IntermediatePacketCodec,
    RandomizedIntermediatePacketCodec,
)
from telethon.network.connection.tcpobfuscated import ObfuscatedIO

from tgworker.simulator.wire.transports import MAX_PACKET, Transport, TransportError


class Padded(RandomizedIntermediatePacketCodec):
    """As Telethon's, which only uses it obfuscated and so gives it no tag."""

    tag = b"\xdd\xdd\xdd\xdd"


class PlainClient:
    """Telethon's end of a transport."""

    def __init__(self, kind: type[Any]) -> None:
        self.codec = kind(None)

    def begin(self) -> bytes:
        return self.codec.tag or b""

    def encode(self, packet: bytes) -> bytes:
        return self.codec.encode_packet(packet)

    def decode(self, data: bytes) -> bytes:
        """Read one packet, which must be all of the data."""
        reader = Reader(data)
        packet = finish(self.codec.read_packet(reader))
        assert b"" == reader.data
        return packet


class ObfuscatedClient(PlainClient):
    def __init__(self, kind: type[Any]) -> None:
        super().__init__(kind)
        self.header, self.encryptor, self.decryptor = ObfuscatedIO.init_header(kind)

    def begin(self) -> bytes:
        return bytes(self.header)

    def encode(self, packet: bytes) -> bytes:
        return self.encryptor.encrypt(super().encode(packet))

    def decode(self, data: bytes) -> bytes:
        return super().decode(self.decryptor.encrypt(data))


class Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data

    async def readexactly(self, length: int) -> bytes:
        assert length <= len(self.data)
        found, self.data = self.data[:length], self.data[length:]
        return found


def finish(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


CLIENTS: dict[str, Callable[[], PlainClient]] = {
    "full": lambda: PlainClient(FullPacketCodec),
    "abridged": lambda: PlainClient(AbridgedPacketCodec),
    "intermediate": lambda: PlainClient(IntermediatePacketCodec),
    "padded": lambda: PlainClient(Padded),
    "obfuscated abridged": lambda: ObfuscatedClient(AbridgedPacketCodec),
    "obfuscated intermediate": lambda: ObfuscatedClient(IntermediatePacketCodec),
    "obfuscated padded": lambda: ObfuscatedClient(RandomizedIntermediatePacketCodec),
}
words = st.binary(min_size=1, max_size=200).map(lambda data: data * 4)
"""Packets are whole words; some are long enough for the long form of a length."""


def feed_in_pieces(transport: Transport, data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in zip(places, places[1:], strict=False)]
    return [packet for piece in pieces for packet in transport.feed(piece)]


@pytest.mark.parametrize("name", CLIENTS)
@settings(max_examples=40)  # Telethon's AES-CTR is pure Python
@given(
    packets=st.lists(words, min_size=1, max_size=5), cuts=st.lists(st.integers(0, 5000), max_size=8)
)
def test_any_cutting_of_the_stream_gives_the_same_packets(
    name: str, packets: list[bytes], cuts: list[int]
) -> None:
    client, transport = CLIENTS[name](), Transport(os.urandom)
    stream = client.begin() + b"".join(client.encode(packet) for packet in packets)

    assert packets == feed_in_pieces(transport, stream, cuts)
    assert name == transport.name


@pytest.mark.parametrize("name", CLIENTS)
@settings(max_examples=40)  # Telethon's AES-CTR is pure Python
@given(packets=st.lists(words, min_size=1, max_size=5))
def test_telethon_reads_what_the_server_encodes(name: str, packets: list[bytes]) -> None:
    client, transport = CLIENTS[name](), Transport(os.urandom)
    transport.feed(client.begin() + client.encode(b"ping"))

    assert packets == [client.decode(transport.encode(packet)) for packet in packets]


@given(pieces=st.lists(st.binary(max_size=100), max_size=5))
@example(pieces=[bytes(64)])
@example(pieces=[b"\xee\xee\xee\xee\xff\xff\xff\xff"])
def test_garbage_is_refused_or_waited_for_but_never_an_error(pieces: list[bytes]) -> None:
    transport = Transport(os.urandom)
    try:
        for piece in pieces:
            for packet in transport.feed(piece):
                assert 0 < len(packet)
    except TransportError:
        pass


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST /api HTTP/1.1\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
        b"\xee\xee\xee\xee" + struct.pack("<I", MAX_PACKET + 4),
        b"\xee\xee\xee\xee" + bytes(4),
        b"\xef\x00",
        struct.pack("<II", 8, 0),
        struct.pack("<II", 16, 0) + b"ping" + b"????",
        bytes(range(1, 65)),
    ],
    ids="http post tls too-long no-length no-words full-too-short full-crc no-tag".split(),
)
def test_what_is_no_transport_is_refused(data: bytes) -> None:
    with pytest.raises(TransportError):
        Transport(os.urandom).feed(data)


def test_a_full_transport_refuses_a_packet_out_of_order() -> None:
    client, transport = PlainClient(FullPacketCodec), Transport(os.urandom)
    first, _lost, third = (client.encode(b"ping") for _ in range(3))
    transport.feed(first)

    with pytest.raises(TransportError, match="packet 1 was due, but 2 came"):
        transport.feed(third)


def test_the_wish_for_a_quick_ack_does_not_disturb_the_length() -> None:
    abridged, intermediate = Transport(os.urandom), Transport(os.urandom)

    assert [b"ping"] == abridged.feed(b"\xef\x81ping")
    assert [b"ping"] == intermediate.feed(b"\xee" * 4 + b"\x04\x00\x00\x80ping")


def test_half_a_length_is_waited_for() -> None:
    transport = Transport(os.urandom)

    assert [] == transport.feed(b"\xef\x7f\x01")
    assert [b"ping"] == transport.feed(b"\0\0ping")


def test_a_client_that_has_not_spoken_can_be_told_nothing() -> None:
    transport = Transport(os.urandom)

    assert b"" == transport.encode(b"ping")
    assert transport.name is None
