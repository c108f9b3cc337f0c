"""Traces: one span for each piece of work, sent to an OpenTelemetry collector beside the work.

Only who traces imports this module: the libraries are an extra, and not small. Spans go out in batches, in a thread of
the library's; what it cannot send soon is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog
import trio
from attrs import field, frozen
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from tgworker.core import facts
from tgworker.core.facts import Fact
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext, read_trace, trace_json
from tgworker.errors import (
    ChatBusyError,
    CommandCancelledError,
    ParkedError,
    SettingsError,
    TgworkerError,
)

REQUEST_SECONDS = 5.0
"""For one batch, with all tries."""
FLUSH_SECONDS = 1.0
"""So long a stop waits for the last spans."""

_PATH = "/v1/traces"
_W3C = TraceContextTextMapPropagator()
_NO_FAULTS = (ParkedError, ChatBusyError, CommandCancelledError)
"""What ends a piece of work early though nothing is wrong with it."""

log = structlog.get_logger(__name__)


@frozen
class TraceTarget:
    """Where spans go, which of them, and what they say of this process."""

    endpoint: str = field(repr=False)
    """The collector's address, without the path for traces."""
    headers: Mapping[str, str] = field(repr=False)
    resource: Mapping[str, str]
    sampler: sampling.Sampler


def make_sampler(name: str, ratio: float) -> sampling.Sampler:
    """The sampler that the standard calls so; `ratio` is for those that take a share of all traces.

    Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration
    """
    kind = name.removeprefix("parentbased_")
    samplers = {"always_on": sampling.ALWAYS_ON, "always_off": sampling.ALWAYS_OFF}
    root = samplers.get(kind) or sampling.TraceIdRatioBased(ratio)
    return root if kind == name else sampling.ParentBased(root)


class Tracing:
    """Fulfils `ports.Observer`: spans as they are, and facts as what the span in hand has to say."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> Iterator[TraceContext | None]:
        with self._tracer.start_as_current_span(
            name,
            None if parent is None else _W3C.extract(_plain(trace_json(parent)), Context()),
            trace.SpanKind.INTERNAL if parent is None else trace.SpanKind.CONSUMER,
            {f"tgworker.{key}": value for key, value in _plain(attributes).items()},
            # A message that nobody has looked through for secrets, with all its places in the code.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield _context_of_current()
            except TgworkerError as error:
                if not isinstance(error, _NO_FAULTS):
                    _fail(span, error.error_type, str(error))
                raise

    def note(self, fact: Fact) -> None:
        span = trace.get_current_span()
        if not isinstance(span, Span):
            return
        match fact:
            case facts.CommandEnded(error_type=None):
                span.set_attribute("tgworker.outcome", "completed")
            case facts.CommandEnded(error_type=str() as error_type):
                span.set_attribute("tgworker.outcome", "failed")
                _fail(span, error_type, fact.error)
            case facts.CommandParked(reason=reason):
                span.set_attribute("tgworker.outcome", "parked")
                span.set_attribute("tgworker.reason", reason)
            case facts.PageFiled():
                _add(span, "tgworker.saved", fact.saved)
                _add(span, "tgworker.deduplicated", fact.deduplicated)
            case facts.DaySealed():
                span.set_attribute("tgworker.messages", fact.messages)
                span.set_attribute("tgworker.bytes", fact.bytes)
            case facts.Retried():
                what = {"target": fact.target, "reason": fact.reason}
                span.add_event("retry", {**what, "wait_seconds": fact.wait_seconds})
            case facts.FloodWaited():
                span.add_event("flood_wait", {"method": fact.method, "wait_seconds": fact.seconds})
            case facts.RequestEnded(error_type=str() as error_type):
                span.add_event("request_failed", {"target": fact.target, "error.type": error_type})


def _plain(values: Mapping[str, Json]) -> dict[str, str | bool | int | float]:
    """What a span can hold."""
    return {k: v for k, v in values.items() if isinstance(v, str | bool | int | float)}


def _context_of_current() -> TraceContext | None:
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return read_trace(carrier.get("traceparent"), carrier.get("tracestate"))


def _fail(span: trace.Span, error_type: str, error: str | None = None) -> None:
    span.set_attribute("error.type", error_type)
    span.set_status(trace.StatusCode.ERROR, error or error_type)


def _add(span: Span, key: str, count: int) -> None:
    """A page may be filed in pieces."""
    before = (span.attributes or {}).get(key, 0)
    span.set_attribute(key, count + (before if isinstance(before, int) else 0))


async def keep_tracing(
    target: TraceTarget, task_status: trio.TaskStatus[Tracing] = trio.TASK_STATUS_IGNORED
) -> None:
    """Let spans be made, until cancelled; then what is left is sent, for a second at most.

    Raises:
        SettingsError: a variable that the library reads by itself is wrong.
    """
    with _said_by_the_library() as said:
        exporter, provider = _start(target, said)
        task_status.started(Tracing(provider.get_tracer("tgworker")))
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(FLUSH_SECONDS, shield=True) as flushing:
                await trio.to_thread.run_sync(provider.shutdown, abandon_on_cancel=True)
            if flushing.cancelled_caught:
                log.warning("traces.cut_off", error=said.text)
            exporter.shutdown()


def _start(target: TraceTarget, said: _LastWords) -> tuple[_Exporter, TracerProvider]:
    try:
        exporter = _Exporter(target, said)
        provider = TracerProvider(
            sampler=target.sampler,
            resource=Resource.create(dict(target.resource)),
            shutdown_on_exit=False,  # it would wait for half a minute
        )
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except (ValueError, OSError) as error:
        raise SettingsError([f"One of the variables OTEL_… is not right: {error}"]) from error
    return exporter, provider


class _Exporter(SpanExporter):
    """The library's, but it says once that the collector is away, and once that it is back."""

    def __init__(self, target: TraceTarget, said: _LastWords) -> None:
        self._exporter = OTLPSpanExporter(
            target.endpoint.rstrip("/") + _PATH,
            headers=dict(target.headers),
            timeout=REQUEST_SECONDS,
        )
        self._said = said
        self._dropped = 0
        """Since it was last there."""
        self._is_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if self._is_down:
            return result  # nobody waits for it any more
        if result is SpanExportResult.SUCCESS:
            if self._dropped:
                log.info("traces.collector_back", dropped=self._dropped)
            self._dropped = 0
        else:
            if not self._dropped:
                log.warning("traces.collector_away", error=self._said.text)
            self._dropped += len(spans)
        return result

    def shutdown(self) -> None:
        if not self._is_down:
            self._is_down = True
            self._exporter.shutdown()  # type: ignore[no-untyped-call]  # it has no types


class _LastWords(logging.Handler):
    """Keeps what the library said last, which it says at every batch."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = record.getMessage()


@contextmanager
def _said_by_the_library() -> Iterator[_LastWords]:
    logger, said = logging.getLogger("opentelemetry"), _LastWords()
    before = logger.propagate
    logger.addHandler(said)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.propagate = before
        logger.removeHandler(said)
