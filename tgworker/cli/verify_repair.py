"""``tgworker verify --repair``: mend on the disk what can be mended there, and have the rest fetched again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial

import trio
from attrs import frozen

from tgworker.adapters.archive.disk import storage_errors
from tgworker.adapters.archive.repair import repair
from tgworker.adapters.redis import producer
from tgworker.adapters.redis.connection import open_redis
from tgworker.cli.text import plural
from tgworker.core.commands import command_payload
from tgworker.core.model import ChatRef, FetchCommand, Mode
from tgworker.core.verify import Problem, spans
from tgworker.errors import QueueRefusedError, QueueUnavailableError
from tgworker.settings import Settings


@frozen
class Mending:
    """What came of a repair: how many problems are mended, and what is to be done yet."""

    mended: int
    queued: tuple[str, ...]
    """The ids of the commands that were handed in."""
    to_submit: tuple[str, ...]
    """What to type once Redis is back."""
    left: tuple[str, ...]
    """What somebody has to look at: paths."""
    busy: tuple[str, ...]
    """What a worker was writing just now: paths."""
    problem: str | None = None
    """Why nothing could be queued."""

    @property
    def nothing_left(self) -> bool:
        return not (self.to_submit or self.left or self.busy)


async def mend(settings: Settings, problems: Sequence[Problem]) -> Mending:
    """Repair, and queue what has to be fetched.

    Raises: StorageError.
    """
    async with open_redis(settings.redis_url.reveal()) as client:
        absent = None
        try:
            await client.call(client.redis.ping)
        except (QueueUnavailableError, QueueRefusedError) as error:
            absent = str(error)
        with storage_errors(settings.data_dir):
            outcome = await trio.to_thread.run_sync(
                partial(
                    repair,
                    settings.data_dir,
                    problems,
                    schema_version=settings.schema_version,
                    may_set_aside=absent is None,
                )
            )
        queued, to_submit = [], []
        for command in fetches(outcome.to_fetch):
            if absent is None:
                payload = command_payload(command, timestamp=datetime.now(UTC))
                queued.append(await producer.submit(client, settings.command_queue, payload))
            else:
                to_submit.append(_typed(command))
    return Mending(
        mended=len(outcome.mended),
        queued=tuple(queued),
        to_submit=tuple(to_submit),
        left=tuple(problem.path for problem in outcome.by_hand),
        busy=tuple(problem.path for problem in outcome.busy),
        problem=absent if to_submit else None,
    )


def fetches(problems: Iterable[Problem]) -> Iterator[FetchCommand]:
    """The fewest commands that fetch these days again; where it is about no day (``chat.json``), any day will do."""
    by_chat: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.chat is not None:
            by_chat.setdefault(problem.chat, []).append(problem)
    for label, found in by_chat.items():
        chat = _ref(label)
        days = [problem.day for problem in found if problem.day is not None]
        for first, last in spans(days):
            mode = Mode.DATE if first == last else Mode.RANGE
            yield FetchCommand(chat, mode, first=first, last=last, force=True)
        if not days:
            yield FetchCommand(chat, Mode.DAYS, days=1)


def _ref(label: str) -> ChatRef:
    if label.startswith("@"):
        return ChatRef(username=label[1:])
    return ChatRef(id=int(label))


def _typed(command: FetchCommand) -> str:
    match command.mode:
        case Mode.DATE:
            days = f"--date {command.first}"
        case Mode.RANGE:
            days = f"--from {command.first} --to {command.last}"
        case _:
            days = f"--days {command.days}"
    force = " --force" if command.force else ""
    return f"tgworker submit {days}{force} -- {command.chat}"


def repair_lines(mending: Mending) -> Iterator[str]:
    """What was done and what is left, for people."""
    yield f"{plural(mending.mended, 'problem')} mended."
    if mending.queued:
        yield f"{plural(len(mending.queued), 'command')} queued; follow them: tgworker listen"
        yield from (f"  {command_id}" for command_id in mending.queued)
    if mending.to_submit:
        yield f"Nothing could be queued: {mending.problem} Submit later:"
        yield from (f"  {line}" for line in mending.to_submit)
    if mending.busy:
        yield "A worker is writing here; run this again later:"
        yield from (f"  {path}" for path in mending.busy)
    if mending.left:
        yield "Somebody has to look at these:"
        yield from (f"  {path}" for path in mending.left)
