"""What keeps Telethon quiet: its log lines, the updates it is sent, and the context its tasks run in."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from structlog.contextvars import clear_contextvars

from tgworker.adapters.telegram.plain import TL

T = TypeVar("T")


class Loggers(dict[str, "_ModestLogger"]):
    """Telethon looks its loggers up here by module."""

    def __missing__(self, module: str) -> _ModestLogger:
        return _ModestLogger(logging.getLogger(module))


class _ModestLogger(logging.LoggerAdapter):  # type: ignore[type-arg]  # generic in the stubs only
    """Telethon's lines, at most as warnings: what goes wrong is also raised, and the caller knows how bad it is.

    An error is told in one line. Where it arose is for who looks for it, at ``DEBUG``.
    """

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        error = sys.exception()
        if kwargs.get("exc_info") and error is not None and not self.isEnabledFor(logging.DEBUG):
            del kwargs["exc_info"]
            msg, args = f"{msg}: %s: %s", (*args, type(error).__name__, error)
        super().log(min(level, logging.WARNING), msg, *args, **kwargs)


class Updates(Protocol):
    """What Telegram tells without being asked is put in here."""

    def put_nowait(self, update: TL) -> None: ...


class NoUpdates:
    """Where updates go: nowhere. Telegram is asked to send none, and sends a few."""

    def put_nowait(self, update: TL) -> None:
        pass


def in_own_context(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run a connection's task outside the command that happened to open it: its log lines are nobody's."""
    context = contextvars.copy_context()
    context.run(clear_contextvars)
    return asyncio.get_running_loop().create_task(work, context=context)
