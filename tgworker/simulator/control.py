"""The control address: HTTP on loopback, to count what was asked, to change the world and to break things.

===================  ==============================================================================
``GET /stats``       requests by method, total, connections, faults dealt by kind, length of the log
``GET /log``         the last requests, oldest first; ``?since=N``: those after number N
``GET /sent``        the messages that the account wrote, oldest first
``POST /faults``     add the fault of the body, or a list of them
``DELETE /faults``   forget all faults
``POST /world``      make the change of the body, or a list of them (`changes`)
``POST /reset``      count from zero
===================  ==============================================================================

Bad input is answered with 400 and ``{"errors": [...]}``.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson
from attrs import asdict, frozen
from hypercorn.config import Config
from hypercorn.trio import serve

from tgworker.background import open_background
from tgworker.simulator.changes import ChangeError, change_world
from tgworker.simulator.faults import FaultError, parse_faults
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.stats import Stats
from tgworker.simulator.world import World

MAX_BODY = 1 << 20
"""Longer bodies are refused, in bytes."""

_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]


@frozen
class _Request:
    path: str
    query: dict[str, list[str]]
    body: bytes


@frozen
class _Response:
    status: int
    content: Any


class Control:
    """The ASGI application."""

    def __init__(self, plan: FaultPlan, stats: Stats, world: World) -> None:
        self._plan = plan
        self._stats = stats
        self._world = world
        self._routes = {
            ("GET", "/stats"): self._get_stats,
            ("GET", "/log"): self._get_log,
            ("GET", "/sent"): self._get_sent,
            ("POST", "/faults"): self._post_faults,
            ("DELETE", "/faults"): self._delete_faults,
            ("POST", "/world"): self._post_world,
            ("POST", "/reset"): self._post_reset,
        }

    async def __call__(self, scope: Any, receive: _Receive, send: _Send) -> None:
        if scope["type"] == "lifespan":
            return await _live(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close"})
        response = await self._respond(scope, receive)
        body = orjson.dumps(response.content) + b"\n"
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ]
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _respond(self, scope: Any, receive: _Receive) -> _Response:
        method, path = scope["method"], scope["path"]
        body = await _read_body(receive)
        if body is None:
            return _refuse(413, f"the body is longer than {MAX_BODY} bytes")
        if (route := self._routes.get((method, path))) is None:
            known = any(path == other for _, other in self._routes)
            return _refuse(405, f"not with {method}") if known else _refuse(404, "no such path")
        return route(_Request(path, parse_qs(scope["query_string"].decode("latin-1")), body))

    def _get_stats(self, request: _Request) -> _Response:
        return _Response(200, self._stats.summary())

    def _get_log(self, request: _Request) -> _Response:
        since = request.query.get("since", ["0"])[-1]
        if not since.isdecimal():
            return _refuse(400, "since must be a whole number")
        return _Response(200, self._stats.since(int(since)))

    def _get_sent(self, request: _Request) -> _Response:
        return _Response(200, [asdict(message) for message in self._world.sent])

    def _post_faults(self, request: _Request) -> _Response:
        try:
            faults = parse_faults(orjson.loads(request.body))
        except orjson.JSONDecodeError as error:
            return _refuse(400, f"not JSON: {error}")
        except FaultError as error:
            return _refuse(400, *error.problems)
        self._plan.add(faults)
        return _Response(200, {"added": len(faults)})

    def _post_world(self, request: _Request) -> _Response:
        try:
            made = change_world(self._world, orjson.loads(request.body))
        except orjson.JSONDecodeError as error:
            return _refuse(400, f"not JSON: {error}")
        except ChangeError as error:
            return _refuse(400, *error.problems)
        return _Response(200, {"changed": made})

    def _delete_faults(self, request: _Request) -> _Response:
        self._plan.clear()
        return _Response(200, {})

    def _post_reset(self, request: _Request) -> _Response:
        self._stats.reset()
        return _Response(200, {})


@asynccontextmanager
async def open_control(
    plan: FaultPlan, stats: Stats, world: World, *, port: int = 0
) -> AsyncIterator[str]:
    """Serve the control address on loopback; gives its URL. `port` 0: any free one.

    Raises:
        OSError: it can't listen there.
    """
    listening = socket.create_server(("127.0.0.1", port))  # hypercorn leaks it when this fails
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.errorlog = None  # what goes wrong is in the answers
    async with open_background() as nursery:
        await nursery.start(partial(serve, Control(plan, stats, world), config, mode="asgi"))
        yield url


async def _live(receive: _Receive, send: _Send) -> None:
    """There is nothing to start or stop; hypercorn wants to hear so."""
    while True:
        phase = (await receive())["type"]
        await send({"type": f"{phase}.complete"})


async def _read_body(receive: _Receive) -> bytes | None:
    """The whole body, or None if it is too long."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY:
            return None
    return body


def _refuse(status: int, *errors: str) -> _Response:
    return _Response(status, {"errors": list(errors)})
