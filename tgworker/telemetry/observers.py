"""Several observers as one, and what only an event loop itself can tell."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import trio
from attrs import define

from tgworker.core.facts import Fact
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext
from tgworker.ports import Observer

LOOK_SECONDS = 1.0


class Observers:
    """Fulfils `ports.Observer` by handing everything on."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def note(self, fact: Fact) -> None:
        for observer in self._observers:
            observer.note(fact)

    @contextmanager
    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> Iterator[TraceContext | None]:
        with ExitStack() as spans:
            told = [
                spans.enter_context(observer.span(name, parent, **attributes))
                for observer in self._observers
            ]
            yield next((trace for trace in told if trace is not None), None)


@define
class LoopLag:
    """How late the event loop is: what blocks it makes everything late."""

    seconds: float = 0.0

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            due = trio.current_time() + LOOK_SECONDS
            await trio.sleep_until(due)
            self.seconds = trio.current_time() - due
