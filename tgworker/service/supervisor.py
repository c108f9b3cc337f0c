"""The worker's life: its tasks, and how they end."""

from __future__ import annotations

import os
import signal

import structlog
import trio

from tgworker.errors import ExitCode, OutageError, QueueRefusedError
from tgworker.ports import Pulse
from tgworker.service.emitter import Emitter
from tgworker.service.health import HealthMonitor
from tgworker.service.job import JobRunner
from tgworker.service.outage import stop_for_redis
from tgworker.service.reader import Reader
from tgworker.service.stop import Stop

log = structlog.get_logger()


async def watch_signals(
    stop: Stop, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """The first SIGTERM or SIGINT asks to stop, the second ends the process there and then."""
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            name = signal.Signals(number).name
            if stop.is_set():
                log.warning("shutdown.forced", signal=name)
                # Nothing may hold this up; whatever is half done is made for being cut off anywhere.
                os._exit(ExitCode.SECOND_SIGNAL)
            stop.set(reason=name)


async def supervise(
    *,
    reader: Reader,
    runner: JobRunner,
    emitter: Emitter,
    stop: Stop,
    pulse: Pulse,
    health: HealthMonitor,
    shutdown_timeout: float,
) -> int:
    """Run until a stop, then let the work end in good order.

    First nothing new is claimed and each fetch ends at its next page; at the timeout (seconds) the rest is cancelled.
    Last the events go out. Returns the exit code.
    """
    async with trio.open_nursery() as tasks:
        tasks.start_soon(_emit, emitter, stop)
        await _run_jobs(reader, stop, pulse, health, shutdown_timeout)
        emitter.close()
        with trio.move_on_after(shutdown_timeout):
            await emitter.closed.wait()
        tasks.cancel_scope.cancel()
    log.info("shutdown.end", last_command_id=runner.last_command_id, exit_code=stop.exit_code)
    return stop.exit_code


async def _run_jobs(
    reader: Reader, stop: Stop, pulse: Pulse, health: HealthMonitor, shutdown_timeout: float
) -> None:
    def ready() -> None:
        health.started()
        pulse.ready()
        pulse.beat(health.report(), health.works)

    async with trio.open_nursery() as jobs:
        jobs.start_soon(reader.run, jobs, ready)
        await stop.wait()
        health.stopping()
        pulse.stopping()
        pulse.beat(health.report(), health.works)
        began = trio.current_time()
        jobs.cancel_scope.deadline = began + shutdown_timeout
    waited = trio.current_time() - began
    if jobs.cancel_scope.cancelled_caught:
        log.warning("shutdown.cut_off", duration_ms=round(waited * 1000))
    else:
        log.info("shutdown.waited", duration_ms=round(waited * 1000))


async def _emit(emitter: Emitter, stop: Stop) -> None:
    try:
        await emitter.run()
    except (OutageError, QueueRefusedError) as error:
        stop_for_redis(stop, error)
