"""A port that is listened on for as long as the server lives, but for the times it is gone."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack

import trio

_BACKLOG = 128

Serve = Callable[[trio.SocketStream], Awaitable[object]]


class Port:
    """Some listeners, to be served, and to be left for a while."""

    def __init__(self, listeners: list[trio.SocketListener], serve: Serve) -> None:
        self._listeners = listeners
        self._addresses = [(each.socket.family, each.socket.getsockname()) for each in listeners]
        self._serve = serve
        self._presence = trio.CancelScope()
        self._absence_s = 0.0

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first listener."""
        host, port, *_ = self._addresses[0][1]
        return host, port

    def go_down(self, seconds: float) -> None:
        """End every connection, and refuse new ones for so long."""
        self._absence_s = seconds
        self._presence.cancel()

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            with self._presence:
                await trio.serve_listeners(self._serve, self._listeners)
            with ExitStack() as closing:
                # A socket that is bound and does not listen refuses who comes, and keeps the port from others.
                sockets = [closing.enter_context(_socket(family)) for family, _ in self._addresses]
                for each, (_, address) in zip(sockets, self._addresses, strict=True):
                    await each.bind(address)
                await trio.sleep(self._absence_s)
                for each in sockets:
                    each.listen(_BACKLOG)
                self._listeners = [trio.SocketListener(each) for each in sockets]
                self._presence = trio.CancelScope()
                closing.pop_all()


def _socket(family: int) -> trio.socket.SocketType:
    made = trio.socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made
