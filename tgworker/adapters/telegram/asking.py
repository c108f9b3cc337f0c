"""Asking Telegram one thing, with all that may go wrong put into the port's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import structlog
import trio
import trio_asyncio

from tgworker.adapters.telegram.errors import translate_errors
from tgworker.adapters.telegram.link import Link
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.server import Address
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.errors import AccountUnusableError

_log = structlog.get_logger()

CLOSING_SECONDS = 3.0
"""How long closing may take that is polite to Telegram."""


class Telegram:
    """Telegram, as one account sees it. Made by `open_telegram`; `request_timeout` is in seconds."""

    def __init__(self, link: Link, request_timeout: float) -> None:
        self._link = link
        self._request_timeout = request_timeout

    @property
    def connected(self) -> bool:
        """Whether a connection is open now. That none is, is no fault: the next request opens one."""
        return self._link.is_open

    async def ask(self, request: TL) -> TL:
        """The answer to one request; connecting counts as part of it.

        Raises: TransientError, FloodWaitError, ChatUnavailableError, AccountUnusableError.
        """
        with translate_errors(method_name(request)):
            try:
                with trio.fail_after(self._request_timeout):
                    answer = await self._link.ask(request)
            except trio.TooSlowError:
                self._link.drop()
                raise
        # A cancellation that asyncio's side swallowed must not be lost.
        await trio.lowlevel.checkpoint_if_cancelled()
        return answer


def method_name(request: TL) -> str:
    """``messages.getHistory`` for a ``GetHistoryRequest``."""
    name = type(request).__name__.removesuffix("Request")
    return f"{type(request).__module__.rpartition('.')[2]}.{name[:1].lower()}{name[1:]}"


@asynccontextmanager
async def open_telegram(
    session: TelegramSession,
    *,
    api_id: int,
    address: Address | None,
    connect_timeout: float,
    request_timeout: float,
) -> AsyncIterator[Telegram]:
    """Be able to ask, for as long as the block runs; inside `trio_asyncio.open_loop`. The first request connects.

    Raises:
        AccountUnusableError: the session is not logged in.
    """
    if not session.auth_key:
        raise AccountUnusableError(
            f"The session {session.filename} is not logged in. Run `tgworker login`.",
            error_type="not_logged_in",
        )
    link = Link(session, api_id=api_id, address=address, connect_timeout=connect_timeout)
    async with asking_through(link, request_timeout) as telegram:
        yield telegram


@asynccontextmanager
async def asking_through(link: Link, request_timeout: float) -> AsyncIterator[Telegram]:
    """Ask through a link, and hang up at the end of the block, however it ends."""
    with _stray_errors_logged():
        try:
            yield Telegram(link, request_timeout)
        finally:
            with trio.move_on_after(CLOSING_SECONDS, shield=True):
                await link.close()


@contextmanager
def _stray_errors_logged() -> Iterator[None]:
    """Errors that no task waits for would end the whole program under trio-asyncio; they become log lines."""
    loop = trio_asyncio.current_loop.get()
    before = loop.get_exception_handler()
    loop.set_exception_handler(_log_stray_error)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


def _log_stray_error(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    _log.warning(
        "telegram.loop_error", error=context.get("message"), exc_info=context.get("exception")
    )
