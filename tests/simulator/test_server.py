"""The server under real Telethon clients, real TCP and real garbage."""

from __future__ import annotations

import io
import logging
import os
import struct
from collections import defaultdict
from contextlib import AsyncExitStack
from typing import Any

import pytest
import trio
from telethon import errors
from telethon.crypto import AuthKey
from telethon.network import (
    ConnectionTcpAbridged,
    ConnectionTcpFull,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
from telethon.network.connection.tcpabridged import AbridgedPacketCodec
from telethon.network.mtprotostate import MTProtoState
from telethon.sessions import MemorySession
from telethon.tl import functions, types

from tgworker.simulator.wire.endpoint import NOT_FOUND
from tgworker.simulator.wire.keys import KeyStore

TRANSPORTS = (
    ConnectionTcpFull,
    ConnectionTcpAbridged,
    ConnectionTcpIntermediate,
    ConnectionTcpObfuscated,
)
ASK = functions.help.GetNearestDcRequest()


@pytest.mark.parametrize("transport", TRANSPORTS, ids=lambda kind: kind.__name__)
async def test_telethon_connects_and_asks_over_every_transport(
    serve: Any, connect: Any, history: Any, transport: type
) -> None:
    async with serve() as server, connect(server, connection=transport) as client:
        config = await client(functions.help.GetConfigRequest())
        page = await client(history(limit=100))

    assert server.address == (config.dc_options[0].ip_address, config.dc_options[0].port)
    assert list(range(250, 150, -1)) == [message.id for message in page.messages]
    assert "Привет 250" == page.messages[0].message


async def test_a_client_without_a_key_makes_one_but_must_sign_in(
    serve: Any, connect: Any, history: Any
) -> None:
    async with serve() as server, connect(server, signed_in=False) as client:
        nearest = await client(ASK)
        with pytest.raises(errors.AuthKeyUnregisteredError):
            await client(history())

    assert server.address[1] == nearest.nearest_dc
    assert 200 < nearest.this_dc


async def test_pages_may_come_gzipped(serve: Any, connect: Any, history: Any) -> None:
    async with serve(gzip=True) as server, connect(server) as client:
        page = await client(history(limit=100))
        short = await client(ASK)

    assert 100 == len(page.messages)
    assert "DE" == short.country


async def test_many_requests_at_once_are_all_answered(
    serve: Any, connect: Any, history: Any
) -> None:
    answered: dict[int, list[int]] = {}

    async with serve() as server, connect(server) as client:

        async def ask(offset_id: int) -> None:
            page = await client(history(offset_id=offset_id, limit=3))
            answered[offset_id] = [message.id for message in page.messages]

        async with trio.open_nursery() as nursery:
            for offset_id in range(10, 110):
                nursery.start_soon(ask, offset_id)

    assert {n: [n - 1, n - 2, n - 3] for n in range(10, 110)} == answered


async def test_two_connections_may_share_a_key(serve: Any, connect: Any, history: Any) -> None:
    async with serve() as server, connect(server) as first:
        session = first.telethon.session
        async with connect(server, session=session, connection=ConnectionTcpFull) as second:
            pages = [await client(history(limit=1)) for client in (first, second, first)]

    assert [250, 250, 250] == [page.messages[0].id for page in pages]


async def test_a_sign_out_on_one_connection_counts_on_the_other(
    serve: Any, connect: Any, history: Any
) -> None:
    async with serve() as server, connect(server) as first:
        async with connect(server, session=first.telethon.session) as second:
            await first(functions.auth.LogOutRequest())
            with pytest.raises(errors.AuthKeyUnregisteredError):
                await second(history())


async def test_updates_are_pushed_to_clients_that_want_them(serve: Any, connect: Any) -> None:
    arrived = trio.Event()

    async with serve() as server, connect(server) as client:
        sender = client.telethon._sender
        sender._updates_queue.put_nowait = lambda update: arrived.set()
        await client(functions.account.UpdateStatusRequest(offline=False))
        quiet = not arrived.is_set()
        async with connect(server, receive_updates=True) as listener:
            queue = listener.telethon._sender._updates_queue
            queue.put_nowait = lambda update: arrived.set()
            await listener(functions.account.UpdateStatusRequest(offline=False))
            with trio.fail_after(5):
                await arrived.wait()

    assert quiet


async def test_an_unknown_key_is_told_so(serve: Any, make_client: Any, asyncio_loop: Any) -> None:
    async with serve() as server:
        session = MemorySession()
        session.set_dc(2, *server.address)
        session.auth_key = AuthKey(os.urandom(256))
        client = make_client(server, session=session)
        with pytest.raises(errors.AuthKeyNotFound):
            await client.connect()


async def test_a_client_comes_back_after_a_restart_of_the_server(
    serve: Any, connect: Any, history: Any
) -> None:
    keys = KeyStore(os.urandom)
    async with AsyncExitStack() as before, AsyncExitStack() as after:
        server = await before.enter_async_context(serve(keys=keys))
        async with connect(server, connection_retries=1000, retry_delay=0.01) as client:
            await client(history(limit=1))
            await before.aclose()
            await after.enter_async_context(serve(keys=keys, port=server.address[1]))
            with trio.fail_after(5):
                page = await client(history(limit=1))

    assert 250 == page.messages[0].id


async def test_a_handlers_mistake_is_a_server_error(
    serve: Any, connect: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve() as server, connect(server) as client:
        with pytest.raises(errors.ServerError):
            await client.send(functions.help.GetCdnConfigRequest())
        await client(ASK)

    assert "a handler's mistake" in capsys.readouterr().out


@pytest.mark.parametrize(
    "data",
    [
        os.urandom(500),
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03",
        b"\xef" + b"\x05" + bytes(20),
        b"\xef" + b"\x06" + os.urandom(24),
        b"\xee\xee\xee\xee\xff\xff\xff\x7f",
        b"\xee\xee\xee\xee" + struct.pack("<I", 4) + b"ping",
        struct.pack("<II", 16, 0) + b"pingping",
        bytes(64),
    ],
    ids="random http tls zero-key unknown-key too-long too-short crc zeros".split(),
)
async def test_garbage_closes_its_connection_and_no_other(
    serve: Any, connect: Any, history: Any, data: bytes
) -> None:
    async with serve() as server, connect(server) as client:
        await client(ASK)
        async with await trio.open_tcp_stream(*server.address) as stream:
            with trio.fail_after(5):
                await stream.send_all(data)
                await stream.send_eof()
                while await stream.receive_some():
                    pass
        page = await client(history(limit=1))

    assert 250 == page.messages[0].id


async def test_garbage_on_a_known_transport_gets_an_error_before_the_end(serve: Any) -> None:
    async with serve() as server, await trio.open_tcp_stream(*server.address) as stream:
        with trio.fail_after(5):
            await stream.send_all(b"\xef\x06" + os.urandom(24))
            received = b"".join([chunk async for chunk in stream])

    assert b"\x01" + NOT_FOUND == received


async def test_a_client_that_does_not_read_blocks_only_itself(
    serve: Any, connect: Any, make_client: Any, history: Any
) -> None:
    async with serve() as server:
        key = server.keys.make(7)
        async with await trio.open_tcp_stream(*server.address) as deaf:
            await deaf.send_all(b"\xef" + _flood(key, history(limit=100), 400))
            async with connect(server) as client:
                with trio.fail_after(5):
                    page = await client(history(limit=1))

    assert 250 == page.messages[0].id


def _flood(key: Any, request: Any, count: int) -> bytes:
    """Abridged packets with the same request again and again."""
    state = MTProtoState(AuthKey(key.auth_key), defaultdict(lambda: logging.getLogger("telethon")))
    state.salt = key.salt
    packets = []
    for _ in range(count):
        buffer = io.BytesIO()
        state.write_data_as_message(buffer, bytes(request), True)
        packets.append(
            AbridgedPacketCodec(None).encode_packet(state.encrypt_message_data(buffer.getvalue()))
        )
    return b"".join(packets)


async def test_leaving_the_block_closes_every_connection(serve: Any) -> None:
    hello = bytes(functions.ReqPqMultiRequest(5))
    packet = AbridgedPacketCodec(None).encode_packet(struct.pack("<qqi", 0, 4, len(hello)) + hello)
    async with serve() as server:
        streams = [await trio.open_tcp_stream(*server.address) for _ in range(3)]
        for stream in streams:
            await stream.send_all(b"\xef" + packet)
            assert b"" != await stream.receive_some()

    with trio.fail_after(5):
        for stream in streams:
            async with stream:
                assert b"" == await _until_closed(stream)
    assert 0 == server.stats.connections_open
    with pytest.raises(OSError):
        await trio.open_tcp_stream(*server.address)


async def _until_closed(stream: trio.SocketStream) -> bytes:
    try:
        return await stream.receive_some()
    except trio.BrokenResourceError:
        return b""


async def test_a_ping_may_set_the_connection_a_deadline(serve: Any) -> None:
    async with serve() as server, await trio.open_tcp_stream(*server.address) as stream:
        ping = functions.PingDelayDisconnectRequest(5, 1)
        await stream.send_all(b"\xef" + _flood(server.keys.make(7), ping, 1))
        with trio.fail_after(5):
            async for _ in stream:
                pass


async def test_a_client_that_does_not_read_loses_updates(
    serve: Any, history: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serve() as server:
        key = server.keys.make(7)
        async with await trio.open_tcp_stream(*server.address) as deaf:
            await deaf.send_all(b"\xef" + _flood(key, history(limit=1), 1))
            await deaf.receive_some()
            for _ in range(100):
                key.caller.push(types.UpdatesTooLong())

    assert "simulator.update_lost" in capsys.readouterr().out


async def test_a_mistake_of_the_servers_own_ends_one_connection_only(
    serve: Any, connect: Any, history: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    mistakes = [LookupError("a mistake in the wiring")]

    def name_of(chat_id: int) -> None:
        if mistakes:
            raise mistakes.pop()

    async with serve(name_of=name_of) as server, connect(server) as good:
        async with connect(server, connection_retries=10) as unlucky:
            page = await unlucky(history(limit=1))
        await good(ASK)

        assert 250 == page.messages[0].id
        assert 3 == server.stats.connections_total
    assert "a mistake in the wiring" in capsys.readouterr().out


async def test_a_port_that_is_taken_is_an_error(serve: Any) -> None:
    async with serve() as server:
        with pytest.raises(OSError):
            async with serve(port=server.address[1]):
                pass


async def test_what_was_asked_is_counted_and_listed(serve: Any, connect: Any, history: Any) -> None:
    names = {-1_000_000_001_001: "Ru_Python"}
    async with serve(name_of=names.get) as server, connect(server) as client:
        server.stats.reset()
        await client(history(offset_id=50, limit=10))
        await client(history(1002))
        with pytest.raises(errors.PeerIdInvalidError):
            await client(
                functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, None, 0, 1, 0, 0, 0)
            )
        await client(functions.users.GetUsersRequest([types.InputUserSelf()]))

    assert {"messages.getHistory": 3, "users.getUsers": 1} == dict(server.stats.requests)
    assert [
        ("@ru_python", {"offset_id": 50, "limit": 10}, "ok"),
        ("-1000000001002", {"limit": 100}, "ok"),
        (None, {"limit": 1}, "PEER_ID_INVALID"),
        (None, {"ids": 1}, "ok"),
    ] == [(entry.chat, entry.args, entry.outcome) for entry in server.stats.log]
