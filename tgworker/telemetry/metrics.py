"""Facts as Prometheus metrics. The names without a prefix are part of the contract; see docs/operations.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    Metric,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from tgworker.core import facts
from tgworker.core.facts import BreakerState, Fact
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext
from tgworker.telemetry.sinks.buffer import LineBuffer

MOST_CHATS = 500
"""Chats with series of their own; those met later share one."""
MOST_KINDS = 100
"""Kinds of errors, likewise: most of them are Telegram's own names, and it may think of new ones."""
OTHER = "(other)"

_FETCH_BUCKETS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)
_REQUEST_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_NO_ERROR = "ok"
_USUAL_ERRORS = (
    *("network", "timeout", "server", "storage", "days_failed", "internal"),
    *("invalid_command", "cancelled"),
)
"""There from the start: Prometheus can't tell how much a series grew that it sees for the first time."""


class Metrics:
    """Fulfils `ports.Observer`; ``registry`` is what is scraped and pushed."""

    def __init__(self, *, version: str) -> None:
        # A series more for each counter, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self.registry = CollectorRegistry()
        self._chat = _Few(MOST_CHATS)
        self._kind = _Few(MOST_KINDS)
        self._make_fetch_metrics()
        self._make_telegram_metrics()
        self._make_queue_metrics()
        ProcessCollector(registry=self.registry)
        Info("tgworker_build", "The version that runs.", registry=self.registry).info(
            {"version": version}
        )
        self._handlers: dict[type, Callable[[Any], None]] = {
            facts.RequestEnded: self._request_ended,
            facts.Retried: self._retried,
            facts.FloodWaited: self._flood_waited,
            facts.RateChanged: self._rate_changed,
            facts.BreakerMoved: self._breaker_moved,
            facts.PageFiled: self._page_filed,
            facts.DaySealed: self._day_sealed,
            facts.CommandEnded: self._command_ended,
            facts.CommandParked: self._command_parked,
            facts.CommandBuried: self._command_buried,
            facts.LeaseLost: self._lease_lost,
            facts.QueueSeen: self._queue_seen,
            facts.OutboxSeen: self._outbox_seen,
            facts.DiskSeen: self._disk_seen,
        }

    def note(self, fact: Fact) -> None:
        handler = self._handlers.get(type(fact))
        if handler is not None:
            handler(fact)

    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> AbstractContextManager[None]:
        return nullcontext()

    def dropped_lines(self, store: str, buffer: LineBuffer) -> None:
        """Tell how many lines for a log store were lost."""
        self._dropped.buffers[store] = buffer

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """One more metric, read when somebody asks for it."""
        Gauge(name, help, registry=self.registry).set_function(read)

    def _make_fetch_metrics(self) -> None:
        self._messages = self._counter("messages_fetched", "Messages newly saved.", "chat")
        self._deduplicated = self._counter(
            "deduplicated_messages", "Messages that were offered again and dropped.", "source"
        )
        self._durations = Histogram(
            "fetch_duration_seconds",
            "From a command's start to its end.",
            ["chat"],
            buckets=_FETCH_BUCKETS,
            registry=self.registry,
        )
        self._lag = Gauge(
            "fetch_lag_seconds",
            "How old the newest message of the last page was when it was saved.",
            ["chat"],
            registry=self.registry,
        )
        self._errors = self._counter("fetch_errors", "Commands that failed.", "error_type")
        self._commands = self._counter(
            "tgworker_commands", "Commands that came to their end.", "outcome"
        )
        self._days = self._counter(
            "tgworker_artifacts_sealed",
            "Files of a day put into place; complete ones will not change.",
            "complete",
        )
        self._bytes = self._counter("tgworker_written_bytes", "Bytes of artifacts written.")
        for outcome in ("completed", "failed"):
            self._commands.labels(outcome)
        for error_type in _USUAL_ERRORS:
            self._errors.labels(error_type)

    def _make_telegram_metrics(self) -> None:
        self._requests = Histogram(
            "tgworker_request_duration_seconds",
            "Requests to Telegram; outcome is ok or an error_type.",
            ["target", "outcome"],
            buckets=_REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._retries = self._counter(
            "retries", "Requests that were tried again.", "target", "reason"
        )
        self._retry_delay = Gauge(
            "last_retry_delay_seconds",
            "The wait before the last retry.",
            ["target"],
            registry=self.registry,
        )
        self._rate_limits = self._counter(
            "rate_limit_hits", "Flood waits that Telegram asked for.", "source", "reason"
        )
        self._flood_seconds = self._counter(
            "tgworker_flood_wait_seconds", "How long Telegram asked to wait.", "source"
        )
        self._rate = Gauge(
            "tgworker_request_rate",
            "Requests a second that the account is given now.",
            registry=self.registry,
        )
        self._breaker = Gauge(
            "breaker_state",
            "0 closed, 1 open, 2 half-open.",
            ["component"],
            registry=self.registry,
        )
        self._breaker_opened = self._counter(
            "breaker_open", "How often the breaker opened.", "component"
        )
        self._breaker.labels("telegram").set(BreakerState.CLOSED)
        self._breaker_opened.labels("telegram")

    def _make_queue_metrics(self) -> None:
        self._queue = Gauge(
            "command_queue_length", "Commands that wait in the list.", registry=self.registry
        )
        self._parked = self._counter(
            "tgworker_commands_parked", "Commands given back for a while.", "reason"
        )
        self._buried = self._counter(
            "tgworker_commands_dead", "Commands put into the dead list.", "reason"
        )
        self._leases_lost = self._counter(
            "tgworker_leases_lost", "Commands that another worker took over."
        )
        self._outbox = Gauge(
            "tgworker_outbox_events", "Events that wait to be published.", registry=self.registry
        )
        self._disk_free = Gauge(
            "tgworker_disk_free_bytes",
            "Room that the archive has; 0 where it can't be written.",
            registry=self.registry,
        )
        self._disk_free.set(math.nan)  # nobody has looked yet, which is no reason for alarm
        self._dropped = _DroppedLines()
        self.registry.register(self._dropped)

    def _counter(self, name: str, help: str, *labels: str) -> Counter:
        return Counter(name, help, labels, registry=self.registry)

    def _request_ended(self, fact: facts.RequestEnded) -> None:
        self._requests.labels(fact.target, self._kind(fact.error_type or _NO_ERROR)).observe(
            fact.seconds
        )

    def _retried(self, fact: facts.Retried) -> None:
        self._retries.labels(fact.target, self._kind(fact.reason)).inc()
        self._retry_delay.labels(fact.target).set(fact.wait_seconds)

    def _flood_waited(self, fact: facts.FloodWaited) -> None:
        self._rate_limits.labels(fact.method, fact.reason).inc()
        self._flood_seconds.labels(fact.method).inc(fact.seconds)

    def _rate_changed(self, fact: facts.RateChanged) -> None:
        self._rate.set(fact.requests_per_second)

    def _breaker_moved(self, fact: facts.BreakerMoved) -> None:
        self._breaker.labels(fact.component).set(fact.state)
        if fact.state is BreakerState.OPEN:
            self._breaker_opened.labels(fact.component).inc()

    def _page_filed(self, fact: facts.PageFiled) -> None:
        chat = self._chat(fact.chat)
        self._messages.labels(chat).inc(fact.saved)
        self._deduplicated.labels("archive").inc(fact.deduplicated)
        if fact.lag_seconds is not None:
            self._lag.labels(chat).set(fact.lag_seconds)

    def _day_sealed(self, fact: facts.DaySealed) -> None:
        self._days.labels(str(fact.complete).lower()).inc()
        self._bytes.inc(fact.bytes)

    def _command_ended(self, fact: facts.CommandEnded) -> None:
        self._commands.labels("failed" if fact.error_type else "completed").inc()
        if fact.error_type is not None:
            self._errors.labels(self._kind(fact.error_type)).inc()
        if fact.chat is not None:
            self._durations.labels(self._chat(fact.chat)).observe(fact.seconds)

    def _command_parked(self, fact: facts.CommandParked) -> None:
        self._parked.labels(self._kind(fact.reason)).inc()

    def _command_buried(self, fact: facts.CommandBuried) -> None:
        self._buried.labels(self._kind(fact.reason)).inc()

    def _lease_lost(self, fact: facts.LeaseLost) -> None:
        self._leases_lost.inc()

    def _queue_seen(self, fact: facts.QueueSeen) -> None:
        self._queue.set(fact.length)

    def _outbox_seen(self, fact: facts.OutboxSeen) -> None:
        self._outbox.set(fact.length)

    def _disk_seen(self, fact: facts.DiskSeen) -> None:
        self._disk_free.set(fact.free_bytes or 0)


class _Few:
    """Values of a label, so many at most. Each one costs a Prometheus memory for ever."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(value)
        return value


class _DroppedLines(Collector):
    """A counter that others count."""

    def __init__(self) -> None:
        self.buffers: dict[str, LineBuffer] = {}

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "tgworker_log_lines_dropped", "Lines that a log store never got.", labels=["store"]
        )
        for store, buffer in self.buffers.items():
            family.add_metric([store], buffer.dropped)
        yield family
