"""Between the work and Telegram: paces requests, honours flood waits, retries what stumbled.

All waiting happens here and nowhere else, so that one place decides how hard an account is used.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

import structlog
import tenacity
import trio
from attrs import field, frozen

from tgworker.core.bucket import Bucket
from tgworker.core.model import Chat, ChatRef, HistoryQuery, Page, Relatives
from tgworker.errors import FloodWaitError, ParkedError, TransientError
from tgworker.ports import Gateway
from tgworker.service.stop import Stop

T = TypeVar("T")
Clock = Callable[[], datetime]

log = structlog.get_logger()


@frozen
class GuardPolicy:
    """How hard Telegram may be asked, and for how long again; all times are seconds."""

    requests_per_second: float = 1.0
    request_burst: int = 5
    retry_max_attempts: int = 5
    retry_max_elapsed: float = 120.0
    backoff_base: float = 0.5
    backoff_max: float = 10.0
    flood_wait_max: float = 300.0
    flood_wait_jitter: float = 5.0
    park_long_floods: bool = True
    rng: random.Random = field(factory=random.Random)


class GuardedGateway:
    """A Gateway whose every call waits for its turn first; one for all chats of an account.

    Raises, besides what a Gateway raises:
        ParkedError: Telegram wants a longer rest than is worth waiting for.
        StoppingError: the worker is stopping.
    """

    def __init__(self, gateway: Gateway, policy: GuardPolicy, stop: Stop, clock: Clock) -> None:
        self._gateway = gateway
        self._policy = policy
        self._stop = stop
        self._clock = clock
        now = trio.current_time()
        self._bucket = Bucket.full(policy.requests_per_second, policy.request_burst, now)
        self._flood_ends: dict[str, float] = {}

    async def resolve(self, ref: ChatRef) -> Chat:
        return await self._call("resolve", lambda: self._gateway.resolve(ref))

    async def relatives(self, chat: Chat) -> Relatives:
        return await self._call("relatives", lambda: self._gateway.relatives(chat))

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        return await self._call("history", lambda: self._gateway.history(chat, query))

    async def _call(self, target: str, request: Callable[[], Awaitable[T]]) -> T:
        """One request, asked again while it stumbles, as often and as long as the policy says."""
        policy = self._policy
        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(TransientError),
            stop=_Patience(policy.retry_max_attempts, policy.retry_max_elapsed),
            wait=self._backoff,
            sleep=self._stop.sleep,
            before_sleep=lambda state: _log_retry(target, state),
            reraise=True,
        )
        return await attempts(self._through_floods, target, request)

    async def _through_floods(self, target: str, request: Callable[[], Awaitable[T]]) -> T:
        """Wait for the turn, ask, and ask again after a flood wait that is worth waiting for."""
        while True:
            await self._wait_for_turn(target)
            try:
                return await request()
            except FloodWaitError as flood:
                self._note_flood(target, flood)

    async def _wait_for_turn(self, target: str) -> None:
        """First a token, then the end of the flood, which may be set anew while this call waits."""
        self._stop.check()
        self._bucket, wait = self._bucket.take(trio.current_time())
        if wait > 0:
            await self._stop.sleep(wait)
        while (rest := self._flood_ends.get(target, 0.0) - trio.current_time()) > 0:
            await self._stop.sleep(rest)

    def _note_flood(self, target: str, flood: FloodWaitError) -> None:
        policy = self._policy
        wait = max(1, flood.seconds) + policy.rng.uniform(0, policy.flood_wait_jitter)
        if flood.seconds > policy.flood_wait_max:
            if not policy.park_long_floods:
                raise flood
            resume_at = self._clock() + timedelta(seconds=wait)
            raise ParkedError(str(flood), resume_at=resume_at, error_type=flood.error_type)
        log.warning("telegram.flood_wait", target=target, wait_seconds=round(wait, 1))
        ends = trio.current_time() + wait
        self._flood_ends[target] = max(ends, self._flood_ends.get(target, 0.0))

    def _backoff(self, state: tenacity.RetryCallState) -> float:
        """Full jitter: anything from nothing to a ceiling that doubles each time."""
        policy = self._policy
        ceiling = policy.backoff_base * 2.0 ** (state.attempt_number - 1)
        return policy.rng.uniform(0, min(policy.backoff_max, ceiling))


class _Patience(tenacity.stop.stop_base):
    """Ends after so many attempts, or so many seconds after the first failure.

    tenacity's own limit on elapsed time reads a clock that no test can move, and would count waiting for a turn.
    """

    def __init__(self, attempts: int, seconds: float) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._first_failure: float | None = None

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        now = trio.current_time()
        if self._first_failure is None:
            self._first_failure = now
        tired = now - self._first_failure >= self._seconds
        return tired or retry_state.attempt_number >= self._attempts


def _log_retry(target: str, state: tenacity.RetryCallState) -> None:
    if state.outcome is None or state.next_action is None:
        return
    error = state.outcome.exception()
    log.warning(
        "telegram.retry",
        target=target,
        attempt=state.attempt_number,
        wait_seconds=round(state.next_action.sleep, 3),
        error_type=getattr(error, "error_type", None),
        error=str(error),
    )
