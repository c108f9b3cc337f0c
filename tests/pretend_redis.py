"""A server that only greets: for versions of Redis that can't be had any more, and for what is no Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio


@asynccontextmanager
async def pretend_server(info: bytes | None) -> AsyncIterator[str]:
    """As much of a server as greets a client; `info` None: one of the web."""

    async def serve(stream: trio.SocketStream) -> None:
        async for data in stream:
            if info is None:
                await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            for word in data.split(b"\r\n"):
                if info is not None and word == b"INFO":
                    await stream.send_all(b"$%d\r\n%b\r\n" % (len(info), info))
                elif info is not None and word in (b"SETNAME", b"SETINFO"):
                    await stream.send_all(b"+OK\r\n")
                elif info is not None and word == b"PING":
                    await stream.send_all(b"+PONG\r\n")

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, serve, 0, host="127.0.0.1"))
        yield f"redis://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        nursery.cancel_scope.cancel()
