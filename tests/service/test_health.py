"""The monitor knows how the worker is from what happens."""

from __future__ import annotations

from datetime import date

import trio
from structlog.contextvars import bound_contextvars
from trio.testing import MockClock

from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.core import facts
from tgworker.core.facts import BreakerState
from tgworker.core.health import Patience
from tgworker.errors import QueueUnavailableError, StorageError
from tgworker.service import disk_watch
from tgworker.service.health import HealthMonitor
from tgworker.service.outage import Outage

BEGAN = facts.CommandBegan("c-1", "@chat")
SEALED = facts.DaySealed("@chat", date(2025, 11, 1), 1, 1, True, 0.1)


PATIENCE = Patience(work=300)


def monitor() -> HealthMonitor:
    made = HealthMonitor(Outage(300), PATIENCE)
    made.started()
    return made


async def test_work_is_live_as_long_as_something_comes_of_it(autojump_clock: MockClock) -> None:
    health = monitor()
    health.note(BEGAN)

    for fact in (facts.RequestEnded("history", 0.1), facts.PageFiled("@chat", 1, 0, None), SEALED):
        await trio.sleep(290)
        assert health.report().live
        health.note(fact)
    await trio.sleep(290)
    health.note(facts.LeaseRenewed())
    await trio.sleep(20)

    assert not health.report().live


async def test_what_is_over_cannot_hang(autojump_clock: MockClock) -> None:
    health = monitor()
    health.note(BEGAN)
    assert ["@chat"] == [work.chat for work in health.works]

    health.note(facts.CommandLeft("c-1"))
    await trio.sleep(10_000)

    assert () == health.works
    assert health.report().ready


async def test_an_open_breaker_makes_it_unready_until_it_is_tried_again() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()

    with health.span("command"):
        health.note(facts.BreakerMoved("telegram", BreakerState.OPEN))
        assert not health.report().ready
        health.note(facts.BreakerMoved("telegram", BreakerState.HALF_OPEN))
        assert health.report().ready


async def test_a_disk_that_refuses_makes_it_unready_until_it_takes_a_day() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()

    health.note(facts.CommandEnded("@chat", 1.0, "storage"))
    assert "the archive can't be written" == health.report().reason
    health.note(SEALED)
    assert health.report().ready


async def test_a_telegram_that_could_not_be_reached_makes_it_unready_until_it_answers() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()
    answers = facts.RequestEnded("history", 0.1), facts.RequestEnded("history", 0.1, "flood_wait")
    failures = facts.TelegramSeen(False), facts.RequestEnded("history", 10.0, "timeout")

    for failure in failures:
        for answer in (*answers, facts.TelegramSeen(True)):
            health.note(failure)
            assert "Telegram did not answer the last time" == health.report().reason
            health.note(answer)
            assert health.report().ready


async def test_a_disk_that_was_looked_at_says_what_ails_it() -> None:
    await trio.lowlevel.checkpoint()
    health = monitor()

    health.note(facts.DiskSeen(None, "The archive can't use /data: Read-only file system."))
    assert "Read-only" in health.report().reason
    health.note(facts.DiskSeen(1000))
    assert "the disk of the archive is full: 0 MiB are left" == health.report().reason
    health.note(facts.DiskSeen(10**12))
    assert health.report().ready
    assert 10**12 == health.report().disk_free_bytes


async def test_a_command_that_hangs_is_not_excused_by_one_that_moves(
    autojump_clock: MockClock,
) -> None:
    health = monitor()
    for command_id in ("c-1", "c-2"):
        health.note(facts.CommandBegan(command_id, f"@{command_id}"))

    for _ in range(2):
        await trio.sleep(200)
        with bound_contextvars(command_id="c-2"):
            health.note(facts.PageFiled("@c-2", 1, 0, None))

    assert "nothing has moved for 400 s while fetching @c-1" == health.report().reason


async def test_leases_count_for_the_command_they_are_of(autojump_clock: MockClock) -> None:
    health = HealthMonitor(Outage(300), Patience(work=1e9, lease=120))
    for command_id in ("c-1", "c-2"):
        health.note(facts.CommandBegan(command_id, f"@{command_id}"))
        with bound_contextvars(command_id=command_id):
            health.note(facts.LeaseRenewed())
    await trio.sleep(100)
    with bound_contextvars(command_id="c-2"):
        health.note(facts.LeaseRenewed())
    await trio.sleep(100)

    assert "the lease for fetching @c-1 was last renewed 200 s ago" == health.report().reason
    assert 100 == health.report().seconds_since["lease"]


async def test_stopping_and_redis_are_told(autojump_clock: MockClock) -> None:
    outage, refused = Outage(300), QueueUnavailableError("refused")
    health = HealthMonitor(outage, PATIENCE)
    assert "starting" == health.report().reason
    health.started()

    async def fails() -> None:
        await trio.lowlevel.checkpoint()
        raise refused

    async with trio.open_nursery() as nursery:
        nursery.start_soon(outage.outlast, fails)
        await trio.sleep(1)
        assert "Redis does not answer" == health.report().reason
        assert None is health.report().seconds_since["redis"]
        nursery.cancel_scope.cancel()
    await outage.outlast(trio.lowlevel.checkpoint)
    await trio.sleep(7)
    assert health.report().ready
    assert 7 == health.report().seconds_since["redis"]
    health.stopping()
    assert "stopping" == health.report().reason


async def test_the_disk_is_looked_at_now_and_then(autojump_clock: MockClock) -> None:
    archive, seen = MemoryArchive(free_bytes=5), MemoryObserver()

    with trio.move_on_after(2.5 * disk_watch.LOOK_SECONDS):
        await trio.lowlevel.checkpoint()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(disk_watch.watch_disk, archive, seen)
            await trio.sleep(1.5 * disk_watch.LOOK_SECONDS)
            archive.broken = StorageError("full")

    assert [facts.DiskSeen(5), facts.DiskSeen(5), facts.DiskSeen(None, "full")] == seen.facts
