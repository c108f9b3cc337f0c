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

    An outage begins with anyone's first failure and ends with anyone's first answer.
    """

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._since: float | None = None

    @property
    def lasts(self) -> bool:
        """Whether Redis is away now, as far as anyone has noticed."""
        return self._since is not None

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
        while True:
            try:
                result = await operation()
            except QueueUnavailableError as error:
                self._failed(error)
            else:
                self._answered()
                return result
            await sleep(wait)
            wait = min(LONGEST_WAIT_SECONDS, 2 * wait)

    def _failed(self, error: QueueUnavailableError) -> None:
        now = trio.current_time()
        if self._since is None:
            self._since = now
            log.warning("redis.away", error=str(error), max_seconds=self._max_seconds)
        away = now - self._since
        if away >= self._max_seconds:
            raise OutageError(f"Redis has been away for {away:.0f} s: {error}") from error

    def _answered(self) -> None:
        if self._since is not None:
            away = trio.current_time() - self._since
            log.info("redis.back", duration_ms=round(away * 1000))
            self._since = None


def stop_for_redis(stop: Stop, error: OutageError | QueueRefusedError) -> None:
    """End the worker because Redis has been away for too long, or will not have us any more."""
    log.error("redis.given_up", error_type=error.error_type, error=str(error))
    stop.set(ExitCode.REDIS_AWAY if isinstance(error, OutageError) else ExitCode.BAD_SETTINGS)
