"""What a command waits for, told by whoever lets it wait.

The guard serves all commands and knows none. Like the fields of the log, the reporter of the command in hand travels
with the task.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta

from tgworker.service.report import Reporter

_reporter: ContextVar[Reporter | None] = ContextVar("reporter", default=None)


@contextmanager
def waits_told_by(reporter: Reporter) -> Iterator[None]:
    """What is awaited in here, and in tasks that begin in here, is that reporter's command."""
    token = _reporter.set(reporter)
    try:
        yield
    finally:
        _reporter.reset(token)


async def tell_of_wait(seconds: float, error_type: str, reason: str) -> None:
    """Tell that the command in hand waits so long, unless its next progress would be sooner."""
    reporter = _reporter.get()
    if reporter is not None and seconds > reporter.progress_interval:
        resume_at = reporter.clock() + timedelta(seconds=seconds)
        await reporter.waiting(resume_at, error_type, reason)
