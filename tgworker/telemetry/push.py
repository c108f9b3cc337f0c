"""Metrics pushed to a Pushgateway, for workers that nobody can reach to scrape."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import httpx2
import structlog
import trio
from attrs import define, field
from prometheus_client import CollectorRegistry, Metric, delete_from_gateway, push_to_gateway

log = structlog.get_logger()

TIMEOUT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0
_WHAT_HAPPENED = ("counter", "histogram", "info")
"""Kinds of metrics that stay true when the process has ended; a gauge tells how things are."""


@define(eq=False)
class Pushing:
    """Where to, and as whom: a stable instance, so that a restart goes on in the same group."""

    url: str = field(repr=False)  # it may hold a password
    job: str
    instance: str
    _turn: threading.Lock = field(factory=threading.Lock, init=False, repr=False)
    """One request at a time: a push that comes after the farewell would stay for ever."""
    _client: httpx2.Client | None = field(default=None, init=False, repr=False)
    """Made at the first push, in its thread, and kept: to make one takes more time than all the rest."""

    async def run(
        self, registry: CollectorRegistry, interval: float, *, keep: bool = False
    ) -> None:
        """Push every `interval` seconds until cancelled; then take the group away, so that nothing stale stays.

        With `keep` it stays, and holds what happened until the end: who is not there for long is looked at later.
        """
        failed = False
        try:
            while True:
                failed = not await self._push(registry.collect(), said=failed)
                await trio.sleep(interval)
        finally:
            with trio.move_on_after(FAREWELL_SECONDS, shield=True) as farewell:
                if keep:
                    happened = (m for m in registry.collect() if m.type in _WHAT_HAPPENED)
                    await self._push(happened, said=failed)
                elif not failed:
                    await self._try(self._delete)
            if keep and farewell.cancelled_caught and not failed:
                log.warning("metrics.not_pushed", error="no answer")
            if self._client is not None:
                self._client.close()

    async def _push(self, metrics: Iterable[Metric], *, said: bool) -> bool:
        """Push what these metrics are now. `said`: that it fails is known already."""
        # Read here: what they are read from belongs to the event loop.
        now = _Snapshot(list(metrics))
        error = await self._try(lambda: self._push_now(now))
        if error is not None and not said:
            log.warning("metrics.not_pushed", error=error)
        return error is None

    async def _try(self, call: Callable[[], None]) -> str | None:
        """What went wrong, but no URL. In a thread: the library blocks, and whoever leaves does not wait for it."""
        try:
            await trio.to_thread.run_sync(call, abandon_on_cancel=True)
        except httpx2.HTTPStatusError as error:
            return f"HTTP {error.response.status_code}"
        except Exception as error:  # whatever it is, the work must not suffer from it
            return type(error).__name__
        return None

    def _push_now(self, metrics: _Snapshot) -> None:
        with self._turn:
            push_to_gateway(
                self.url,
                self.job,
                metrics,
                grouping_key={"instance": self.instance},
                timeout=TIMEOUT_SECONDS,
                handler=self._send,
            )

    def _delete(self) -> None:
        with self._turn:
            delete_from_gateway(
                self.url,
                self.job,
                grouping_key={"instance": self.instance},
                timeout=FAREWELL_SECONDS,
                handler=self._send,
            )

    def _send(
        self,
        url: str,
        method: str,
        timeout: float | None,
        headers: list[tuple[str, str]],
        data: bytes,
    ) -> Callable[[], None]:
        """How a request is made; the library's own way leaves sockets open where it fails."""

        def send() -> None:
            if self._client is None:
                self._client = httpx2.Client()
            answer = self._client.request(
                method, url, content=data, headers=headers, timeout=timeout
            )
            answer.raise_for_status()

        return send


class _Snapshot(CollectorRegistry):
    """Metrics as they were."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        super().__init__()
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics
