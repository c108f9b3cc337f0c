"""Asks again what stumbled, after waits that grow and are never the same for two."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar, TypeVarTuple, Unpack

import structlog
import tenacity
import trio
from attrs import frozen

from tgworker.core.facts import Retried
from tgworker.errors import TransientError
from tgworker.ports import Observer

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

log = structlog.get_logger()


@frozen
class RetryPolicy:
    """How often, and for how many seconds after the first failure, something is tried again."""

    max_attempts: int = 5
    max_elapsed: float = 120.0
    backoff_base: float = 0.5
    backoff_max: float = 10.0


class Stopwatch:
    """Seconds on trio's clock, those left out that are spent in `paused`."""

    def __init__(self) -> None:
        self._paused = 0.0

    def __call__(self) -> float:
        return trio.current_time() - self._paused

    @contextmanager
    def paused(self) -> Iterator[None]:
        began = trio.current_time()
        try:
            yield
        finally:
            self._paused += trio.current_time() - began


class Retry:
    """Calls something until it answers, or fails with more than a `TransientError`, or patience is at its end."""

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        rng: random.Random,
        sleep: Callable[[float], Awaitable[None]],
        observer: Observer,
    ) -> None:
        self._policy = policy
        self._rng = rng
        self._sleep = sleep
        self._observer = observer

    async def __call__(
        self,
        target: str,
        worthwhile: Callable[[], bool],
        watch: Stopwatch,
        function: Callable[[Unpack[Ts]], Awaitable[T]],
        *args: Unpack[Ts],
    ) -> T:
        """`worthwhile` is asked after each failure; no: it is raised at once. `watch` measures patience."""

        first: TransientError | None = None
        try:
            return await function(*args)
        except TransientError as error:
            first = error

        async def try_again() -> T:
            """The first attempt was made before: to set up tenacity takes as long as to make a request."""
            nonlocal first
            if first is not None:
                error, first = first, None
                raise error
            return await function(*args)

        def again(error: BaseException) -> bool:
            return isinstance(error, TransientError) and worthwhile()

        attempts = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception(again),
            stop=_Patience(self._policy.max_attempts, self._policy.max_elapsed, watch),
            wait=self._backoff,
            sleep=self._sleep,
            before_sleep=lambda state: self._note(target, state),
            reraise=True,
        )
        return await attempts(try_again)

    def _backoff(self, state: tenacity.RetryCallState) -> float:
        """Full jitter: anything from nothing to a ceiling that doubles each time."""
        policy = self._policy
        ceiling = policy.backoff_base * 2.0 ** (state.attempt_number - 1)
        return self._rng.uniform(0, min(policy.backoff_max, ceiling))

    def _note(self, target: str, state: tenacity.RetryCallState) -> None:
        assert state.outcome is not None and state.next_action is not None
        error, wait = state.outcome.exception(), state.next_action.sleep
        assert isinstance(error, TransientError)
        log.warning(
            "telegram.retry",
            target=target,
            attempt=state.attempt_number,
            wait_seconds=round(wait, 3),
            error_type=error.error_type,
            error=str(error),
        )
        self._observer.note(Retried(target, error.error_type, wait))


class _Patience(tenacity.stop.stop_base):
    """Ends after so many attempts, or so many seconds after the first failure.

    tenacity's own limit on elapsed time reads a clock that no test can move, and would count waiting for a turn, or
    for the end of a flood wait.
    """

    def __init__(self, attempts: int, seconds: float, watch: Stopwatch) -> None:
        self._attempts = attempts
        self._seconds = seconds
        self._watch = watch
        self._first_failure: float | None = None

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        now = self._watch()
        if self._first_failure is None:
            self._first_failure = now
        tired = now - self._first_failure >= self._seconds
        return tired or retry_state.attempt_number >= self._attempts
