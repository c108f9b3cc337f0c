"""What was logged that somebody should see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from structlog.testing import capture_logs as capture_all_logs
from structlog.typing import EventDict


@contextmanager
def capture_logs() -> Iterator[list[EventDict]]:
    """As structlog's own, but without what is only said at ``DEBUG``; to be looked at after the block."""
    loud: list[EventDict] = []
    with capture_all_logs() as lines:
        yield loud
    loud += (line for line in lines if line["log_level"] != "debug")
