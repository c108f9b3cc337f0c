"""Tells people what goes wrong, beside the work and never in its way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from hashlib import sha256

import structlog
import trio

from tgworker.core.facts import AccountLost, CommandEnded, Fact
from tgworker.core.message import Json
from tgworker.core.model import ChatRef
from tgworker.core.notices import (
    AccountTrouble,
    Digest,
    Failure,
    Gathering,
    digest_of,
    digest_text,
)
from tgworker.core.tracing import TraceContext
from tgworker.errors import (
    CommandCancelledError,
    FloodWaitError,
    ParkedError,
    TgworkerError,
    TransientError,
)
from tgworker.ports import Gateway, Notifier
from tgworker.service.stop import StoppingError

LAST_WORDS_SECONDS = 1.5
"""So long a stop waits for the last message."""

_LATER = (TransientError, FloodWaitError, ParkedError, StoppingError)

log = structlog.get_logger()


class Notices:
    """An `ports.Observer` that gathers failures for one way to people.

    `by_account`: the way is the Telegram account itself, so that its own end can't be told by it.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        gathering: Gathering | None = None,
        *,
        by_account: bool = False,
    ) -> None:
        self._clock = clock
        self._gathering = gathering or Gathering()
        self._by_account = by_account
        self._account_is_lost = False
        self._news = trio.Event()
        self._is_away = False

    def note(self, fact: Fact) -> None:
        match fact:
            case CommandEnded(error_type=None | CommandCancelledError.error_type):
                pass  # who cancels a command need not be told
            case CommandEnded(error_type=str() as error_type):
                self._add(Failure(fact.command_id, fact.chat, error_type, fact.error or ""))
            case AccountLost() if self._by_account:
                if not self._account_is_lost:
                    log.warning(
                        "notify.impossible",
                        error="The Telegram account itself is the trouble: NOTIFY_CHAT can't hear of it. "
                        "NOTIFY_WEBHOOK_URL could.",
                    )
                self._account_is_lost = True
            case AccountLost():
                self._add(AccountTrouble(fact.error_type, fact.error))

    def span(
        self, name: str, parent: TraceContext | None = None, **attributes: Json
    ) -> AbstractContextManager[None]:
        return nullcontext()

    def _add(self, trouble: Failure | AccountTrouble) -> None:
        self._gathering.add(digest_of(trouble, self._clock()), trio.current_time())
        self._news.set()

    async def run(self, notifier: Notifier) -> None:
        """Tell until cancelled, and then what is left, for a moment at most. Fails at nothing."""
        try:
            await self._try_way(notifier)
            while True:
                await self._wait_until_due()
                await self._tell(notifier)
        finally:
            with trio.move_on_after(LAST_WORDS_SECONDS, shield=True):
                await self._tell(notifier)

    async def _try_way(self, notifier: Notifier) -> None:
        try:
            await notifier.open()
        except StoppingError:
            pass
        except Exception as error:  # whatever it is, the work goes on
            log.warning("notify.no_way", to=notifier.name, **_said_of(error))

    async def _wait_until_due(self) -> None:
        while (due_at := self._gathering.due_at) is None:
            self._news = trio.Event()
            await self._news.wait()
        await trio.sleep_until(due_at)

    async def _tell(self, notifier: Notifier) -> None:
        digest = self._gathering.take()
        if digest is None:
            return
        settled = False
        try:
            settled = await self._try_to_tell(notifier, digest)
        finally:
            now = trio.current_time()
            if settled:
                self._gathering.told(now)
            else:  # also when this is cancelled: the last words try once more
                self._gathering.untold(digest, now)

    async def _try_to_tell(self, notifier: Notifier, digest: Digest) -> bool:
        """Whether that is done with, well or not. A failure is logged once, and told to nobody."""
        try:
            await notifier.tell(digest)
        except _LATER as error:
            if not self._is_away:
                log.warning("notify.failed", to=notifier.name, **_said_of(error))
            self._is_away = True
            return False
        except Exception as error:  # whatever it is, the work goes on
            log.warning("notify.refused", to=notifier.name, failed=digest.failed, **_said_of(error))
            return True
        log.info("notify.told", to=notifier.name, failed=digest.failed)
        self._is_away = False
        return True


class ChatNotifier:
    """Fulfils `ports.Notifier` through the Telegram account itself; `gateway` is a guarded one."""

    name = "NOTIFY_CHAT"

    def __init__(self, gateway: Gateway, chat: ChatRef, worker_id: str) -> None:
        self._gateway = gateway
        self._ref = chat
        self._worker_id = worker_id

    async def open(self) -> None:
        """Find the chat now; after that it is known, also while the worker stops."""
        await self._gateway.resolve(self._ref)

    async def tell(self, digest: Digest) -> None:
        chat = await self._gateway.resolve(self._ref)
        text = digest_text(digest, self._worker_id)
        fingerprint = sha256(f"{digest.first_at.isoformat()} {text}".encode()).digest()
        await self._gateway.say(chat, text, int.from_bytes(fingerprint[:8], signed=True))


def _said_of(error: Exception) -> dict[str, str]:
    """The text of an error that is none of ours may hold anything."""
    if isinstance(error, TgworkerError):
        return {"error_type": error.error_type, "error": str(error)}
    return {"error_type": "internal", "error": type(error).__name__}
