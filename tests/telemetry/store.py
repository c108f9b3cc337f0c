"""A log store that is a real HTTP server, and does what a test wants of it."""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Store(ThreadingHTTPServer):
    """Answers each POST with the next of `answers` (the last one for ever), and keeps what it took."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = [204]
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.types: list[str] = []
        self.headers: list[Message] = []
        self.hold = threading.Event()
        """Requests wait for this."""
        self.hold.set()
        self.methods: list[str] = []
        self.asked = threading.Event()
        """Somebody has asked for something, and maybe waits."""
        self.news = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may hang up as they like; anything else is a fault of ours."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def wait_for(self, count: int) -> None:
        """Return when it has been asked so often."""
        with self.news:
            assert self.news.wait_for(lambda: len(self.bodies) >= count, 20)

    def wait_for_request(self) -> None:
        """Return when somebody has asked, whether it was answered or not."""
        assert self.asked.wait(20)

    def lines(self) -> list[dict[str, Any]]:
        """Every JSON line that was taken."""
        return [json.loads(line) for body in self.bodies for line in body.splitlines()]


class _Handler(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.asked.set()
        self.server.hold.wait(20)
        with self.server.news:
            answers = self.server.answers
            status = answers.pop(0) if len(answers) > 1 else answers[0]
            self.server.bodies.append(body)
            self.server.methods.append(self.command)
            self.server.paths.append(self.path)
            self.server.types.append(self.headers["Content-Type"])
            self.server.headers.append(self.headers)
            self.server.news.notify_all()
        try:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()
        except OSError:
            pass  # the client did not wait

    do_PUT = do_DELETE = do_POST

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def open_store() -> Iterator[Store]:
    with Store() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.hold.set()
            server.shutdown()
            thread.join()
