"""Metrics pushed to a Pushgateway, for workers that nobody can reach to scrape."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import structlog
import trio
from attrs import frozen
from prometheus_client import CollectorRegistry, delete_from_gateway, push_to_gateway

log = structlog.get_logger()

TIMEOUT_SECONDS = 2.0
FAREWELL_SECONDS = 1.0


@frozen
class Pushing:
    """Where to, and as whom: a stable instance, so that a restart goes on in the same group."""

    url: str
    job: str
    instance: str

    async def run(self, registry: CollectorRegistry, interval: float) -> None:
        """Push every `interval` seconds until cancelled; then take the group away, so that nothing stale stays."""
        failed = False
        try:
            while True:
                failed = not await self._push(registry, said=failed)
                await trio.sleep(interval)
        finally:
            if not failed:
                with trio.move_on_after(FAREWELL_SECONDS, shield=True):
                    await self._try(self._delete)

    async def _push(self, registry: CollectorRegistry, *, said: bool) -> bool:
        error = await self._try(lambda: self._push_now(registry))
        if error is not None and not said:
            log.warning("metrics.not_pushed", error=error)
        return error is None

    async def _try(self, call: Callable[[], None]) -> str | None:
        """What went wrong. In a thread: the library blocks; and whoever leaves does not wait for it."""
        try:
            await trio.to_thread.run_sync(call, abandon_on_cancel=True)
        except httpx2.HTTPError as error:
            return str(error) or type(error).__name__
        return None

    def _push_now(self, registry: CollectorRegistry) -> None:
        push_to_gateway(
            self.url,
            self.job,
            registry,
            grouping_key={"instance": self.instance},
            timeout=TIMEOUT_SECONDS,
            handler=_send,
        )

    def _delete(self) -> None:
        delete_from_gateway(
            self.url,
            self.job,
            grouping_key={"instance": self.instance},
            timeout=FAREWELL_SECONDS,
            handler=_send,
        )


def _send(
    url: str, method: str, timeout: float | None, headers: list[tuple[str, str]], data: bytes
) -> Callable[[], None]:
    """How a request is made; the library's own way leaves sockets open where it fails."""

    def send() -> None:
        answer = httpx2.request(method, url, content=data, headers=headers, timeout=timeout)
        answer.raise_for_status()

    return send
