"""strace and small disks, where they can be had; and a stage with one chat of three days."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.mount import SmallDisk, why_no_mount
from tests.crash.strace import why_not
from tests.e2e.stage import Process, Stage

CHAT = {"username": "ru_python", "title": "Python", "type": "supergroup"}
DAYS = {"from": "2025-11-01", "to": "2025-11-03", "per_day": [60, 0, 250]}


class OneShotStage(Stage):
    """A stage for workers that fetch once."""

    def fetch_once(
        self, into: Path, under: list[str] | None = None, **env: str
    ) -> tuple[int, Process]:
        """Fetch the chat's days; returns how the worker ended, and what it said."""
        days = ("--from", "2025-11-01", "--to", "2025-11-03")
        self.data = into
        worker = self.run("fetch", "@ru_python", *days, under=under or [], **env)
        return worker.wait(), worker

    def rows(self) -> bytes:
        """The year's index without what tells the time."""
        lines = (self.data / "ru_python/2025/index.json").read_bytes().splitlines()
        return b"\n".join(line.partition(b'"fetched_at"')[0] for line in lines)

    def unfinished(self) -> list[str]:
        """What only a crash leaves lying around."""
        return [p.name for p in self.data.rglob("*") if p.match("*.tmp") or p.match("*.part.*")]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneShotStage]:
    """One for all tests of a module; each fetches into a folder of its own. There is no Redis."""
    world = {"seed": 11, "chats": [{**CHAT, **DAYS}]}
    stage = OneShotStage(tmp_path_factory.mktemp("stage"), "redis://127.0.0.1:1", world)
    stage.open()
    yield stage
    stage.close()


@pytest.fixture(scope="session")
def strace() -> None:
    """Skips where system calls can't be watched, and says what would help."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A real disk that can be full; skips where none can be mounted."""
    if reason := why_no_mount():
        pytest.skip(reason)
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder) as disk:
        yield disk
