"""A one-shot run tells what happens and ends with the exit code that says how it went."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.service.conftest import CHAT, PER_DAY, day, make_history
from tests.service.machine import OTHER, SlowGateway
from tgworker.adapters.memory.archive import MemoryArchive
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.events import Event, EventKind, Status
from tgworker.core.model import (
    Chat,
    ChatRef,
    FetchCommand,
    HistoryQuery,
    Mode,
    Relatives,
    Strategy,
)
from tgworker.errors import AccountUnusableError, ParkedError, TgworkerError, TransientError
from tgworker.ports import Archive
from tgworker.service.fetch import Fetcher
from tgworker.service.oneshot import fetch_once, refuse_all
from tgworker.service.stop import Stop

NOW = datetime(2025, 11, 20, tzinfo=UTC)


def command(chat: str = "chat", **fields: Any) -> FetchCommand:
    return FetchCommand(ChatRef(chat), Mode.RANGE, day(1), day(10), **fields)


class TrioClock:
    """A clock on the wall that goes with trio's."""

    def __init__(self) -> None:
        self._began = trio.current_time()

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=trio.current_time() - self._began)


@pytest.fixture
def telegram() -> MemoryGateway:
    return MemoryGateway({CHAT: make_history(PER_DAY)})


class Run:
    """What was told, and the exit code."""

    def __init__(
        self, archive: Archive | None = None, clock: Callable[[], datetime] = lambda: NOW
    ) -> None:
        self.archive = archive or MemoryArchive()
        self.clock = clock
        self.events: list[Event] = []
        self.stop = Stop()
        self.exit_code: int | None = None

    async def fetch(
        self,
        telegram: MemoryGateway,
        *commands: FetchCommand,
        on_event: Callable[[Event], None] = lambda _: None,
        concurrency: int = 1,
    ) -> int:
        def hear(event: Event) -> None:
            self.events.append(event)
            on_event(event)

        return await fetch_once(
            Fetcher(telegram, self.archive, self.clock),
            commands or (command(),),
            hear,
            stop=self.stop,
            clock=self.clock,
            worker_id="w",
            progress_interval=0.0,
            concurrency=concurrency,
        )


async def test_what_is_done_exits_0(telegram: MemoryGateway) -> None:
    run = Run()

    assert 0 == await run.fetch(telegram)
    assert (EventKind.COMPLETED, sum(PER_DAY)) == (run.events[-1].event, run.events[-1].processed)
    assert 1 == len({event.command_id for event in run.events})


@pytest.mark.parametrize(
    ("stumble", "exit_code", "kind", "status"),
    [
        (TransientError("reset"), 1, EventKind.FAILED, Status.FAILED),
        (AccountUnusableError("banned"), 3, EventKind.FAILED, Status.FAILED),
        (
            ParkedError("flood", resume_at=NOW + timedelta(hours=1)),
            1,
            EventKind.PROGRESS,
            Status.WAITING,
        ),
    ],
)
async def test_what_goes_wrong_is_told(
    telegram: MemoryGateway,
    stumble: TgworkerError,
    exit_code: int,
    kind: EventKind,
    status: Status,
) -> None:
    telegram.stumbles = [None, stumble]
    run = Run()

    assert exit_code == await run.fetch(telegram)
    last = run.events[-1]
    assert (kind, status, stumble.error_type) == (last.event, last.status, last.error_type)


async def test_one_chat_that_fails_does_not_stop_the_next(telegram: MemoryGateway) -> None:
    run = Run()

    assert 1 == await run.fetch(telegram, command("nobody"), command())
    ends = [e.event for e in run.events if e.event in (EventKind.FAILED, EventKind.COMPLETED)]
    assert sorted([EventKind.FAILED, EventKind.COMPLETED]) == sorted(ends)


async def test_days_that_failed_fail_the_run(telegram: MemoryGateway) -> None:
    telegram.stumbles = [None, None, None, TransientError("reset")]
    run = Run()

    assert 1 == await run.fetch(telegram, command(strategy=Strategy.PER_DAY))
    assert ("days_failed", 1) == (run.events[-1].error_type, run.events[-1].errors)


async def test_an_account_that_can_not_work_fails_all_the_rest_unasked(
    telegram: MemoryGateway,
) -> None:
    telegram.stumbles = [AccountUnusableError("banned")]
    run = Run()

    assert 3 == await run.fetch(telegram, command(), command())
    failed = [event for event in run.events if event.event is EventKind.FAILED]
    assert [("account_unusable", "banned")] * 2 == [(e.error_type, e.error) for e in failed]
    assert 1 == len([event for event in run.events if event.event is EventKind.STARTED])


