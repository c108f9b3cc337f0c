"""Fixtures that every part of the suite may use."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings

from tgworker.adapters.redis.server import RedisServer

# How long an example takes says more about the machine than about the code.
settings.register_profile(
    "tgworker",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
    max_examples=40,
    derandomize=True,  # the same examples each time: a build fails for what was changed, not for what was drawn
)
settings.register_profile(
    "thorough", settings.get_profile("tgworker"), derandomize=False, max_examples=1000
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tgworker"))


def _without_traceback(record: logging.LogRecord) -> bool:
    """asyncio says of an exception that nobody asked for while garbage is collected; to write a traceback is to parse.

    Before 3.12.3 that breaks the parsing of whoever caused the collection, in a test of anything: "AST constructor
    recursion depth mismatch". Source: https://github.com/python/cpython/issues/106905
    """
    record.exc_info = None  # the message names the exception
    return True


logging.getLogger("asyncio").addFilter(_without_traceback)


@pytest.fixture(autouse=True)
def plain_log_lines() -> None:
    """structlog's own choice draws frames and values around each traceback, which takes seconds."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.dev.ConsoleRenderer(
                colors=False, exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    )


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A real Redis on a port of its own; with pytest-xdist every worker has its own. Don't stop it: see `redis_url`."""
    folder: Path = tmp_path_factory.mktemp("redis")
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """The URL of a real Redis that is empty. Other processes may use it too."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.client_unpause()
        client.flushall()
        client.script_flush()
    return redis_server.url
