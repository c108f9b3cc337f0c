"""Some commands, carried out once, without a queue: for cron and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog
import trio
from attrs import define, evolve

from tgworker.core.events import Event
from tgworker.core.facts import CommandBegan, CommandEnded, CommandLeft
from tgworker.core.model import FetchCommand
from tgworker.errors import AccountUnusableError, ExitCode, ParkedError, TgworkerError
from tgworker.service.fetch import Fetcher
from tgworker.service.report import Clock, Reporter, trace_fields
from tgworker.service.stop import Stop, StoppingError
from tgworker.service.tenure import InTurn, Tenure
from tgworker.service.waiting import waits_told_by

log = structlog.get_logger()

SHORTEST_REST_SECONDS = 1.0
"""A rest counts at least that much, so that there is an end of them."""


@define
class _Verdict:
    exit_code: ExitCode = ExitCode.DONE
    unusable: AccountUnusableError | None = None


async def fetch_once(
    fetcher: Fetcher,
    commands: Sequence[FetchCommand],
    on_event: Callable[[Event], None],
    *,
    stop: Stop,
    clock: Clock,
    worker_id: str,
    progress_interval: float,
    concurrency: int,
    patience: float = 300.0,
) -> int:
    """Carry the commands out, so many at once, telling `on_event`.

    There is no queue to park a command in. So a command that has to rest does so here, if that and its other rests
    since it last got a message take no longer than `patience` seconds; otherwise it is left as it is. Nor is anybody
    else there to carry out what an account that can't work any more leaves undone: all that fails.
    Two commands that come to the same chat, the one by name and the other by a channel's comments, take turns.
    Returns the exit code: 0 only if every command was completed.
    """
    verdict = _Verdict()
    places = trio.CapacityLimiter(concurrency)
    tenure = InTurn()
    ended = 0

    async def carry_out(command: FetchCommand) -> None:
        nonlocal ended
        reporter = _reporter(command, on_event, clock, worker_id, progress_interval)
        what = {"command_id": reporter.command_id, "chat": str(command.chat)}
        async with places:
            with (
                fetcher.observer.span("command", command.trace, **what, mode=command.mode) as trace,
                structlog.contextvars.bound_contextvars(
                    **what, **trace_fields(trace or command.trace)
                ),
            ):
                reporter.trace = trace
                fetcher.observer.note(CommandBegan(reporter.command_id, str(command.chat)))
                await _carry_out(fetcher, reporter, stop, verdict, patience, tenure)
                fetcher.observer.note(CommandLeft(reporter.command_id))
                ended += 1
                log.info("fetch.progress", processed=ended, total=len(commands))

    async with trio.open_nursery() as nursery:
        for command in commands:
            nursery.start_soon(carry_out, command)
    if stop.is_set():
        log.info("shutdown.end", exit_code=verdict.exit_code)
    return verdict.exit_code


async def refuse_all(
    error: AccountUnusableError,
    commands: Sequence[FetchCommand],
    on_event: Callable[[Event], None],
    *,
    clock: Clock,
    worker_id: str,
) -> int:
    """Tell of commands that could not even be begun, because the account can't work. Returns the exit code."""
    log.critical("account.unusable", error_type=error.error_type, error=str(error))
    for command in commands:
        await _reporter(command, on_event, clock, worker_id).failed(error.error_type, str(error))
    return ExitCode.ACCOUNT_UNUSABLE


def _reporter(
    command: FetchCommand,
    on_event: Callable[[Event], None],
    clock: Clock,
    worker_id: str,
    progress_interval: float = 0.0,
) -> Reporter:
    async def tell(event: Event) -> None:  # noqa: ASYNC124  # a Reporter awaits what it tells
        on_event(event)

    command_id = command.command_id or str(uuid4())
    return Reporter(
        command=evolve(command, command_id=command_id),
        command_id=command_id,
        worker_id=worker_id,
        clock=clock,
        emit=tell,
        deliver=tell,
        progress_interval=progress_interval,
    )


async def _carry_out(
    fetcher: Fetcher,
    reporter: Reporter,
    stop: Stop,
    verdict: _Verdict,
    patience: float,
    tenure: Tenure,
) -> None:
    chat = str(reporter.command.chat)
    try:
        stop.check()
        await reporter.started()
        await _work(fetcher, reporter, stop, patience, tenure)
        if (failure := reporter.failure) is not None:
            raise failure
    except StoppingError:
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
        if verdict.unusable is not None:
            await reporter.failed(verdict.unusable.error_type, str(verdict.unusable))
    except AccountUnusableError as error:
        log.critical("account.unusable", error_type=error.error_type, error=str(error))
        verdict.exit_code, verdict.unusable = ExitCode.ACCOUNT_UNUSABLE, error
        await reporter.failed(error.error_type, str(error))
        fetcher.observer.note(
            CommandEnded(chat, reporter.seconds, error.error_type, reporter.command_id, str(error))
        )
        stop.set(ExitCode.ACCOUNT_UNUSABLE, error.error_type)
    except ParkedError as error:
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
        await reporter.waiting(error.resume_at, error.error_type, str(error))
    except TgworkerError as error:
        log.error("command.failed", error_type=error.error_type, error=str(error))
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
        await reporter.failed(error.error_type, str(error))
        fetcher.observer.note(
            CommandEnded(chat, reporter.seconds, error.error_type, reporter.command_id, str(error))
        )
    else:
        await reporter.completed()
        fetcher.observer.note(CommandEnded(chat, reporter.seconds))


async def _work(
    fetcher: Fetcher, reporter: Reporter, stop: Stop, patience: float, tenure: Tenure
) -> None:
    """The command's work, with its rests. Raises: ParkedError: a rest is too long."""
    left, began = patience, reporter.clock()
    while True:
        processed = reporter.tally.processed
        reporter.forget_failures()
        try:
            with waits_told_by(reporter):
                await fetcher.run(reporter.command, reporter, stop.check, tenure, began)
        except ParkedError as error:
            rest = (error.resume_at - reporter.clock()).total_seconds()
            rest = max(SHORTEST_REST_SECONDS, rest)
            left = (patience if reporter.tally.processed > processed else left) - rest
            if left < 0:
                raise
            log.warning("command.rests", error_type=error.error_type, wait_seconds=round(rest, 1))
            await reporter.waiting(error.resume_at, error.error_type, str(error))
            await stop.sleep(rest)
        else:
            return
