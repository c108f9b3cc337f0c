"""Live through a day's whole life again and again, killed one step later each time; print what became of it.

Run with a folder: prints one JSON line for each death, with the SHA-256 that the next life ended in.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import signal
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import trio

from tgworker.adapters.archive import open_archive
from tgworker.adapters.archive.disk import Disk
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatRef, ChatType, FetchCommand, Mode, Person
from tgworker.ports import Archive

DAY = date(2025, 11, 7)
NOW = datetime(2025, 11, 8, tzinfo=UTC)
CHAT = Chat(-1000000000007, ChatType.SUPERGROUP, "Python", "ru_python")
COMMAND = FetchCommand(ChatRef("ru_python"), Mode.DATE, DAY, DAY, command_id="c-1")


class DeadlyDisk(Disk):
    """Kills this process at its ``n``-th step; a write gets half-way. Nothing waits for the metal."""

    def __init__(self, n: int) -> None:
        self.left = n

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: Path, flags: int) -> int:
        self.step()
        return super().open(path, flags)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.left == 1:
            super().write(fd, data[: len(data) // 2])
        self.step()
        return super().write(fd, data)

    def fsync(self, fd: int) -> None:
        self.step()

    def truncate(self, fd: int, size: int) -> None:
        self.step()
        super().truncate(fd, size)

    def replace(self, source: Path, target: Path) -> None:
        self.step()
        super().replace(source, target)

    def unlink(self, path: Path) -> None:
        self.step()
        super().unlink(path)

    def mkdir(self, path: Path) -> None:
        self.step()
        super().mkdir(path)


async def live(root: Path, disk: Disk) -> None:
    """Read half a day, then all of it afresh in another format; go on where a life before ended."""
    for form, ids, finish in (
        (ArtifactFormat.JSON, range(1, 7), False),
        (ArtifactFormat.JSONL, range(2, 12), True),
    ):
        async with open_archive(
            root, artifact_format=form, schema_version="1.0.0", disk=disk
        ) as archive:
            if finish:
                await archive.command_begins(COMMAND, NOW)
            await fetch(archive, ids, afresh=finish, complete=finish)
            if finish:
                await archive.command_ends("c-1")


async def fetch(archive: Archive, ids: range, *, afresh: bool, complete: bool) -> None:
    async with archive.open_chat(CHAT) as shelf:
        writer = await shelf.open_day(DAY, afresh=afresh)
        rest = [i for i in ids if writer.last_id is None or i > writer.last_id]
        for start in range(0, len(rest), 3):
            page = [Message(i, NOW, i % 3 + 1, "@ru_python", f"№ {i}") for i in rest[start:][:3]]
            await writer.append(page, [Person(n, None, f"n {n}") for n in (1, 2, 3)])
        await writer.seal(complete=complete, fetched_at=NOW)


def in_child(*lives: tuple[Path, int]) -> int:
    """The exit status of a process that leads these lives, each until its ``n``-th step (0: to the end)."""
    gc.freeze()  # a child that collects would copy all memory
    if (child := os.fork()) == 0:
        gc.disable()
        for root, n in lives:
            trio.run(live, root, DeadlyDisk(n))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def whole(root: Path) -> None:
    """Fail if anything that stands under its own name can't be read."""
    for path in root.rglob("[!.]*.json*"):
        lines = [path.read_bytes()] if path.suffix == ".json" else path.read_bytes().splitlines()
        for line in lines:
            json.loads(line)


def digests(root: Path) -> dict[str, str]:
    """The SHA-256 of every file."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def main(root: Path) -> None:
    """Each child finishes the life that the one before lost, and then loses its own."""
    status, n = -signal.SIGKILL, 0
    while status == -signal.SIGKILL:
        before, n = n, n + 1
        lost = [(root / str(before), 0)] if before else []
        status = in_child(*lost, (root / str(n), n))
        if lost:
            print(json.dumps({"n": before, "files": digests(root / str(before))}))
        whole(root / str(n))
    print(json.dumps({"n": n, "files": digests(root / str(n)), "status": status}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
