"""What watches a worker, as the settings want it: metrics, health, logs on their way to a store.

What needs a library of HTTP is imported where it is wanted: those libraries take as long to import as all of ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import frozen

from tgworker import __version__
from tgworker.background import open_background
from tgworker.core.health import Patience
from tgworker.core.notices import Identity
from tgworker.errors import SettingsError
from tgworker.ports import Observer, Pulse
from tgworker.service.health import HealthMonitor, keep_beating
from tgworker.service.notices import Notices
from tgworker.service.outage import Outage
from tgworker.settings import MetricsMode, Settings
from tgworker.settings.parsers import pairs
from tgworker.telemetry.health_file import read_health_file
from tgworker.telemetry.metrics import Metrics
from tgworker.telemetry.observers import LoopLag, Observers
from tgworker.telemetry.pulse import open_pulse
from tgworker.telemetry.sinks.buffer import LineBuffer

if TYPE_CHECKING:
    from tgworker.telemetry.sinks.shipper import LogStore

_SCRAPED = (MetricsMode.SCRAPE, MetricsMode.BOTH)
_PUSHED = (MetricsMode.PUSH, MetricsMode.BOTH)

LATE_SECONDS = 60.0
"""So late may a busy machine make anything."""

_SLOWEST_SHARE = 16
"""The pace may fall to so small a part of the set one."""


@frozen
class Shipment:
    """A log store, and where the lines for it wait."""

    store: LogStore
    buffer: LineBuffer


@frozen
class Instruments:
    observer: Observer
    health: HealthMonitor
    pulse: Pulse
    chat_notices: Notices | None = None
    """What `NOTIFY_CHAT` is to be told, by who has the account."""


@asynccontextmanager
async def open_instruments(
    settings: Settings, outage: Outage, shipments: Iterable[Shipment], *, serve: bool = True
) -> AsyncIterator[Instruments]:
    """Measure, push, trace, tell systemd and the health file, while the block runs.

    If `serve`, also answer scrapes and tell people of failures; else the counts stay where they are pushed to.

    Raises: SettingsError.
    """
    health = HealthMonitor(outage, _patience(settings))
    pulse = open_pulse(_own_health_file(settings, serve), settings.worker_id)
    metrics, lag = _metrics(health, shipments)
    try:
        async with open_background() as tasks:
            tracers = await _start_tracing(settings, tasks)
            tasks.start_soon(lag.watch)
            tasks.start_soon(keep_beating, pulse, health)
            if serve and settings.metrics_mode in _SCRAPED:
                from tgworker.telemetry.http import StatusApp, serve_http

                app = StatusApp(metrics.registry, health.report)
                await tasks.start(serve_http, settings.http_host, settings.http_port, app)
            if settings.metrics_mode in _PUSHED and settings.pushgateway_url is not None:
                from tgworker.telemetry.push import Pushing

                pushing = Pushing(
                    settings.pushgateway_url, settings.service_name, settings.worker_id
                )
                push = partial(pushing.run, keep=not serve)
                tasks.start_soon(push, metrics.registry, settings.push_interval_seconds)
            for_webhook, for_chat = _open_notices(settings, tasks) if serve else (None, None)
            notices = [each for each in (for_webhook, for_chat) if each is not None]
            observers = Observers(health, metrics, *tracers, *notices)
            yield Instruments(observers, health, pulse, for_chat)
    finally:
        pulse.ended()


def _metrics(health: HealthMonitor, shipments: Iterable[Shipment]) -> tuple[Metrics, LoopLag]:
    metrics, lag = Metrics(version=__version__), LoopLag()
    for name, help, read in (
        ("event_loop_lag_seconds", "How late the event loop is.", lambda: lag.seconds),
        ("live", "0 where something hangs; as /healthz.", lambda: health.report().live),
        ("ready", "1 where a command would be carried out now.", lambda: health.report().ready),
    ):
        metrics.gauge(f"tgworker_{name}", help, read)
    for shipment in shipments:
        metrics.dropped_lines(shipment.store.name, shipment.buffer)
    return metrics, lag


def _open_notices(settings: Settings, tasks: trio.Nursery) -> tuple[Notices | None, Notices | None]:
    """What people are to be told by `NOTIFY_WEBHOOK_URL`, which begins here, and by `NOTIFY_CHAT`."""
    for_webhook = for_chat = None
    if settings.notify_webhook_url is not None:
        for_webhook = Notices(_now)
        who = Identity(settings.worker_id, settings.service_name, settings.environment)
        tasks.start_soon(_tell_webhook, settings.notify_webhook_url.reveal(), who, for_webhook)
    if settings.notify_chat is not None:
        for_chat = Notices(_now, by_account=True)
    return for_webhook, for_chat


async def _tell_webhook(url: str, identity: Identity, notices: Notices) -> None:
    """Tell until cancelled, and then the last words."""
    from tgworker.telemetry.webhook import open_webhook

    async with open_webhook(url, identity) as webhook:
        await notices.run(webhook)


async def _start_tracing(settings: Settings, tasks: trio.Nursery) -> tuple[Observer, ...]:
    """Who sends traces, if there is where to send them.

    Raises: SettingsError.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return ()
    try:
        # Late: it takes a while, and belongs to an extra.
        from tgworker.telemetry.tracing import TraceTarget, keep_tracing, make_sampler
    except ModuleNotFoundError as error:
        raise SettingsError(
            [
                "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the libraries for traces are not installed "
                f"({error.name} is missing): pip install 'tgworker[otel]', or unset it"
            ]
        ) from None
    given = settings.otel_exporter_otlp_headers
    target = TraceTarget(
        endpoint,
        {} if given is None else dict(pairs(given.reveal())),
        {
            "service.instance.id": settings.worker_id,
            "service.version": __version__,
            "deployment.environment.name": settings.environment,
            **dict(settings.otel_resource_attributes),
            "service.name": settings.otel_service_name or settings.service_name,
        },
        make_sampler(settings.otel_traces_sampler, settings.otel_traces_sampler_arg),
    )
    tracing: Observer = await tasks.start(keep_tracing, target)
    return (tracing,)


