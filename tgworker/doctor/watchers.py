"""What watches a worker: its HTTP address, its health file, and who gets its lines, figures, traces and news."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from urllib.parse import urlsplit

import httpx2
import trio

from tgworker.doctor.finding import Finding, ok, problem, skipped, warning
from tgworker.settings import MetricsMode, Settings
from tgworker.telemetry.health_file import read_health_file

REPLY_SECONDS = 3.0
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


async def look_at_status(settings: Settings) -> list[Finding]:
    return [await trio.to_thread.run_sync(_judge_address, settings), _judge_health_file(settings)]


def _judge_address(settings: Settings) -> Finding:
    check, host, port = "watch.http", settings.http_host, settings.http_port
    if settings.metrics_mode not in (MetricsMode.SCRAPE, MetricsMode.BOTH):
        return skipped(check, f"METRICS_MODE is {settings.metrics_mode}: nothing listens")
    if port == 0:
        return ok(check, f"the worker takes any free port of {host}")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return _judge_taken(check, host, port)
        advice = (
            "Let HTTP_HOST and HTTP_PORT name an address of this host; ports below 1024 are root's."
        )
        return problem(check, f"{host}:{port} can't be listened on: {error.strerror}", advice)
    return ok(check, f"{host}:{port} is free")


def _judge_taken(check: str, host: str, port: int) -> Finding:
    """Taken by a worker is as it should be."""
    near = _WILDCARDS.get(host, host)
    url = f"http://[{near}]:{port}/healthz" if ":" in near else f"http://{near}:{port}/healthz"
    try:
        with httpx2.Client(timeout=REPLY_SECONDS, trust_env=False) as client:
            told = client.get(url).json()
        return ok(check, f"a worker answers at {host}:{port}; {told['status']}: {told['reason']}")
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        found = f"{host}:{port} is in use, and not by a worker"
        return problem(check, found, "Set HTTP_PORT to a free port, or 0 for any.")


def _judge_health_file(settings: Settings) -> Finding:
    check, file = "watch.health_file", settings.health_file
    if not os.access(file.parent, os.W_OK | os.X_OK):
        advice = "Let HEALTH_FILE lie in a folder that is there, and that the worker can write."
        return warning(check, f"{file} can't be written", advice)
    told = read_health_file(file, datetime.now(UTC))
    if told.worker is None:
        return ok(check, f"{file} can be written; no worker keeps it now")
    if told.alive:
        return ok(check, f"worker {told.worker} keeps {file}; {told.line}")
    return problem(check, f"worker {told.worker}; {told.line}", "Restart it.")


async def look_at_stores(settings: Settings) -> list[Finding]:
    return await trio.to_thread.run_sync(lambda: list(_judge_stores(settings)))


def _judge_stores(settings: Settings) -> Iterator[Finding]:
    webhook = settings.notify_webhook_url
    places = {
        "loki": ("LOKI_URL", settings.loki_url),
        "victoria_logs": ("VICTORIA_LOGS_URL", settings.victoria_logs_url),
        "pushgateway": ("PUSHGATEWAY_URL", settings.pushgateway_url),
        "webhook": ("NOTIFY_WEBHOOK_URL", None if webhook is None else webhook.reveal()),
        "traces": ("OTEL_EXPORTER_OTLP_ENDPOINT", settings.otel_exporter_otlp_endpoint),
    }
    for name, (key, url) in places.items():
        check = f"stores.{name}"
        if url is None:
            yield skipped(check, f"{key} is not set")
        elif name == "traces" and not _can_trace():
            found = (
                f"{key} is set, and the libraries for traces are not installed: no worker starts"
            )
            yield problem(check, found, f"pip install 'tgworker[otel]', or unset {key}.")
        else:
            yield _judge_store(check, key, url)


def _can_trace() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http.trace_exporter") is not None
    except ModuleNotFoundError:
        return False


def _judge_store(check: str, key: str, url: str) -> Finding:
    """Whether anything answers there; nothing is asked of it but its front page. What may be secret is not shown."""
    parts = urlsplit(url)
    shown = parts.netloc.rpartition("@")[2]
    front = parts._replace(path="/", query="", fragment="").geturl()
    advice = (
        f"Start it, or mend {key}. The work goes on without it, and what is meant for it is lost."
    )
    try:
        status = httpx2.get(front, timeout=REPLY_SECONDS).status_code
    except httpx2.HTTPError as error:
        return warning(
            check, f"{shown} can't be reached: {str(error) or type(error).__name__}", advice
        )
    if status >= 500:
        return warning(check, f"{shown} answers {status}", advice)
    return ok(check, f"{shown} answers")
