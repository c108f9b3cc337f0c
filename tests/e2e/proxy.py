"""A wire to Redis that can go dead, or speak TLS to those who come in."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress


class Proxy:
    """Passes connections on to a port of this machine; with `tls`, those who connect must speak it."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self._target = port
        self._tls = tls
        self._links: list[_Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        """From now on nothing comes through the connections there are, and nobody is told. New ones work."""
        for link in self._links:
            link.deaf = True

    def close(self) -> None:
        # Closing alone does not wake who waits in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for link in self._links:
            link.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        try:
            near = self._tls.wrap_socket(client, server_side=True) if self._tls else client
            far = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        link = _Link(near, far)
        self._links.append(link)
        link.run()


class _Link:
    def __init__(self, near: socket.socket, far: socket.socket) -> None:
        self.deaf = False
        self._ends = (near, far)

    def run(self) -> None:
        for source, target in (self._ends, self._ends[::-1]):
            threading.Thread(target=self._pump, args=(source, target), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.deaf:
                    target.sendall(data)
        if not self.deaf:
            self.close()

    def close(self) -> None:
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