async def test_an_account_that_can_not_work_from_the_start_fails_every_command() -> None:
    events: list[Event] = []

    code = await refuse_all(
        AccountUnusableError("banned"),
        [command("one"), command("two")],
        events.append,
        clock=lambda: NOW,
        worker_id="w",
    )

    assert 3 == code
    assert [(EventKind.FAILED, "@one"), (EventKind.FAILED, "@two")] == [
        (event.event, event.chat) for event in events
    ]


async def test_a_stop_ends_it_at_a_page_as_unfinished(telegram: MemoryGateway) -> None:
    run = Run()

    def stop_after_a_day(event: Event) -> None:
        if event.day is not None:
            run.stop.set()

    with trio.fail_after(10):
        assert 1 == await run.fetch(telegram, command(), on_event=stop_after_a_day)
    assert EventKind.PROGRESS is run.events[-1].event


async def test_a_rest_that_is_not_too_long_is_waited_for(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    resume_at = NOW + timedelta(seconds=100)
    stumbles = [ParkedError("down", resume_at=resume_at) for _ in range(3)]
    telegram.stumbles = [None, TransientError("reset"), *stumbles]  # the first day fails at first
    telegram.known = {ChatRef("chat"): CHAT}
    run, began = Run(), trio.current_time()

    assert 0 == await run.fetch(telegram, command(strategy=Strategy.PER_DAY))

    assert 300 == pytest.approx(trio.current_time() - began)
    assert 3 == len([event for event in run.events if event.status is Status.WAITING])
    assert 0 == run.events[-1].errors


async def test_a_refresh_goes_on_after_a_rest_where_it_was(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    class Slow(MemoryGateway):
        async def _ask(self, request: ChatRef | Chat | HistoryQuery) -> None:
            await trio.sleep(1)
            await super()._ask(request)

    telegram, archive, clock = Slow(telegram.histories), MemoryArchive(), TrioClock()
    await Run(archive, clock).fetch(telegram)
    await trio.sleep(3600)
    pages = [r for r in telegram.requests if isinstance(r, HistoryQuery)]
    telegram.requests.clear()
    rest = ParkedError("down", resume_at=clock() + timedelta(seconds=100))
    telegram.stumbles = [*[None] * 5, rest]

    assert 0 == await Run(archive, clock).fetch(telegram, command(refresh=True))

    again = [r for r in telegram.requests if isinstance(r, HistoryQuery)]
    assert (
        len(pages) + 1 <= len(again) <= len(pages) + 3
    )  # the one that rested, and where it went on


async def test_rests_without_a_message_in_between_come_to_an_end(
    telegram: MemoryGateway, autojump_clock: MockClock
) -> None:
    telegram.stumbles = [ParkedError("down", resume_at=NOW) for _ in range(1000)]
    run, began = Run(), trio.current_time()

    assert 1 == await run.fetch(telegram)

    assert 300 == pytest.approx(trio.current_time() - began)
    assert Status.WAITING is run.events[-1].status


def two_chats() -> SlowGateway:
    """The posts of one are commented on in the other."""
    telegram = SlowGateway({CHAT: make_history(PER_DAY), OTHER: make_history(PER_DAY)})
    telegram.kin = {OTHER: Relatives(discussion=CHAT.id)}
    return telegram


async def test_commands_that_meet_on_a_chat_take_turns(autojump_clock: MockClock) -> None:
    """Also where one comes to it by the comments on its posts, and however long the other takes."""
    telegram, alone, run = two_chats(), two_chats(), Run(clock=TrioClock())
    telegram.latency = 200.0
    await Run().fetch(alone)
    commands = command("other", comments=True), command(), command()

    assert 0 == await run.fetch(telegram, *commands, concurrency=3)

    pages, of_one = (
        [request for request in each.requests if isinstance(request, HistoryQuery)]
        for each in (telegram, alone)
    )
    assert 2 * len(of_one) == len(pages)  # none twice
    assert 2 * sum(PER_DAY) == sum(
        event.processed for event in run.events if event.event is EventKind.COMPLETED
    )


async def test_a_command_that_waits_for_its_turn_heeds_a_stop(autojump_clock: MockClock) -> None:
    telegram, run = two_chats(), Run(clock=TrioClock())

    def stop_after_a_day(event: Event) -> None:
        if event.day is not None:
            run.stop.set()

    assert 1 == await run.fetch(
        telegram, command(), command(), on_event=stop_after_a_day, concurrency=2
    )

    begun = {event.command_id for event in run.events}
    assert (2, 1) == (len(begun), len({e.command_id for e in run.events if e.processed}))
    assert {EventKind.STARTED, EventKind.PROGRESS} == {event.event for event in run.events}


async def test_a_chat_that_another_process_writes_fails_its_command(
    telegram: MemoryGateway,
) -> None:
    run = Run()

    async with run.archive.open_chat(CHAT):
        assert 1 == await run.fetch(telegram)
    assert ("chat_busy", EventKind.FAILED) == (run.events[-1].error_type, run.events[-1].event)
