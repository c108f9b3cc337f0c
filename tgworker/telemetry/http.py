"""``/healthz``, ``/readyz`` and ``/metrics`` on one address.

It is served from the worker's own event loop on purpose: where that hangs, a scrape fails.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
import structlog
import trio
from attrs import frozen
from hypercorn.config import Config
from hypercorn.trio import serve
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from tgworker.core.health import Health, health_json

log = structlog.get_logger()

_JSON = "application/json"


@frozen
class _Answer:
    status: int
    content_type: str
    body: bytes


class StatusApp:
    """The ASGI application."""

    def __init__(self, registry: CollectorRegistry, health: Callable[[], Health]) -> None:
        self._registry = registry
        self._health = health

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] == "lifespan":
            while True:  # nothing to start or stop; hypercorn wants to hear so
                phase = (await receive())["type"]
                await send({"type": f"{phase}.complete"})
        if scope["type"] != "http":
            return await send({"type": "websocket.close"})
        answer = self._answer(scope)
        headers = [
            (b"content-type", answer.content_type.encode()),
            (b"content-length", str(len(answer.body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        body = b"" if scope["method"] == "HEAD" else answer.body
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, scope: Any) -> _Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return _Answer(405, _JSON, b'{"error":"only GET and HEAD"}\n')
        health = self._health()
        match scope["path"]:
            case "/healthz":
                return _health_answer(health, health.live)
            case "/readyz":
                return _health_answer(health, health.ready)
            case "/metrics":
                return self._metrics(scope)
            case _:
                known = b'{"error":"no such path; there are /healthz, /readyz and /metrics"}\n'
                return _Answer(404, _JSON, known)

    def _metrics(self, scope: Any) -> _Answer:
        """As OpenMetrics for who asks for it."""
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
        encode, content_type = choose_encoder(accepted.decode("latin-1"))
        return _Answer(200, content_type, encode(self._registry))


def _health_answer(health: Health, well: bool) -> _Answer:
    body = health_json(health)
    return _Answer(200 if well else 503, _JSON, orjson.dumps(body) + b"\n")


async def serve_http(
    host: str,
    port: int,
    app: StatusApp,
    *,
    task_status: trio.TaskStatus[str | None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; says the URL when it listens. `port` 0: any free one.

    An address that can't be had is logged, and no more: the work is worth more than being watched, and whoever watches
    sees that nobody answers.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family)
    except OSError as error:
        log.warning(
            "http.not_listening",
            address=f"{host}:{port}",
            error=f"{error.strerror}. Set HTTP_PORT to a free port, or 0 for any.",
        )
        return task_status.started(None)
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{listening.getsockname()[1]}"
    config = Config()
    config.bind = [f"fd://{listening.detach()}"]
    config.errorlog = None
    config.graceful_timeout = 0.5
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve, app, config, mode="asgi"))
        log.info("http.listening", url=url)
        task_status.started(url)
