"""How long Redis may be away, counted in one place for all who need it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
import trio

from tgworker.errors import ExitCode, OutageError, QueueRefusedError, QueueUnavailableError
from tgworker.service.stop import Stop

T = TypeVar("T")

log = structlog.get_logger()

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0


class Outage:
    """Repeats what Redis did not answer, and knows since when it has not.

    An outage begins with anyone's first failure and ends when nobody waits for an answer any more: a Redis without
    memory answers some, and refuses others for as long as they ask.
    """

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self.answered_at: float | None = None
        """When Redis last answered anybody here, on trio's clock."""
        self._since = 0.0
        self._unanswered: set[object] = set()
        """Who waits for an answer; the first of them has since ``_since``."""

    @property
    def lasts(self) -> bool:
        """Whether Redis is away now, as far as anyone has noticed."""
        return bool(self._unanswered)

    async def outlast(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        sleep: Callable[[float], Awaitable[object]] = trio.sleep,
    ) -> T:
        """Do something that may safely be repeated until Redis answers.

        Raises:
            OutageError: Redis has been away for longer than it may.
        """
        wait = FIRST_WAIT_SECONDS
        call = object()
        try:
            while True:
                try:
                    result = await operation()
                except QueueUnavailableError as error:
                    self._failed(call, error)
                else:
                    self._answered(call)
                    return result
                await sleep(wait)
                wait = min(LONGEST_WAIT_SECONDS, 2 * wait)
        finally:
            self._unanswered.discard(call)

    def _failed(self, call: object, error: QueueUnavailableError) -> None:
        now = trio.current_time()
        if not self._unanswered:
            self._since = now
            log.warning("redis.away", error=str(error), max_seconds=self._max_seconds)
        self._unanswered.add(call)
        away = now - self._since
        if away >= self._max_seconds:
            raise OutageError(f"Redis has been away for {away:.0f} s: {error}") from error

    def _answered(self, call: object) -> None:
        self.answered_at = trio.current_time()
        if {call} == self._unanswered:
            away = trio.current_time() - self._since
            log.info("redis.back", duration_ms=round(away * 1000))


def stop_for_redis(stop: Stop, error: OutageError | QueueRefusedError) -> None:
    """End the worker because Redis has been away for too long, or will not have us any more."""
    log.error("redis.given_up", error_type=error.error_type, error=str(error))
    away = isinstance(error, OutageError)
    stop.set(ExitCode.REDIS_AWAY if away else ExitCode.BAD_SETTINGS, error.error_type)
