"""What is called open work is open work: what ended elsewhere is taken out."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import trio
from attrs import evolve
from trio.testing import MockClock

from tests.service.conftest import day
from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.adapters.memory.queue import MemoryCommandQueue, MemoryQueueStore
from tgworker.core.model import ChatRef, FetchCommand, Mode
from tgworker.errors import StorageError
from tgworker.ports import Claim, Park
from tgworker.service.open_work import LOOK_SECONDS, watch_open_work

RUNNING, PARKED, WAITING, OVER = (str(uuid4()) for _ in range(4))
COMMAND = FetchCommand(ChatRef("chat"), Mode.DATE, day(1), day(1))
NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
async def archive() -> MemoryArchive:
    """An archive that calls four commands open."""
    archive = MemoryArchive()
    for command_id in (RUNNING, PARKED, WAITING, OVER):
        await archive.command_begins(evolve(COMMAND, command_id=command_id), NOON)
    return archive


@pytest.fixture
async def queue() -> MemoryCommandQueue:
    """One that holds two of them; the third was pushed once more."""
    queue = MemoryCommandQueue(MemoryQueueStore(), lease_seconds=10**6)
    for command_id in (PARKED, RUNNING, WAITING):
        queue.store.push(b'{"command_id":"%b"}' % command_id.encode())
    claims = [await queue.claim(), await queue.claim()]
    assert isinstance(claims[0], Claim)
    await queue.finish(claims[0], Park(10**6))
    return queue


async def test_what_nobody_holds_and_nobody_gets_again_is_taken_out(
    autojump_clock: MockClock, archive: MemoryArchive, queue: MemoryCommandQueue
) -> None:
    """What waits in the list is begun anew."""
    with trio.move_on_after(1):
        await watch_open_work(queue, archive)

    assert {RUNNING, PARKED} == set(archive.commands)


async def test_what_the_queue_does_not_answer_for_is_kept_until_it_does(
    autojump_clock: MockClock, archive: MemoryArchive, queue: MemoryCommandQueue
) -> None:
    """The same goes for an archive that can't be read."""
    queue.store.away = True
    kept = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(watch_open_work, queue, archive)
        await trio.sleep(1)
        kept.append(len(archive.commands))
        queue.store.away, archive.broken = False, StorageError("gone")
        await trio.sleep(LOOK_SECONDS)
        kept.append(len(archive.commands))
        archive.broken = None
        await trio.sleep(LOOK_SECONDS)
        kept.append(len(archive.commands))
        nursery.cancel_scope.cancel()

    assert [4, 4, 2] == kept


async def test_a_queue_too_long_to_tell_takes_nothing_out(
    autojump_clock: MockClock, archive: MemoryArchive
) -> None:
    class LongQueue(MemoryCommandQueue):
        async def under_way(self) -> frozenset[str] | None:
            await trio.lowlevel.checkpoint()
            return None

    with trio.move_on_after(1):
        await watch_open_work(LongQueue(MemoryQueueStore()), archive)

    assert 4 == len(archive.commands)
