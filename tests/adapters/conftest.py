"""Fixtures for tests of adapters that live on asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio_asyncio

from tgworker.adapters.redis.connection import RedisClient, open_redis


@pytest.fixture
async def aio_loop() -> AsyncIterator[None]:
    """trio-asyncio's loop, around the test and its other fixtures."""
    async with trio_asyncio.open_loop():
        yield


@pytest.fixture
async def redis_client(aio_loop: None, redis_url: str) -> AsyncIterator[RedisClient]:
    """A client of a real, empty Redis."""
    async with open_redis(redis_url, worker_id="test") as client:
        yield client
