"""The wish to stop, which every wait listens to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import trio

from tgworker.errors import ExitCode

log = structlog.get_logger()


class StoppingError(Exception):
    """The worker is stopping: leave everything as it is; the command goes back to the queue."""


class Stop:
    """Set once, with the exit code that the first reason to stop asks for.

    Waits end at once when it is set; a request under way may still bring its page home.
    """

    def __init__(self) -> None:
        self._event = trio.Event()
        self._scopes: set[trio.CancelScope] = set()
        self.exit_code = ExitCode.DONE

    def set(self, exit_code: ExitCode = ExitCode.DONE, reason: str = "asked") -> None:
        """`reason`: a signal's name, or an ``error_type``."""
        if not self._event.is_set():
            log.info("shutdown.begin", reason=reason)
            self.exit_code = exit_code
            self._event.set()
        for scope in self._scopes:
            scope.cancel()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()

    def check(self) -> None:
        """Raises: StoppingError."""
        if self.is_set():
            raise StoppingError

    @contextmanager
    def interrupts(self) -> Iterator[None]:
        """What is awaited in here is cancelled by a stop, and left quietly."""
        with trio.CancelScope() as scope:
            if self.is_set():
                scope.cancel()
            self._scopes.add(scope)
            try:
                yield
            finally:
                self._scopes.discard(scope)

    async def sleep(self, seconds: float) -> None:
        """Sleep, but not into a stop.

        Raises: StoppingError.
        """
        with self.interrupts():
            await trio.sleep(seconds)
        self.check()