def _now() -> datetime:
    return datetime.now(UTC)


def _patience(settings: Settings) -> Patience:
    """Beyond this no wait is part of the work: each request's turn, flood, retries and time limit, twice over."""
    turn = settings.fetch_concurrency * _SLOWEST_SHARE / settings.requests_per_second
    flood = settings.flood_wait_max_seconds + settings.flood_wait_jitter_seconds
    longest = 2 * (turn + flood + settings.retry_max_elapsed_seconds + LATE_SECONDS)
    return Patience(
        work=longest + settings.redis_max_outage_seconds,  # which an event may have to outlast
        queue=2 * settings.redis_block_seconds + LATE_SECONDS,
        lease=settings.lease_seconds + LATE_SECONDS,
    )


def _own_health_file(settings: Settings, is_worker: bool) -> Path | None:
    """One that a worker keeps is not for who only fetches once beside it."""
    file = settings.health_file
    kept = not is_worker and read_health_file(file, datetime.now(UTC)).worker is not None
    return None if kept else file


def shipments_of(settings: Settings) -> list[Shipment]:
    """Where lines are to be shipped."""
    if settings.loki_url is None and settings.victoria_logs_url is None:
        return []
    from tgworker.telemetry.sinks.stores import loki, victoria_logs

    stores = []
    if settings.loki_url is not None:
        stores.append(loki(settings.loki_url))
    if settings.victoria_logs_url is not None:
        stores.append(victoria_logs(settings.victoria_logs_url))
    return [Shipment(store, LineBuffer()) for store in stores]


@asynccontextmanager
async def open_shipping(shipments: Sequence[Shipment]) -> AsyncIterator[None]:
    """Ship lines for as long as the block runs, and the last ones at its end."""
    if not shipments:
        yield
        return
    from tgworker.telemetry.sinks.shipper import ship_lines

    async with open_background() as tasks:
        for shipment in shipments:
            await tasks.start(ship_lines, shipment.buffer, shipment.store)
        yield


async def ship_rest(shipments: Sequence[Shipment]) -> None:
    """Ship what was logged after all the rest had ended: why it did is what matters most."""
    async with open_shipping(shipments):
        pass
