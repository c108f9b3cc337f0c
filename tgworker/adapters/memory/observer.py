"""An observer that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from tgworker.core.facts import Fact
from tgworker.core.message import Json

F = TypeVar("F")


class MemoryObserver:
    """Fulfils `ports.Observer`."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.spans: list[tuple[str, ...]] = []
        """The names of each piece of work that has begun, outermost first."""
        self._inside: ContextVar[tuple[str, ...]] = ContextVar("inside", default=())

    def note(self, fact: Fact) -> None:
        self.facts.append(fact)

    @contextmanager
    def span(self, name: str, **attributes: Json) -> Iterator[None]:
        names = (*self._inside.get(), name)
        self.spans.append(names)
        token = self._inside.set(names)
        try:
            yield
        finally:
            self._inside.reset(token)

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]
