"""Some commands, carried out once, without a queue: for cron and for people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog
import trio
from attrs import define, evolve

from tgworker.core.facts import CommandEnded
from tgworker.core.model import Event, FetchCommand
from tgworker.errors import AccountUnusableError, ExitCode, ParkedError, TgworkerError
from tgworker.service.fetch import Fetcher
from tgworker.service.report import Clock, Reporter
from tgworker.service.stop import Stop, StoppingError

log = structlog.get_logger()


@define
class _Verdict:
    exit_code: ExitCode = ExitCode.DONE


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
) -> int:
    """Carry the commands out, so many at once, telling `on_event`.

    Returns the exit code: 0 only if every command was completed.
    """
    verdict = _Verdict()
    places = trio.CapacityLimiter(concurrency)

    async def tell(event: Event) -> None:  # noqa: ASYNC124  # a Reporter awaits what it tells
        on_event(event)

    async def carry_out(command: FetchCommand) -> None:
        command_id = command.command_id or str(uuid4())
        reporter = Reporter(
            command=evolve(command, command_id=command_id),
            command_id=command_id,
            worker_id=worker_id,
            clock=clock,
            emit=tell,
            deliver=tell,
            progress_interval=progress_interval,
        )
        with structlog.contextvars.bound_contextvars(command_id=command_id, chat=str(command.chat)):
            async with places:
                await _carry_out(fetcher, reporter, stop, verdict)

    async with trio.open_nursery() as nursery:
        for command in commands:
            nursery.start_soon(carry_out, command)
    return verdict.exit_code


async def _carry_out(fetcher: Fetcher, reporter: Reporter, stop: Stop, verdict: _Verdict) -> None:
    chat = str(reporter.command.chat)
    try:
        stop.check()
        await reporter.started()
        with fetcher.observer.span("command", chat=chat, mode=reporter.command.mode):
            await fetcher.run(reporter.command, reporter, stop.check)
        if reporter.tally.failed_days:
            raise TgworkerError("Some days could not be fetched.", error_type="days_failed")
    except StoppingError:
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
    except AccountUnusableError as error:
        log.critical("account.unusable", error_type=error.error_type, error=str(error))
        verdict.exit_code = ExitCode.ACCOUNT_UNUSABLE
        await reporter.failed(error.error_type, str(error))
        stop.set(ExitCode.ACCOUNT_UNUSABLE)
    except ParkedError as error:
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
        await reporter.waiting(error.resume_at, error.error_type, str(error))
    except TgworkerError as error:
        log.error("command.failed", error_type=error.error_type, error=str(error))
        verdict.exit_code = verdict.exit_code or ExitCode.FAILED
        await reporter.failed(error.error_type, str(error))
        fetcher.observer.note(CommandEnded(chat, reporter.seconds, error.error_type))
    else:
        await reporter.completed()
        fetcher.observer.note(CommandEnded(chat, reporter.seconds))
