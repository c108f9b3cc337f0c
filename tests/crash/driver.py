"""A life of the archive that is always the same: real files and real system calls, a Telegram in memory, no network.

Its clock only moves with the requests, so each life makes the same calls in the same order.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import trio
from attrs import define, evolve
from trio.testing import MockClock

from tgworker.adapters.archive import open_archive
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.events import Event
from tgworker.core.message import Message
from tgworker.core.model import (
    ArtifactFormat,
    Chat,
    ChatRef,
    ChatType,
    FetchCommand,
    HistoryQuery,
    Mode,
    Page,
    Person,
)
from tgworker.ports import Archive
from tgworker.service.fetch import Fetcher
from tgworker.service.report import Reporter

CHAT = Chat(-1000000000007, ChatType.SUPERGROUP, "Python", "ru_python", ("ru_python",))
FIRST, LAST = date(2025, 12, 30), date(2026, 1, 2)
PER_DAY = (3, 0, 260, 2)
"""Over the turn of a year, with a day that is written in several pieces."""
NOW = datetime(2026, 1, 20, 12, tzinfo=UTC)
REQUEST_SECONDS = 1.7
"""Long enough for parts to be flushed and for progress to be noted on the way."""

LIMITED = FetchCommand(
    ChatRef("ru_python"), Mode.RANGE, FIRST, LAST, limit=120, command_id="limited"
)
"""Leaves the third day open, with an artifact and without a part."""
WHOLE = evolve(LIMITED, limit=None, command_id="whole")
AGAIN = FetchCommand(ChatRef("ru_python"), Mode.DATE, FIRST, FIRST, force=True, command_id="again")
"""Reads a sealed day once more."""


@define
class SlowTelegram(MemoryGateway):
    """Each page takes its time."""

    clock: MockClock = MockClock()

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        self.clock.jump(REQUEST_SECONDS)
        return await super().history(chat, query)


def live(folder: Path) -> None:
    """Fetch some messages, then all of them, then a day once more; ends in the same files wherever it begins.

    Raises: StorageError.
    """
    clock = MockClock()
    people = {number: Person(number, f"user_{number}", f"Имя {number}") for number in range(1, 5)}
    telegram = SlowTelegram({CHAT: history()}, people, clock=clock)
    trio.run(_live, folder, telegram, clock=clock, strict_exception_groups=True)


def history() -> list[Message]:
    messages: list[Message] = []
    for days, count in enumerate(PER_DAY):
        midnight = datetime.combine(FIRST + timedelta(days=days), datetime.min.time(), UTC)
        for number in range(count):
            message_id = 10 + 2 * len(messages)
            messages.append(
                Message(
                    message_id,
                    midnight + timedelta(seconds=number * 300),
                    1 + number % 4,
                    CHAT.label,
                    f"№ {message_id} " + "🐍" * 400,
                )
            )
    return messages


async def _live(folder: Path, telegram: MemoryGateway) -> None:
    async with open_archive(
        folder, artifact_format=ArtifactFormat.JSON, schema_version="1.0.0"
    ) as archive:
        for command in (LIMITED, WHOLE, AGAIN):
            await _carry_out(command, archive, telegram)


async def _carry_out(command: FetchCommand, archive: Archive, telegram: MemoryGateway) -> None:
    """As the service does it."""
    options: dict[str, Any] = {"worker_id": "w", "emit": _unheard, "deliver": _unheard}
    reporter = Reporter(command, str(command.command_id), clock=lambda: NOW, **options)
    await archive.command_begins(command, NOW)
    await Fetcher(telegram, archive, lambda: NOW).run(command, reporter, lambda: None)
    await archive.command_ends(reporter.command_id)


async def _unheard(_: Event) -> None:
    await trio.lowlevel.checkpoint()
