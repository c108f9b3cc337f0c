"""The Telegram account, as the settings want it: as it is, or asked at a pace."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from attrs import evolve

from tgworker.adapters.telegram import TelegramGateway, open_gateway
from tgworker.core.account import Account, DialogPage, DialogPlace
from tgworker.errors import SettingsError
from tgworker.ports import FloodLedger, Observer
from tgworker.ports.observer import UNOBSERVED
from tgworker.service.floods import FloodPolicy
from tgworker.service.guard import BreakerPolicy, GuardedGateway, GuardPolicy
from tgworker.service.retry import RetryPolicy
from tgworker.service.stop import Stop
from tgworker.settings import FloodWaitStrategy, RateLimitStrategy, Settings

PATIENCE_SECONDS = 10.0
"""So long a flood wait is sat through by a person who wants to know one thing."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_account(settings: Settings) -> AsyncIterator[TelegramGateway]:
    """The account, as it is: nothing is waited for and nothing asked twice; inside `trio_asyncio.open_loop`.

    Raises:
        SettingsError: what is needed is not set, or the session is in use.
        AccountUnusableError: nobody is signed in, or the account can't work.
    """
    async with open_gateway(
        api_id=api_id_of(settings),
        session=settings.telegram_session,
        server=settings.telegram_server,
        server_key=settings.telegram_server_key,
        request_timeout=settings.request_timeout_seconds,
    ) as gateway:
        yield gateway


def guard_account(
    settings: Settings,
    gateway: TelegramGateway,
    stop: Stop,
    shared: Sequence[FloodLedger] = (),
    observer: Observer = UNOBSERVED,
) -> GuardedGateway:
    """Ask the account only at its pace, and not while it has to wait.

    `shared` are ledgers of flood waits that others on the account read, too.
    """
    ledgers = (gateway.open_flood_ledger(), *shared)
    policy = _guard_policy(settings)
    return GuardedGateway(gateway, policy, stop, utc_now, ledgers=ledgers, observer=observer)


async def who_is_signed_in(settings: Settings, gateway: TelegramGateway) -> Account:
    """The account's user. No request if `open_account` has learned it, one more if not, and none inside a flood wait.

    Raises:
        ParkedError: Telegram wants a longer rest than `PATIENCE_SECONDS`.
        TgworkerError: as every request.
    """
    patience = evolve(
        settings,
        retry_max_attempts=1,
        flood_wait_max_seconds=min(PATIENCE_SECONDS, settings.flood_wait_max_seconds),
        flood_wait_strategy=FloodWaitStrategy.PARK,
    )
    return await guard_account(patience, gateway, Stop()).me()


async def list_dialogs(settings: Settings, gateway: TelegramGateway) -> AsyncIterator[DialogPage]:
    """The account's chats, page by page, at the pace that is set; each chat once.

    Raises:
        ParkedError: Telegram wants a longer rest than is worth waiting for.
        TgworkerError: as every request.
    """
    guard = guard_account(settings, gateway, Stop())
    seen: set[int] = set()
    place: DialogPlace | None = None
    while True:
        page = await guard.dialogs(place)
        news = tuple(each for each in page.dialogs if each.chat.id not in seen)
        seen |= {each.chat.id for each in news}
        yield evolve(page, dialogs=news)
        if page.next is None or not news:
            return
        place = page.next


def api_id_of(settings: Settings) -> int:
    """The number of the program, without which Telegram talks to nobody.

    Raises: SettingsError.
    """
    if settings.telegram_api_id is None:
        raise SettingsError(
            ["TELEGRAM_API_ID is not set: get it, and the hash, at https://my.telegram.org/apps"]
        )
    return settings.telegram_api_id


def _guard_policy(settings: Settings) -> GuardPolicy:
    return GuardPolicy(
        requests_per_second=settings.requests_per_second,
        request_burst=settings.request_burst,
        adaptive=settings.rate_limit_strategy is RateLimitStrategy.ADAPTIVE,
        retry=RetryPolicy(
            max_attempts=settings.retry_max_attempts,
            max_elapsed=settings.retry_max_elapsed_seconds,
            backoff_base=settings.backoff_base_seconds,
            backoff_max=settings.backoff_max_seconds,
        ),
        flood=FloodPolicy(
            longest=settings.flood_wait_max_seconds,
            jitter=settings.flood_wait_jitter_seconds,
            park=settings.flood_wait_strategy is FloodWaitStrategy.PARK,
        ),
        breaker=BreakerPolicy(
            failures=settings.circuit_breaker_failure_threshold,
            window=settings.circuit_breaker_window_seconds,
            open_seconds=settings.circuit_breaker_open_timeout_seconds,
        ),
    )
