"""The address where a worker says how it is."""

from __future__ import annotations

import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import structlog
import trio
from prometheus_client import CollectorRegistry, Counter

from tgworker.background import open_background
from tgworker.core.health import Health, health_json
from tgworker.telemetry.http import StatusApp, serve_http

WELL = Health(live=True, ready=True, reason="waiting for commands")
STARTING = Health(live=True, ready=False, reason="starting")
HUNG = Health(live=False, ready=False, reason="nothing moves")


@asynccontextmanager
async def serving(
    health: Health = WELL, host: str = "127.0.0.1"
) -> AsyncIterator[httpx2.AsyncClient]:
    registry = CollectorRegistry()
    Counter("messages_fetched", "Messages.", ["chat"], registry=registry).labels("@a").inc(3)
    async with open_background() as tasks:
        app = StatusApp(registry, lambda: health)
        url = await tasks.start(serve_http, host, 0, app)
        assert url is not None
        async with httpx2.AsyncClient(base_url=url) as client:
            yield client


@pytest.mark.parametrize(
    ("health", "live", "ready"), [(WELL, 200, 200), (STARTING, 200, 503), (HUNG, 503, 503)]
)
async def test_health_is_told_by_status_and_by_word(health: Health, live: int, ready: int) -> None:
    async with serving(health) as client:
        alive, able = await client.get("/healthz"), await client.get("/readyz")

    assert (live, ready) == (alive.status_code, able.status_code)
    assert health_json(health) == able.json()


async def test_metrics_come_as_text_or_as_openmetrics() -> None:
    async with serving() as client:
        plain = await client.get("/metrics")
        open_metrics = await client.get(
            "/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}
        )

    assert plain.headers["content-type"].startswith("text/plain")
    assert 'messages_fetched_total{chat="@a"} 3.0' in plain.text
    assert open_metrics.headers["content-type"].startswith("application/openmetrics-text")
    assert open_metrics.text.endswith("# EOF\n")


async def test_what_is_not_there_says_what_is() -> None:
    async with serving() as client:
        lost, posted = await client.get("/"), await client.post("/metrics")
        head = await client.head("/healthz")

    assert 404 == lost.status_code and "/healthz" in lost.json()["error"]
    assert 405 == posted.status_code
    assert (200, b"") == (head.status_code, head.content)


async def test_a_websocket_is_shown_out() -> None:
    sent: list[object] = []

    async def send(message: object) -> None:  # noqa: ASYNC124  # as ASGI wants it
        sent.append(message)

    async def receive() -> object:  # noqa: ASYNC124  # as ASGI wants it
        raise AssertionError("nothing is to be read")

    await StatusApp(CollectorRegistry(), lambda: WELL)({"type": "websocket"}, receive, send)

    assert [{"type": "websocket.close"}] == sent


async def test_an_address_that_is_taken_is_a_warning_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        app = StatusApp(CollectorRegistry(), lambda: WELL)
        with structlog.testing.capture_logs() as lines:
            async with open_background() as tasks:
                port = other.getsockname()[1]
                assert await tasks.start(serve_http, "127.0.0.1", port, app) is None

    (line,) = lines
    assert ("http.not_listening", "warning") == (line["event"], line["log_level"])
    assert "HTTP_PORT" in line["error"]


@pytest.mark.skipif(not socket.has_ipv6 or shutil.which("ip") is None, reason="there is no IPv6")
async def test_it_listens_on_ipv6_as_well() -> None:
    async with serving(host="::1") as client:
        assert 200 == (await client.get("/healthz")).status_code


async def test_stopping_does_not_wait_for_who_holds_a_connection() -> None:
    with trio.fail_after(5):
        async with serving() as client:
            await client.get("/healthz")
