from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from tgworker.telemetry.logging import configure_logging


class Lines(io.StringIO):
    """A stream for log lines, and what was written to it."""

    @property
    def text(self) -> str:
        return self.getvalue()

    @property
    def parsed(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.parsed[-1]


@pytest.fixture
def configure() -> Iterator[Callable[..., Lines]]:
    """Configure logging for this test alone; gives the stream it writes to."""
    root = logging.getLogger()
    before, level, ours = list(root.handlers), root.level, logging.getLogger("tgworker").level

    def start(**options: Any) -> Lines:
        stream = options.pop("stream", None) or Lines()
        chosen = {"level": "INFO", "format": "json", "service": "telegram-fetcher"}
        chosen |= {"environment": "test", "worker_id": "fetcher-1", "stream": stream}
        configure_logging(**(chosen | options))
        return stream

    with warnings.catch_warnings():  # captureWarnings replaces how warnings are shown
        yield start
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("tgworker").setLevel(ours)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()
