"""Who wants to know what happens."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from tgworker.core.facts import Fact
from tgworker.core.message import Json


class Observer(Protocol):
    """Who wants to know what happens: metrics, traces. Never raises, never waits."""

    def note(self, fact: Fact) -> None:
        """Something has happened."""
        ...

    def span(self, name: str, **attributes: Json) -> AbstractContextManager[object]:
        """What is done in here is one piece of work, part of the one it is done in."""
        ...


class Unobserved:
    """Nobody wants to know."""

    def note(self, fact: Fact) -> None:
        pass

    def span(self, name: str, **attributes: Json) -> AbstractContextManager[object]:
        return nullcontext()


UNOBSERVED = Unobserved()
