"""A chat of ten days, a Telegram that knows it, and a desk that carries commands out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field

from tests.service.machine import OTHER, Machine, SlowGateway
from tgworker.adapters.archive import open_archive
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.completeness import Completeness
from tgworker.core.events import Event
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatRef, ChatType, FetchCommand, Mode, Person
from tgworker.ports import UNOBSERVED, Archive, Observer
from tgworker.service.fetch import Fetcher
from tgworker.service.report import Reporter

CHAT = Chat(-1001, ChatType.SUPERGROUP, "Chat", "chat", ("chat",))
FIRST = date(2025, 11, 1)


def day(n: int) -> date:
    """The n-th day of the chat, from 1."""
    return FIRST + timedelta(days=n - 1)


def make_history(per_day: Iterable[int]) -> list[Message]:
    """So many messages on each day, the first at 00:00:00, the last at 23:59:59; some ids are missing."""
    history: list[Message] = []
    id = 10
    for n, count in enumerate(per_day, start=1):
        midnight = datetime.combine(day(n), datetime.min.time(), UTC)
        for k in range(count):
            id += 1 if id % 7 else 3
            seconds = 86399 * k // max(1, count - 1)
            history.append(
                Message(
                    id, midnight + timedelta(seconds=seconds), 1 + id % 5, "@chat", f"text {id}"
                )
            )
    return history


@define
class Desk:
    """Carries commands out, one after the other, and keeps what was told."""

    telegram: MemoryGateway
    archive: Archive
    folder: Path
    now: datetime = datetime(2025, 11, 20, 12, tzinfo=UTC)
    events: list[Event] = field(factory=list)
    observer: Observer = UNOBSERVED
    completeness: Completeness = Completeness.OFF

    async def fetch(
        self,
        *,
        check: Callable[[], None] = lambda: None,
        began: datetime | None = None,
        **fields: Any,
    ) -> Reporter:
        days = {"mode": Mode.RANGE, "first": day(1), "last": day(10)}
        command = FetchCommand(
            **{"chat": ChatRef("chat"), "command_id": "c", **days, **fields}  # type: ignore[arg-type]
        )

        async def tell(event: Event) -> None:  # noqa: ASYNC124  # a Reporter awaits what it tells
            self.events.append(event)

        reporter = Reporter(
            command=command,
            command_id="c",
            worker_id="w",
            clock=lambda: self.now,
            emit=tell,
            deliver=tell,
            progress_interval=0.0,
        )
        fetcher = Fetcher(
            self.telegram,
            self.archive,
            lambda: self.now,
            observer=self.observer,
            completeness=self.completeness,
        )
        await fetcher.run(command, reporter, check, began=began)
        return reporter

    def hashes(self) -> dict[str, str]:
        return {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.glob("chat/*/discussions_*"))
        }

    def artifact(self, on: date) -> dict[str, Any]:
        path = self.folder / "chat" / str(on.year) / f"discussions_{on}.json"
        return dict(json.loads(path.read_bytes()))

    def ids(self, on: date) -> list[int]:
        return [message["id"] for message in self.artifact(on)["messages"]]


PER_DAY = [0, 1, 99, 100, 101, 250, 0, 0, 3, 2]


@pytest.fixture
def history() -> list[Message]:
    return make_history(PER_DAY)


@pytest.fixture
def telegram(history: list[Message]) -> MemoryGateway:
    people = {id: Person(id, f"user{id}", f"User {id}") for id in range(1, 6)}
    return MemoryGateway({CHAT: history}, people)


@pytest.fixture
async def desk(telegram: MemoryGateway, tmp_path: Path) -> AsyncIterator[Desk]:
    folder = tmp_path / "data"
    async with open_archive(
        folder, artifact_format=ArtifactFormat.JSON, schema_version="1.0.0"
    ) as archive:
        yield Desk(telegram, archive, folder)


@pytest.fixture
def machine() -> Machine:
    histories = {CHAT: make_history(PER_DAY), OTHER: make_history(PER_DAY)}
    return Machine(SlowGateway(histories))
