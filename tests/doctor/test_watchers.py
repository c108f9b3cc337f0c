from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.doctor.conftest import MakeSettings
from tgworker.doctor.watchers import look_at_status, look_at_stores

Outcomes = Callable[..., dict[str, str]]


@contextmanager
def web(status: int, body: bytes) -> Iterator[int]:
    """A web server that always says the same; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def test_a_free_port_is_well_and_left_free(
    make_settings: MakeSettings, outcomes: Outcomes
) -> None:
    settings = make_settings(HTTP_PORT=str(free_port()))

    for _ in range(2):
        assert {"watch.http": "ok", "watch.health_file": "ok"} == outcomes(
            await look_at_status(settings)
        )


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"status":"healthy","reason":"waiting for commands"}', "ok"),
        (503, b'{"status":"hung","reason":"nothing has moved"}', "ok"),
        (200, b"<html>", "problem"),
        (200, b"[]", "problem"),
    ],
    ids=["a worker", "one that hangs", "a web page", "another program"],
)
async def test_a_port_in_use_is_well_if_a_worker_uses_it(
    make_settings: MakeSettings, outcomes: Outcomes, status: int, body: bytes, outcome: str
) -> None:
    with web(status, body) as port:
        findings = await look_at_status(make_settings(HTTP_PORT=str(port)))

    assert outcome == outcomes(findings)["watch.http"]


@pytest.mark.parametrize(
    ("env", "outcome"),
    [
        ({"METRICS_MODE": "off"}, "skipped"),
        ({"HTTP_PORT": "0"}, "ok"),
        ({"HTTP_HOST": "192.0.2.1"}, "problem"),
        ({"HTTP_HOST": "::1", "HTTP_PORT": "0"}, "ok"),
    ],
    ids=str,
)
async def test_the_address_has_to_be_this_hosts(
    make_settings: MakeSettings, outcomes: Outcomes, env: dict[str, str], outcome: str
) -> None:
    assert outcome == outcomes(await look_at_status(make_settings(**env)))["watch.http"]


@pytest.mark.parametrize(
    ("status", "outcome"), [("healthy", "ok"), ("degraded", "ok"), ("hung", "problem")]
)
async def test_the_health_file_tells_of_its_worker(
    make_settings: MakeSettings, outcomes: Outcomes, tmp_path: Path, status: str, outcome: str
) -> None:
    told = {"status": status, "reason": "…", "worker": "w", "ts": datetime.now(UTC).isoformat()}
    (tmp_path / "healthy").write_text(json.dumps(told))

    findings = await look_at_status(make_settings(METRICS_MODE="off"))

    assert outcome == outcomes(findings)["watch.health_file"]


async def test_a_health_file_without_a_folder_is_warned_of(
    make_settings: MakeSettings, outcomes: Outcomes, tmp_path: Path
) -> None:
    settings = make_settings(METRICS_MODE="off", HEALTH_FILE=str(tmp_path / "none" / "healthy"))

    assert "warning" == outcomes(await look_at_status(settings))["watch.health_file"]


async def test_stores_are_reached_or_warned_of_and_their_passwords_are_not_shown(
    make_settings: MakeSettings, outcomes: Outcomes
) -> None:
    with web(404, b"") as sound, web(502, b"") as broken:
        settings = make_settings(
            LOKI_URL=f"http://me:hunter2@127.0.0.1:{sound}/loki/api/v1/push",
            VICTORIA_LOGS_URL=f"http://me:hunter2@127.0.0.1:{broken}",
            PUSHGATEWAY_URL=f"http://me:hunter2@127.0.0.1:{free_port()}",
            NOTIFY_WEBHOOK_URL=f"http://127.0.0.1:{free_port()}/services/hunter2",
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://me:hunter2@127.0.0.1:{sound}",
        )
        findings = await look_at_stores(settings)

    assert {
        "stores.loki": "ok",
        "stores.victoria_logs": "warning",
        "stores.pushgateway": "warning",
        "stores.webhook": "warning",
        "stores.traces": "ok",
    } == outcomes(findings)
    assert "hunter2" not in repr(findings)


async def test_traces_without_their_libraries_stop_a_worker(
    make_settings: MakeSettings, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = "opentelemetry.exporter.otlp.proto.http"
    # Another test may have imported all of it, and then the parent alone is not asked for.
    for name in (library, f"{library}.trace_exporter"):
        monkeypatch.setitem(sys.modules, name, None)
    settings = make_settings(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")

    assert "problem" == outcomes(await look_at_stores(settings))["stores.traces"]


async def test_stores_that_are_not_set_are_skipped(
    make_settings: MakeSettings, outcomes: Outcomes
) -> None:
    assert {"skipped"} == set(outcomes(await look_at_stores(make_settings())).values())
