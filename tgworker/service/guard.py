"""Between the work and Telegram: paces requests, honours flood waits, retries what stumbled, and leaves it alone when
it is down.

All waiting happens here and in the parts this is made of (`pacing`, `floods`, `breaking`, `retry`), so that one place
decides how hard an account is used.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import structlog
import trio
from attrs import field, frozen

from tgworker.core.account import Account, DialogPage, DialogPlace
from tgworker.core.breaker import Breaker
from tgworker.core.facts import RequestEnded
from tgworker.core.model import Chat, ChatRef, HistoryQuery, Page, Relatives
from tgworker.errors import FloodWaitError, TgworkerError, TransientError
from tgworker.ports import UNOBSERVED, Carrier, FloodLedger, Gateway, Observer, at_once
from tgworker.service.breaking import Gate
from tgworker.service.floods import FloodPolicy, Floods
from tgworker.service.pacing import Pacer
from tgworker.service.retry import Retry, RetryPolicy, Stopwatch
from tgworker.service.stop import Stop, StoppingError

T = TypeVar("T")
Clock = Callable[[], datetime]

log = structlog.get_logger()


@frozen
class BreakerPolicy:
    """So many failures in a row within `window` seconds stop all requests for `open_seconds`."""

    failures: int = 5
    window: float = 30.0
    open_seconds: float = 60.0


@frozen
class GuardPolicy:
    """How hard Telegram may be asked, and for how long again."""

    requests_per_second: float = 1.0
    request_burst: int = 5
    adaptive: bool = True
    retry: RetryPolicy = field(factory=RetryPolicy)
    flood: FloodPolicy = field(factory=FloodPolicy)
    breaker: BreakerPolicy = field(factory=BreakerPolicy)
    rng: random.Random = field(factory=random.Random)


@frozen
class _Call(Generic[T]):
    """One request. ``method`` is Telegram's name of it, as flood waits know it."""

    target: str
    method: str
    chat: str
    request: Callable[[], Awaitable[T]]
    watch: Stopwatch = field(factory=Stopwatch)


class GuardedGateway:
    """A Gateway whose every call waits for its turn first; one for all chats of an account.

    Raises, besides what a Gateway raises:
        ParkedError: Telegram wants a longer rest than is worth waiting for, or does not answer any more.
        StoppingError: the worker is stopping.
    """

    def __init__(
        self,
        gateway: Gateway,
        policy: GuardPolicy,
        stop: Stop,
        clock: Clock,
        *,
        ledgers: Sequence[FloodLedger] = (),
        observer: Observer = UNOBSERVED,
    ) -> None:
        self._gateway = gateway
        self._longest_rest = policy.flood.longest
        self._stop = stop
        self._observer = observer
        self._pacer = Pacer(
            requests_per_second=policy.requests_per_second,
            burst=policy.request_burst,
            adaptive=policy.adaptive,
            observer=observer,
        )
        self._floods = Floods(
            policy.flood, ledgers, stop=stop, clock=clock, rng=policy.rng, observer=observer
        )
        breaker = Breaker(
            policy.breaker.failures, policy.breaker.window, policy.breaker.open_seconds
        )
        self._gate = Gate(breaker, stop=stop, clock=clock, observer=observer)
        self._retry = Retry(policy.retry, rng=policy.rng, sleep=stop.sleep, observer=observer)

    def recall(self, ref: ChatRef) -> Chat | None:
        return self._gateway.recall(ref)

    def recall_relatives(self, chat: Chat) -> Relatives | None:
        return self._gateway.recall_relatives(chat)

    async def resolve(self, ref: ChatRef, carry: Carrier = at_once) -> Chat:
        """A chat that is known costs no request, so it waits for nothing: not even for a flood wait of hours.

        Each request that another one costs waits for its own turn.
        """
        known = self.recall(ref)
        if known is not None:
            await trio.lowlevel.checkpoint()
            return known

        async def guarded(method: str, request: Callable[[], Awaitable[T]]) -> T:
            call = _Call("resolve", method, str(ref), lambda: carry(method, request))
            return await self._carry_out(call)

        return await self._gateway.resolve(ref, guarded)

    async def relatives(self, chat: Chat) -> Relatives:
        """Those that are known cost no request either."""
        told = self.recall_relatives(chat)
        if told is not None:
            await trio.lowlevel.checkpoint()
            return told

        def ask() -> Awaitable[Relatives]:
            return self._gateway.relatives(chat)

        return await self._carry_out(_Call("relatives", "channels.getFullChannel", chat.label, ask))

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        def ask() -> Awaitable[Page]:
            return self._gateway.history(chat, query)

        return await self._carry_out(_Call("history", "messages.getHistory", chat.label, ask))

    async def say(self, chat: Chat, text: str, key: int) -> None:
        """While the worker stops a message waits for no turn: it goes out at once, or not at all.

        Raises: TransientError: it is to stop, and Telegram wants a rest or does not answer.
        """

        def ask() -> Awaitable[None]:
            return self._gateway.say(chat, text, key)

        call = _Call("say", "messages.sendMessage", chat.label, ask)
        try:
            await self._carry_out(call)
        except StoppingError:
            if not self._gate.admits or self._floods.rest(call.method):
                raise TransientError("Telegram rests while the worker stops.") from None
            await self._ask(call)

    async def me(self) -> Account:
        return await self._carry_out(_Call("me", "users.getUsers", "", self._gateway.me))

    async def dialogs(self, after: DialogPlace | None = None) -> DialogPage:
        def ask() -> Awaitable[DialogPage]:
            return self._gateway.dialogs(after)

        return await self._carry_out(_Call("dialogs", "messages.getDialogs", "", ask))

    async def _carry_out(self, call: _Call[T]) -> T:
        """One call, the same request again while it stumbles, as often and as long as the policy says."""
        try:
            return await self._retry(
                call.target, lambda: not self._gate.is_open, call.watch, self._through_floods, call
            )
        except TransientError:
            self._gate.check()
            raise

    async def _through_floods(self, call: _Call[T]) -> T:
        """Wait for the turn, ask, and ask again after a flood wait that is worth waiting for."""
        while True:
            with call.watch.paused():
                await self._wait_for_turn(call.chat, call.method)
            asked_at = trio.current_time()
            try:
                with self._gate.passage(f"{call.target} {call.chat}"):
                    return await self._ask(call)
            except FloodWaitError as flood:
                self._pacer.slow_down(asked_at, min(flood.seconds, self._longest_rest))
                await self._floods.begin(call.target, flood)

    async def _wait_for_turn(self, chat: str, method: str) -> None:
        """A turn is the last thing to wait for, so that those who waited for a flood's end do not come all at once.

        While this call waits for its turn, another one may hear of a flood wait or find Telegram down.
        """
        while True:
            self._stop.check()
            await self._floods.outlast(method)
            await self._gate.ready()
            with self._stop.interrupts():
                await self._pacer.turn(chat)
            self._stop.check()
            if self._gate.admits and self._floods.rest(method) == 0:
                return
            self._pacer.give_back()

    async def _ask(self, call: _Call[T]) -> T:
        began = trio.current_time()

        def note(error_type: str | None = None) -> None:
            seconds = trio.current_time() - began
            self._observer.note(RequestEnded(call.target, seconds, error_type))
            log.debug(
                "telegram.asked",
                method=call.method,
                error_type=error_type,
                duration_ms=round(seconds * 1000, 1),
            )

        try:
            answer = await call.request()
        except TgworkerError as error:
            note(error.error_type)
            raise
        note()
        return answer
