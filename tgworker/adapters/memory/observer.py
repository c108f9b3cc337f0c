"""An observer that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tgworker.core.facts import Fact
from tgworker.core.message import Json
from tgworker.core.tracing import TraceContext

F = TypeVar("F")


class MemoryObserver:
    """Fulfils `ports.Observer`."""

    def __init__(self, trace: TraceContext | None = None) -> None:
        """`trace`: what others are told to take part in."""
        self._trace = trace
        self.facts: list[Fact] = []
        self.parents: list[TraceContext] = []
        """Those of elsewhere that pieces of work belong to."""
        self.spans: list[tuple[str, ...]] = []
        """The names of each piece of work that has begun, outermost first."""
        self._inside: ContextVar[tuple[str, ...]] = ContextVar("inside", default=())

    def note(self, fact: Fact) -> None:
        self.facts.append(fact)

    @contextmanager
    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> Iterator[TraceContext | None]:
        if parent is not None:
            self.parents.append(parent)
        names = (*self._inside.get(), name)
        self.spans.append(names)
        token = self._inside.set(names)
        try:
            yield self._trace
        finally:
            self._inside.reset(token)

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]
