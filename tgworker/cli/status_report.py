"""What ``tgworker status`` finds out; each part by itself, so that one that can't be had hides no other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from attrs import frozen

from tgworker.adapters.archive.progress import Progress
from tgworker.adapters.redis.admin import Job, connected_workers, dead_jobs, inspect
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.cli.archive_summary import ChatSummary, open_work, summarise
from tgworker.errors import StorageError, TgworkerError
from tgworker.settings import Settings

T = TypeVar("T")

SHOWN = 20
"""So many running, parked and dead commands are told of one by one."""


@frozen
class JobLine:
    """A command that a worker holds, or that rests. ``seconds``: until its lease ends, or until it is due."""

    command_id: str
    worker_id: str
    seconds: float
    deliveries: int
    payload: str


@frozen
class DeadLine:
    """A command that is never handed out again."""

    command_id: str
    died_at: datetime
    reason: str
    payload: str


@frozen
class QueueReport:
    """The queue at one moment; the lists are cut at `SHOWN`, the counts are whole."""

    name: str
    depth: int
    running: int
    parked: int
    dead: int
    workers: tuple[str, ...]
    running_commands: tuple[JobLine, ...]
    parked_commands: tuple[JobLine, ...]
    dead_commands: tuple[DeadLine, ...]


@frozen
class StatusReport:
    """All of it. A part is null if it can't be had; ``problems`` says why."""

    queue: QueueReport | None
    open_work: Progress | None
    chats: tuple[ChatSummary, ...] | None
    problems: tuple[str, ...] = ()


@frozen
class Findings:
    """The report, and the errors that left holes in it."""

    report: StatusReport
    errors: tuple[TgworkerError, ...]


async def look_around(settings: Settings) -> Findings:
    """Ask Redis and read the data folder. Raises nothing of ours."""
    errors: list[TgworkerError] = []
    queue = None
    try:
        async with open_redis(settings.redis_url.reveal(), reply_seconds=3) as client:
            queue = await _queue(client, settings.command_queue)
    except TgworkerError as error:
        errors.append(error)
    # The small files of an archive are read here and now: nothing else runs in this process.
    work = _try_to(open_work, settings.data_dir, errors)
    chats = _try_to(summarise, settings.data_dir, errors)
    problems = tuple(str(error) for error in errors)
    return Findings(StatusReport(queue, work, chats, problems), tuple(errors))


def _try_to(read: Callable[[Path], T], data_dir: Path, errors: list[TgworkerError]) -> T | None:
    try:
        return read(data_dir)
    except StorageError as error:
        errors.append(error)
        return None


async def _queue(client: RedisClient, name: str) -> QueueReport:
    snapshot = await inspect(client, name, limit=SHOWN)
    dead = await dead_jobs(client, name, count=SHOWN)
    running = tuple(map(_job_line, snapshot.running))
    return QueueReport(
        name=name,
        depth=snapshot.depth,
        running=snapshot.running_count,
        parked=snapshot.parked_count,
        dead=snapshot.dead_count,
        workers=await connected_workers(client) or (),
        running_commands=running,
        parked_commands=tuple(map(_job_line, snapshot.parked)),
        dead_commands=tuple(
            DeadLine(job.command_id, job.died_at, job.reason, job.summary) for job in dead
        ),
    )


def _job_line(job: Job) -> JobLine:
    return JobLine(
        job.command_id, job.worker_id, round(job.seconds_left, 1), job.deliveries, job.summary
    )
