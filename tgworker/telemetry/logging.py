"""Log lines: one JSON object each, or readable text for a terminal.

Everything goes one way, through the root logger of the standard library, so that the lines of libraries get the same
keys and the same redaction as our own. What is bound with `structlog.contextvars` (the ``command_id`` first of all)
is on all of them, because a trio task inherits the context of its parent.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tgworker.telemetry.redaction import Redactor
from tgworker.telemetry.sinks.buffer import HTTP_LIBRARIES, LineBuffer

OURS = "tgworker"
_HEAD = ("event", "ts", "level", "service", "environment", "worker_id")
_WRITTEN_BY_US = frozenset({"ts", "level"})


class LineStream(Protocol):
    """What lines are written to: a text stream, or a stand-in for one."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...

    def isatty(self) -> bool: ...


def configure_logging(
    *,
    level: str,
    format: str,
    service: str,
    environment: str,
    worker_id: str,
    stream: LineStream,
    secrets: Sequence[str] = (),
    buffers: Sequence[LineBuffer] = (),
    stream_level: str | None = None,
) -> None:
    """Send all logging of this process to `stream`; calling it again replaces what was set.

    `level` is a name such as ``INFO``. Libraries speak from WARNING on, and in full at ``DEBUG``. `format` is ``json``
    or ``console``. No line shows any of `secrets`, tracebacks included (they carry no local variables either).
    `buffers` get the same lines as JSON, for a log store; `stream` only those from `stream_level` on, if there is one.
    """
    redactor = Redactor(secrets)
    handler = logging.StreamHandler(stream)
    handler.setLevel(stream_level or logging.NOTSET)
    handler.addFilter(_is_no_chatter)
    as_json = _json_line({"service": service, "environment": environment, "worker_id": worker_id})
    # Who reads a console knows which worker it is.
    render = as_json if format == "json" else _console_line(stream)
    handler.setFormatter(_formatter(redactor, render))
    for buffer in buffers:
        buffer.setFormatter(_formatter(redactor, as_json))
    _set_up_root((handler, *buffers), level)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *names: logging.getLogger(names[0] if names else OURS),
        cache_logger_on_first_use=False,
    )


def _set_up_root(handlers: Iterable[logging.Handler], level: str) -> None:
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    for handler in handlers:
        root.addHandler(handler)
    number = logging.getLevelNamesMapping()[level]
    root.setLevel(number if level == "DEBUG" else max(logging.WARNING, number))
    logging.getLogger(OURS).setLevel(level)
    logging.captureWarnings(True)


def _is_no_chatter(record: logging.LogRecord) -> bool:
    """At DEBUG an HTTP client has ten lines for each request, and none of them is of the work."""
    chatty = record.name.partition(".")[0] in HTTP_LIBRARIES
    return record.levelno >= logging.WARNING or not chatty


def _formatter(redactor: Redactor, render: Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.contextvars.merge_contextvars, _name_library],
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _add_time,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            _Redact(redactor),
            render,
        ],
    )


def _name_library(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """A library's sentence becomes ``message``, so that ``event`` stays one of few fixed names."""
    record: logging.LogRecord = line["_record"]
    line["logger"] = record.name
    line["message"] = line["event"]
    line["event"] = "library.message"
    return line


def _add_time(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    line["ts"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return line


class _Redact:
    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        return {
            key: value if key in _WRITTEN_BY_US else self._redactor.plain(value)
            for key, value in line.items()
        }


def _json_line(identity: dict[str, str]) -> Processor:
    def render(logger: WrappedLogger, method: str, line: EventDict) -> str:
        line = identity | dict(line)
        head: dict[str, Any] = {key: line.pop(key) for key in _HEAD}
        return orjson.dumps(head | line).decode()

    return render


def _console_line(stream: LineStream) -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and not os.environ.get("NO_COLOR"),
        timestamp_key="ts",
        # The traceback is text by now, so that it could be redacted.
        exception_formatter=structlog.dev.plain_traceback,
        sort_keys=False,
    )
