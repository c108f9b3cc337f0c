"""One suite for `ChatLocks`: what holds on a real Redis holds for the twin in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from attrs import define, evolve

from tgworker.adapters.memory.locks import MemoryChatLocks
from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.locks import RedisChatLocks
from tgworker.errors import ChatBusyError, QueueRefusedError, QueueUnavailableError
from tgworker.ports import ChatLocks, Claim

CHAT, OTHER_CHAT = -1001234567890, 42
ONE = Claim(job_id=1, epoch=1, payload=b"", command_id="one", deliveries=1)
REDELIVERED = evolve(ONE, epoch=2, deliveries=2)
TWO = Claim(job_id=2, epoch=1, payload=b"", command_id="two", deliveries=1)


@define
class LockBench:
    """Locks of both kinds, with a hand on their network."""

    locks: ChatLocks
    lose_reply: Callable[[], None]

    async def is_free(self, chat_id: int) -> bool:
        """Whether a stranger could lock the chat; leaves it as it was."""
        stranger = evolve(ONE, job_id=99)
        try:
            await self.locks.hold(chat_id, stranger, 60)
        except ChatBusyError:
            return False
        await self.locks.release(chat_id, stranger)
        return True


@pytest.fixture
def redis_locks(redis_client: RedisClient, deaf_client: Any) -> LockBench:
    client = deaf_client(redis_client)

    def lose_reply() -> None:
        client.lose_replies += 1

    return LockBench(RedisChatLocks(client), lose_reply)


@pytest.fixture
def memory_locks() -> LockBench:
    locks = MemoryChatLocks()

    def lose_reply() -> None:
        locks.lose_replies += 1

    return LockBench(locks, lose_reply)


@pytest.fixture(params=["redis", "memory"])
def bench(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(f"{request.param}_locks")


async def test_a_chat_is_locked_for_one_command(bench: LockBench) -> None:
    await bench.locks.hold(CHAT, ONE, 60)

    with pytest.raises(ChatBusyError):
        await bench.locks.hold(CHAT, TWO, 60)

    assert await bench.locks.hold(OTHER_CHAT, TWO, 60)


async def test_a_released_chat_is_free_and_the_next_number_is_higher(bench: LockBench) -> None:
    first = await bench.locks.hold(CHAT, ONE, 60)
    await bench.locks.release(CHAT, ONE)
    await bench.locks.release(CHAT, ONE)

    second = await bench.locks.hold(CHAT, TWO, 60)

    assert second > first > 0


async def test_a_lock_that_nobody_renews_ends_by_itself(bench: LockBench) -> None:
    first = await bench.locks.hold(CHAT, ONE, 0.05)
    with trio.fail_after(10):
        while not await bench.is_free(CHAT):  # noqa: ASYNC110  # the server tells nobody of it
            await trio.sleep(0.01)

    assert not await bench.locks.renew(CHAT, ONE, 60)
    assert await bench.locks.hold(CHAT, TWO, 60) > first


async def test_a_renewed_lock_goes_on(bench: LockBench) -> None:
    await bench.locks.hold(CHAT, ONE, 0.5)

    assert await bench.locks.renew(CHAT, ONE, 60)

    await trio.sleep(0.6)  # longer than it was held for at first
    assert not await bench.is_free(CHAT)


async def test_holding_again_after_a_lost_reply_gives_the_same_number(bench: LockBench) -> None:
    bench.lose_reply()
    with pytest.raises(QueueUnavailableError):
        await bench.locks.hold(CHAT, ONE, 60)

    first = await bench.locks.hold(CHAT, ONE, 60)

    assert first == await bench.locks.hold(CHAT, ONE, 60)
    assert first + 1 <= await bench.locks.hold(OTHER_CHAT, TWO, 60)


async def test_who_does_not_hold_the_lock_can_neither_renew_nor_release_it(
    bench: LockBench,
) -> None:
    await bench.locks.hold(CHAT, ONE, 60)

    assert not await bench.locks.renew(CHAT, TWO, 60)
    await bench.locks.release(CHAT, TWO)

    assert not await bench.is_free(CHAT)


async def test_the_next_delivery_of_a_command_takes_its_lock_over(bench: LockBench) -> None:
    before = await bench.locks.hold(CHAT, ONE, 60)

    after = await bench.locks.hold(CHAT, REDELIVERED, 60)

    assert after > before
    assert not await bench.locks.renew(CHAT, ONE, 60)
    with pytest.raises(ChatBusyError):
        await bench.locks.hold(CHAT, ONE, 60)
    await bench.locks.release(CHAT, ONE)
    assert not await bench.is_free(CHAT)


async def test_a_number_is_higher_even_after_redis_forgot_everything(
    redis_client: RedisClient,
) -> None:
    locks = RedisChatLocks(redis_client)
    before = [await locks.hold(chat_id, ONE, 60) for chat_id in range(5)]
    await trio.sleep(0.01)  # a server takes longer to start
    await redis_client.call(redis_client.redis.flushall)

    after = await locks.hold(CHAT, TWO, 60)

    assert sorted(set(before)) == before
    assert after > max(before)


async def test_a_key_of_another_type_in_its_place_is_refused(redis_client: RedisClient) -> None:
    await redis_client.call(redis_client.redis.set, f"{{tg_commands}}:chat:{CHAT}", "text")

    with pytest.raises(QueueRefusedError):
        await RedisChatLocks(redis_client).hold(CHAT, ONE, 60)


async def test_locks_in_memory_can_be_away() -> None:
    locks = MemoryChatLocks(away=True)

    with pytest.raises(QueueUnavailableError):
        await locks.hold(CHAT, ONE, 60)
    locks.away = False
    await locks.hold(CHAT, ONE, 60)

    assert {CHAT} == locks.held
