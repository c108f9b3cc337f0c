"""The breaker at work: lets requests through while Telegram answers, and parks the commands while it does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog
import trio

from tgworker.core.breaker import Breaker
from tgworker.core.facts import BreakerMoved, BreakerState
from tgworker.errors import ParkedError, TgworkerError, TransientError
from tgworker.ports import Observer
from tgworker.service.stop import Stop

log = structlog.get_logger()

COMPONENT = "telegram"

BREAKER_OPEN = "breaker_open"
"""The ``error_type`` of commands that are parked because of it."""

CONNECTION = frozenset({"network", "timeout"})
"""The ``error_type`` of failures that say nothing of what was asked for."""

OPENINGS = 3
"""So often in a row may one thing that Telegram stumbles over open the breaker; then it is itself to blame."""

SHORT_REST_SECONDS = 1.0
"""A shorter rest is waited for: parking for it would be more work than rest."""

MARGIN_SECONDS = 0.001
"""Slept in addition, so that a rest is over after it in spite of rounding."""

_LOG_AS = {
    BreakerState.CLOSED: "breaker.closed",
    BreakerState.OPEN: "breaker.opened",
    BreakerState.HALF_OPEN: "breaker.half_open",
}


class Gate:
    """One for all requests of an account."""

    def __init__(
        self,
        breaker: Breaker,
        *,
        stop: Stop,
        clock: Callable[[], datetime],
        observer: Observer,
    ) -> None:
        self._breaker = breaker
        self._stop = stop
        self._clock = clock
        self._observer = observer
        self._probed = trio.Event()
        """Set when the probe under way has ended."""
        self._last_error = ""
        self._stumbles: dict[str, int] = {}
        """How often Telegram's stumbling over such a thing has opened the breaker since it last was answered."""
        observer.note(BreakerMoved(COMPONENT, breaker.state))

    @property
    def admits(self) -> bool:
        return self._breaker.admits

    @property
    def is_open(self) -> bool:
        return self._breaker.state is BreakerState.OPEN

    def check(self) -> None:
        """Raises: ParkedError: it is open; until it may be probed."""
        if self.is_open:
            rest = self._breaker.rest(trio.current_time())
            raise ParkedError(
                f"Telegram does not answer; the next try is in {rest:.0f} s. {self._last_error}",
                resume_at=self._clock() + timedelta(seconds=rest),
                error_type=BREAKER_OPEN,
            )

    async def ready(self) -> None:
        """Return when it admits a request: at once, or after the probe of somebody else.

        Raises:
            ParkedError: it is open.
            StoppingError: the worker is stopping.
        """
        while True:
            now = trio.current_time()
            self._become(self._breaker.at(now))
            if self.admits:
                return
            rest = self._breaker.rest(now)
            if rest > SHORT_REST_SECONDS:
                self.check()
            elif rest > 0:
                await self._stop.sleep(rest + MARGIN_SECONDS)
            else:
                with self._stop.interrupts():
                    await self._probed.wait()
                self._stop.check()

    @contextmanager
    def passage(self, thing: str) -> Iterator[None]:
        """Around a request for a `thing` that it admits: what becomes of it tells how Telegram is.

        Only a `TransientError` is a failure; who refuses a chat, or asks for a rest, is well. A thing that Telegram
        stumbles over whenever it is asked for must not keep everything else waiting for ever: after some `OPENINGS`
        it fails by itself, and somebody else's request is the next probe.
        """
        self._become(self._breaker.asked())
        term = self._breaker.term
        try:
            yield
        except TransientError as error:
            self._last_error = str(error)
            self._failed(thing, term, error)
            raise
        except TgworkerError:
            self._answered(thing, term)
            raise
        except BaseException:
            self._become(self._breaker.abandoned(term))
            raise
        else:
            self._answered(thing, term)

    def _answered(self, thing: str, term: int) -> None:
        self._stumbles.pop(thing, None)
        self._become(self._breaker.answered(term))

    def _failed(self, thing: str, term: int, error: TransientError) -> None:
        failed = self._breaker.failed(term, trio.current_time())
        if failed.term != self._breaker.term and error.error_type not in CONNECTION:
            openings = self._stumbles.get(thing, 0)
            if openings >= OPENINGS:
                failed = self._breaker.abandoned(term)
            else:
                self._stumbles[thing] = openings + 1
        self._become(failed)

    def _become(self, breaker: Breaker) -> None:
        before, self._breaker = self._breaker, breaker
        if before.probing and not breaker.probing:
            self._probed.set()
            self._probed = trio.Event()
        if before.state is breaker.state:
            return
        self._observer.note(BreakerMoved(COMPONENT, breaker.state))
        if self.is_open:
            log.warning(
                _LOG_AS[breaker.state],
                component=COMPONENT,
                wait_seconds=round(breaker.open_seconds, 1),
                error=self._last_error,
            )
        else:
            log.info(_LOG_AS[breaker.state], component=COMPONENT)
