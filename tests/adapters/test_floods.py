"""One suite for `FloodLedger`: what holds on Redis and in the session file holds for the twin in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import define, field

from tgworker.adapters.memory.floods import MemoryFloodLedger
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.floods import RedisFloodLedger
from tgworker.adapters.telegram.floods import SessionFloodLedger
from tgworker.adapters.telegram.session_file import open_session
from tgworker.errors import QueueUnavailableError, StorageError
from tgworker.ports import FloodLedger

ACCOUNT = 777000
RESOLVE, HISTORY = "contacts.resolveUsername", "messages.getHistory"


@define
class Bench:
    """A ledger, and the same one as the next process finds it."""

    ledger: FloodLedger
    open_again: Callable[[], FloodLedger]


@pytest.fixture
async def redis_bench(redis_client: RedisClient) -> Bench:
    def open_ledger() -> FloodLedger:
        return RedisFloodLedger(redis_client, ACCOUNT)

    return Bench(open_ledger(), open_ledger)


@define
class SessionFile:
    """A session that is held, let go and held again; its own clock goes with the real one."""

    path: Path
    late: float = 0.0
    held: ExitStack = field(factory=ExitStack)

    def open(self) -> SessionFloodLedger:
        self.held.close()
        session = self.held.enter_context(open_session(self.path))
        return SessionFloodLedger(session, clock=lambda: 1.7e9 + trio.current_time() + self.late)


@pytest.fixture
async def session_file(tmp_path: Path) -> AsyncIterator[SessionFile]:
    file = SessionFile(tmp_path / "worker.session")
    yield file
    file.held.close()


@pytest.fixture
def session_bench(session_file: SessionFile) -> Bench:
    return Bench(session_file.open(), session_file.open)


@pytest.fixture
def memory_bench() -> Bench:
    ledger = MemoryFloodLedger()
    return Bench(ledger, lambda: ledger)


@pytest.fixture(params=["redis", "session", "memory"])
def bench(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_bench")


async def test_a_method_that_nobody_entered_needs_no_rest(bench: Bench) -> None:
    assert 0 == await bench.ledger.rest(RESOLVE)


@pytest.mark.parametrize("seconds", [1, 24 * 3600])
async def test_a_rest_is_there_for_the_next_process_and_for_that_method_alone(
    bench: Bench, seconds: float
) -> None:
    await bench.ledger.extend(RESOLVE, seconds)

    next_one = bench.open_again()

    assert seconds - 0.9 < await next_one.rest(RESOLVE) <= seconds
    assert 0 == await next_one.rest(HISTORY)


async def test_a_rest_grows_shorter_and_ends(bench: Bench) -> None:
    await bench.ledger.extend(HISTORY, 0.1)

    with trio.fail_after(10):
        while await bench.ledger.rest(HISTORY):  # noqa: ASYNC110  # the server tells nobody of it
            await trio.sleep(0.01)

    assert 0 == await bench.open_again().rest(HISTORY)


async def test_a_rest_can_be_made_longer_and_never_shorter(bench: Bench) -> None:
    await bench.ledger.extend(RESOLVE, 100)
    await bench.ledger.extend(RESOLVE, 10)
    assert 99 < await bench.ledger.rest(RESOLVE) <= 100

    await bench.ledger.extend(RESOLVE, 1000)

    assert 999 < await bench.open_again().rest(RESOLVE) <= 1000


async def test_accounts_on_one_queue_know_nothing_of_each_other(redis_client: RedisClient) -> None:
    await RedisFloodLedger(redis_client, ACCOUNT).extend(RESOLVE, 100)

    assert 0 == await RedisFloodLedger(redis_client, 42).rest(RESOLVE)
    assert [b"{tg_commands}:flood:777000:contacts.resolveUsername"] == await redis_client.call(
        redis_client.redis.keys, "*"
    )


async def test_a_session_that_changes_hands_keeps_only_what_is_the_new_accounts(
    session_file: SessionFile,
) -> None:
    ledger = session_file.open()
    await ledger.extend(RESOLVE, 100)
    session = ledger._session
    session.remember_account(ACCOUNT)
    assert 99 < await session_file.open().rest(RESOLVE)

    ledger = session_file.open()
    ledger._session.remember_account(42)

    assert 0 == await session_file.open().rest(RESOLVE)
    assert 42 == session_file.open()._session.account


async def test_a_clock_that_was_set_back_makes_no_rest_longer(session_file: SessionFile) -> None:
    await session_file.open().extend(RESOLVE, 100)
    session_file.late = -86400

    assert 100 == await session_file.open().rest(RESOLVE)


async def test_rests_that_are_over_do_not_pile_up(session_file: SessionFile) -> None:
    ledger = session_file.open()
    await ledger.extend(RESOLVE, 100)
    session_file.late = 200
    await ledger.extend(HISTORY, 100)

    assert {HISTORY} == set(ledger._session.floods())


async def test_a_session_that_can_not_be_written_is_no_reason_to_forget(
    session_file: SessionFile,
) -> None:
    ledger = session_file.open()
    other = sqlite3.connect(session_file.path)
    other.execute("drop table tgworker_floods")
    other.close()

    with pytest.raises(StorageError, match="The session can't be written"):
        await ledger.extend(RESOLVE, 100)

    assert 99 < await ledger.rest(RESOLVE)


async def test_a_ledger_in_memory_can_be_away() -> None:
    with pytest.raises(QueueUnavailableError):
        await MemoryFloodLedger(away=True).rest(RESOLVE)
