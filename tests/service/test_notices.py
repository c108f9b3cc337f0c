"""People are told of failures: soon, never twice in a minute, and also at the end; the work never waits for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio
from attrs import define, field
from structlog.testing import capture_logs
from trio.testing import MockClock

from tests.service.conftest import CHAT
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.adapters.memory.notifier import MemoryNotifier
from tgworker.core.facts import AccountLost, CommandEnded, QueueSeen
from tgworker.core.model import ChatRef
from tgworker.core.notices import Failure, digest_of, digest_text
from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    NoticeRefusedError,
    ParkedError,
    TgworkerError,
    TransientError,
)
from tgworker.service.guard import GuardedGateway, GuardPolicy
from tgworker.service.notices import LAST_WORDS_SECONDS, ChatNotifier, Notices
from tgworker.service.stop import Stop

NOW = datetime(2025, 11, 20, tzinfo=UTC)


def failed(error_type: str = "storage", chat: str = "@chat") -> CommandEnded:
    return CommandEnded(chat, 1.0, error_type, "c1", "Why.")


@asynccontextmanager
async def telling(notices: Notices, notifier: MemoryNotifier) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(notices.run, notifier)
        await trio.sleep(1)
        yield
        nursery.cancel_scope.cancel()


@pytest.fixture
def notices() -> Notices:
    return Notices(lambda: NOW)


async def test_failures_are_told_soon_and_then_at_most_once_a_minute(
    autojump_clock: MockClock, notices: Notices
) -> None:
    notifier = MemoryNotifier()
    began = trio.current_time()
    async with telling(notices, notifier):
        for _ in range(100):
            notices.note(failed())
            await trio.sleep(3)

    first, *others = notifier.told
    moments = [at for at, _ in notifier.told]
    assert 3 == first[0] - began
    # The last one is the word at the end.
    assert all(later - sooner >= 60 for sooner, later in zip(moments, moments[1:-1]))
    assert 6 == len(moments)
    assert 100 == sum(digest.failed for _, digest in notifier.told)


@pytest.mark.parametrize(
    "fact", [CommandEnded("@chat", 1.0), failed("cancelled"), QueueSeen(3)], ids=type
)
async def test_what_is_no_failure_is_not_told(
    autojump_clock: MockClock, notices: Notices, fact: CommandEnded | QueueSeen
) -> None:
    notifier = MemoryNotifier()
    async with telling(notices, notifier):
        notices.note(fact)
        await trio.sleep(100)

    assert [] == notifier.told


async def test_the_last_words_are_said_at_the_end(
    autojump_clock: MockClock, notices: Notices
) -> None:
    notifier = MemoryNotifier()
    async with telling(notices, notifier):
        notices.note(failed())
        await trio.sleep(10)
        notices.note(failed())
        notices.note(AccountLost("session_revoked", "Log in again."))
        notices.note(AccountLost("session_revoked", "Log in again."))

    (_, before), (_, last) = notifier.told
    assert before.account is None
    assert last.account is not None
    assert ("session_revoked", 1) == (last.account.error_type, last.failed)


@pytest.mark.parametrize(
    "stumble",
    [
        TransientError("No answer."),
        FloodWaitError("messages.sendMessage", 30),
        ParkedError("Later.", resume_at=NOW),
    ],
    ids=type,
)
async def test_what_could_not_be_told_is_told_later_with_the_rest_and_logged_once(
    autojump_clock: MockClock, notices: Notices, stumble: TgworkerError
) -> None:
    notifier = MemoryNotifier([stumble, stumble])
    with capture_logs() as lines:
        async with telling(notices, notifier):
            notices.note(failed())
            await trio.sleep(50)
            notices.note(failed())
            await trio.sleep(300)

    ((at, digest),) = notifier.told
    assert 2 == digest.failed
    assert 3 + 60 + 120 == at
    events = [(line["event"], line["log_level"]) for line in lines]
    assert [("notify.failed", "warning"), ("notify.told", "info")] == events


@pytest.mark.parametrize(
    "stumble", [NoticeRefusedError("HTTP 404."), ValueError("secret")], ids=type
)
async def test_what_nobody_will_take_is_dropped_and_the_next_is_told(
    autojump_clock: MockClock, notices: Notices, stumble: Exception
) -> None:
    notifier = MemoryNotifier([stumble])
    with capture_logs() as lines:
        async with telling(notices, notifier):
            notices.note(failed())
            await trio.sleep(100)
            notices.note(failed("network"))
            await trio.sleep(10)

    ((_, digest),) = notifier.told
    assert {"network": 1} == digest.counts
    assert ["notify.refused", "notify.told"] == [line["event"] for line in lines]
    assert "secret" not in str(lines)


async def test_a_way_that_is_not_there_is_said_at_the_start(
    autojump_clock: MockClock, notices: Notices
) -> None:
    notifier = MemoryNotifier(closed=ChatUnavailableError("There is no @ops."))
    with capture_logs() as lines:
        async with telling(notices, notifier):
            pass

    assert [("notify.no_way", "There is no @ops.")] == [
        (line["event"], line["error"]) for line in lines
    ]


async def test_a_stop_cuts_a_message_off_in_time_and_says_it_once_more(
    autojump_clock: MockClock, notices: Notices
) -> None:
    notifier = MemoryNotifier(seconds=3600)
    async with telling(notices, notifier):
        notices.note(failed())
        await trio.sleep(10)
        asked_to_stop = trio.current_time()

    assert LAST_WORDS_SECONDS == trio.current_time() - asked_to_stop
    assert (2, []) == (notifier.tries, notifier.told)


@define
class Way:
    """To a chat, through a guard."""

    telegram: MemoryGateway = field(factory=lambda: MemoryGateway({CHAT: []}))
    stop: Stop = field(factory=Stop)

    @property
    def notifier(self) -> ChatNotifier:
        guard = GuardedGateway(self.telegram, GuardPolicy(), self.stop, lambda: NOW)
        return ChatNotifier(guard, ChatRef("chat"), "w")


DIGEST = digest_of(Failure("c", "@c", "storage", "Why."), NOW)


async def test_a_chat_is_told_by_the_account_itself(autojump_clock: MockClock) -> None:
    way = Way()
    notifier = way.notifier

    await notifier.open()
    await notifier.tell(DIGEST)
    await notifier.tell(DIGEST)

    assert [("@chat", digest_text(DIGEST, "w"))] == list(way.telegram.said.values())


async def test_a_message_that_stumbles_is_sent_again_under_the_same_key(
    autojump_clock: MockClock,
) -> None:
    way = Way()
    way.telegram.stumbles = [None, TransientError("reset"), FloodWaitError("x", 3)]

    await way.notifier.tell(DIGEST)

    assert 1 == len(way.telegram.said)
    assert 3 == way.telegram.requests.count(digest_text(DIGEST, "w"))


async def test_a_stop_before_the_chat_is_found_is_no_trouble(autojump_clock: MockClock) -> None:
    way = Way()
    way.stop.set()
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Notices(lambda: NOW).run, way.notifier)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()

    assert [] == lines


async def test_while_the_worker_stops_a_message_goes_out_at_once(
    autojump_clock: MockClock,
) -> None:
    way = Way()
    way.telegram.known[ChatRef("chat")] = CHAT
    notifier = way.notifier
    way.stop.set()

    await notifier.tell(DIGEST)

    assert 1 == len(way.telegram.said)


async def test_while_the_worker_stops_a_telegram_that_rests_is_left_alone(
    autojump_clock: MockClock,
) -> None:
    way = Way()
    way.telegram.known[ChatRef("chat")] = CHAT
    way.telegram.stumbles = [FloodWaitError("messages.sendMessage", 100)]
    notifier = way.notifier
    async with trio.open_nursery() as nursery:

        async def tell() -> None:
            with pytest.raises(TransientError, match="rests"):
                await notifier.tell(DIGEST)

        nursery.start_soon(tell)
        await trio.sleep(5)
        way.stop.set()

    assert 1 == len(way.telegram.requests)


async def test_the_accounts_own_end_is_left_to_others(
    autojump_clock: MockClock,
) -> None:
    notices = Notices(lambda: NOW, by_account=True)
    way = Way()
    with capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(notices.run, way.notifier)
            await trio.sleep(1)
            notices.note(AccountLost("session_revoked", "Log in again."))
            notices.note(AccountLost("session_revoked", "Log in again."))
            notices.note(failed())
            way.telegram.stumbles = [AccountUnusableError("revoked"), *[None] * 9]
            await trio.sleep(100)
            nursery.cancel_scope.cancel()

    said = [line["event"] for line in lines if line["event"].startswith("notify.")]
    assert ["notify.impossible", "notify.refused"] == said
    assert {} == way.telegram.said
