"""Who wants to know what happens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from tgworker.core.facts import Fact
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext


class Observer(Protocol):
    """Who wants to know what happens: metrics, traces. Never raises, never waits."""

    def note(self, fact: Fact) -> None:
        """Something has happened."""
        ...

    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> AbstractContextManager[TraceContext | None]:
        """What is done in here is one piece of work, part of the one it is done in, or of `parent` elsewhere.

        Facts that are noted in here belong to it. Gives what others have to know to take part in it; None: nobody
        traces it.
        """
        ...


class Unobserved:
    """Nobody wants to know."""

    def note(self, fact: Fact) -> None:
        pass

    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> AbstractContextManager[None]:
        return nullcontext()


UNOBSERVED = Unobserved()
