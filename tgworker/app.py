"""The composition root: the only place that knows every adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog
import trio
import trio_asyncio

from tgworker import __version__
from tgworker.account import api_id_of, guard_account, open_account, utc_now
from tgworker.adapters.archive import open_archive
from tgworker.adapters.redis.check import check_server
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.events import RedisEventSink
from tgworker.adapters.redis.floods import RedisFloodLedger
from tgworker.adapters.redis.locks import RedisChatLocks
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.background import open_background
from tgworker.core.events import Event
from tgworker.core.facts import AccountLost, TelegramSeen
from tgworker.core.model import FetchCommand
from tgworker.errors import AccountUnusableError, ExitCode, TgworkerError
from tgworker.instruments import Shipment, open_instruments, open_shipping
from tgworker.ports import Archive, FloodLedger, Observer
from tgworker.service.disk_watch import watch_disk
from tgworker.service.emitter import Emitter
from tgworker.service.fetch import Fetcher
from tgworker.service.job import JobPolicy, JobRunner
from tgworker.service.notices import ChatNotifier
from tgworker.service.oneshot import fetch_once, refuse_all
from tgworker.service.open_work import watch_open_work
from tgworker.service.outage import Outage
from tgworker.service.queue_watch import watch_queue
from tgworker.service.reader import Reader
from tgworker.service.stop import Stop, StoppingError
from tgworker.service.supervisor import supervise, watch_signals
from tgworker.settings import Settings

log = structlog.get_logger()


async def run_worker(settings: Settings, shipments: Sequence[Shipment] = ()) -> int:
    """Be the worker until a signal, or something that no waiting helps against. Returns the exit code.

    `shipments` are the log stores that get this process's lines.

    Raises:
        TgworkerError: it could not start; `tgworker.cli.border` knows what to exit with.
    """
    return await _run(lambda stop: _serve(settings, stop, shipments), shipments)


async def run_fetch(
    settings: Settings,
    commands: Sequence[FetchCommand],
    on_event: Callable[[Event], None],
    shipments: Sequence[Shipment] = (),
) -> int:
    """Carry out some commands without Redis, telling `on_event`. Returns the exit code.

    Raises:
        TgworkerError: it could not start.
    """
    return await _run(
        lambda stop: _fetch_once(settings, commands, on_event, stop, shipments), shipments
    )


async def _run(body: Callable[[Stop], Awaitable[int]], shipments: Sequence[Shipment]) -> int:
    """Run with asyncio at hand and signals watched; errors come out as they are, not in groups."""
    stop = Stop()
    exit_code = int(ExitCode.DONE)
    failure: TgworkerError | None = None
    async with (
        trio_asyncio.open_loop(),
        open_shipping(shipments),
        trio.open_nursery() as nursery,
    ):
        await nursery.start(watch_signals, stop)
        try:
            exit_code = await body(stop)
        except TgworkerError as error:
            failure = error
        except StoppingError:
            log.info("shutdown.end", exit_code=exit_code)
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return exit_code


async def _serve(settings: Settings, stop: Stop, shipments: Sequence[Shipment]) -> int:
    api_id_of(settings)  # before Redis is waited for: no waiting helps against its want
    log.info("worker.starting", version=__version__, data_dir=str(settings.data_dir))
    outage = Outage(settings.redis_max_outage_seconds)
    async with (
        open_instruments(settings, outage, shipments) as instruments,
        open_redis(settings.redis_url.reveal(), worker_id=settings.worker_id) as redis,
    ):
        await outage.outlast(lambda: check_server(redis), sleep=stop.sleep)
        queue = RedisCommandQueue(
            redis,
            settings.command_queue,
            worker_id=settings.worker_id,
            lease_seconds=settings.lease_seconds,
            max_deliveries=settings.max_deliveries,
        )
        sink = RedisEventSink(
            redis,
            settings.event_channel,
            log_maxlen=settings.event_log_maxlen,
            contract=settings.event_contract,
            schema_version=settings.schema_version,
            data_dir=str(settings.data_dir),
            service=settings.service_name,
        )
        observer = instruments.observer
        async with (
            _told_if_lost(observer),
            _open_fetcher(settings, stop, observer, redis) as (fetcher, archive),
            open_background() as background,
        ):
            background.start_soon(watch_queue, queue, observer)
            background.start_soon(watch_disk, archive, observer)
            background.start_soon(watch_open_work, queue, archive)
            if settings.notify_chat is not None and instruments.chat_notices is not None:
                chat = ChatNotifier(fetcher.gateway, settings.notify_chat, settings.worker_id)
                background.start_soon(instruments.chat_notices.run, chat)
            emitter = Emitter(sink, outage, observer)
            runner = JobRunner(
                queue=queue,
                locks=RedisChatLocks(redis, settings.command_queue),
                archive=archive,
                fetcher=fetcher,
                emitter=emitter,
                outage=outage,
                stop=stop,
                clock=utc_now,
                policy=JobPolicy(
                    settings.worker_id,
                    settings.lease_seconds,
                    settings.progress_interval_seconds,
                ),
                observer=observer,
            )
            reader = Reader(
                queue,
                runner,
                concurrency=settings.fetch_concurrency,
                block_seconds=settings.redis_block_seconds,
                outage=outage,
                stop=stop,
            )
            return await supervise(
                reader=reader,
                runner=runner,
                emitter=emitter,
                stop=stop,
                pulse=instruments.pulse,
                health=instruments.health,
                shutdown_timeout=settings.shutdown_timeout_seconds,
            )


async def _fetch_once(
    settings: Settings,
    commands: Sequence[FetchCommand],
    on_event: Callable[[Event], None],
    stop: Stop,
    shipments: Sequence[Shipment],
) -> int:
    async with open_instruments(settings, Outage(0), shipments, serve=False) as instruments:
        try:
            async with (
                _open_fetcher(settings, stop, instruments.observer) as (fetcher, archive),
                open_background() as background,
            ):
                background.start_soon(watch_disk, archive, instruments.observer)
                instruments.health.started()
                return await fetch_once(
                    fetcher,
                    commands,
                    on_event,
                    stop=stop,
                    clock=utc_now,
                    worker_id=settings.worker_id,
                    progress_interval=settings.progress_interval_seconds,
                    concurrency=settings.fetch_concurrency,
                    patience=settings.flood_wait_max_seconds,
                )
        except AccountUnusableError as error:
            return await refuse_all(
                error, commands, on_event, clock=utc_now, worker_id=settings.worker_id
            )


@asynccontextmanager
async def _told_if_lost(observer: Observer) -> AsyncIterator[None]:
    """Tell of an account that can't even begin."""
    try:
        yield
    except AccountUnusableError as error:
        observer.note(AccountLost(error.error_type, str(error)))
        raise


@asynccontextmanager
async def _open_fetcher(
    settings: Settings, stop: Stop, observer: Observer, redis: RedisClient | None = None
) -> AsyncIterator[tuple[Fetcher, Archive]]:
    """Telegram, the archive, and what carries messages from one to the other."""
    async with (
        open_account(settings) as gateway,
        open_archive(
            settings.data_dir,
            artifact_format=settings.artifact_format,
            schema_version=settings.schema_version,
        ) as archive,
    ):
        observer.note(TelegramSeen(gateway.connected))
        shared: list[FloodLedger] = []
        if redis is not None and gateway.account is not None:
            shared.append(RedisFloodLedger(redis, gateway.account, settings.command_queue))
        guard = guard_account(settings, gateway, stop, shared, observer)
        fetcher = Fetcher(
            guard,
            archive,
            utc_now,
            settings.fetch_strategy,
            observer,
            settings.verify_completeness,
        )
        yield fetcher, archive
