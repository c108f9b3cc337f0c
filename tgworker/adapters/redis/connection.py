"""The one place where trio meets redis-py.

redis-py lives on asyncio; `RedisClient.call` carries a call over the border and back. Rules it keeps:

* Nothing is repeated here. redis-py 8 retries on its own by default, and would repeat a claim.
* Time limits are trio's. redis-py's own wrap each write in ``asyncio.wait_for``, which in Python 3.11 can swallow a
  cancellation that arrives as the write ends; a cancelled wait would then go on until its end.
* A call that is cut off costs its connection: redis-py closes it, so that a late answer meets nobody.
* RESP 2, because redis-py checks a connection of RESP 3 for left-over answers no more, once its maintenance
  notifications are on.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import trio
import trio_asyncio
from redis.asyncio import ConnectionPool, Redis, UnixDomainSocketConnection
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from tgworker.adapters.redis.errors import explain
from tgworker.errors import QueueRefusedError, QueueUnavailableError

CLIENT_NAME = "tgworker"
"""What a server's list of clients calls us; a worker has its own name behind a colon."""

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 10.0
IDLE_SECONDS = 30
"""A connection that rested this long is asked for a sign of life before it is used."""

CLOSE_SECONDS = 2.0


class RedisClient:
    """A pool of connections to one server. ``redis`` is redis-py's client: give its methods to `call`."""

    def __init__(self, redis: Redis, address: str, reply_seconds: float) -> None:
        self.redis = redis
        self.address = address
        self._reply_seconds = reply_seconds

    async def call(
        self,
        function: Callable[..., Awaitable[Any]],
        /,
        *args: Any,
        block: float = 0.0,
        **options: Any,
    ) -> Any:
        """Run an asyncio function of redis-py. ``block``: how many seconds the server may take on purpose.

        Raises:
            QueueUnavailableError: no answer in time, or one that says "later". Whether it took effect is unknown.
            QueueRefusedError: this will not work with these settings.
        """
        reply, failure = None, None
        with trio.move_on_after(self._reply_seconds + block) as limit:
            try:
                reply = await trio_asyncio.aio_as_trio(function)(*args, **options)
            # A cancellation of asyncio's that trio did not ask for is an error like any other.
            except (RedisError, OSError, asyncio.CancelledError) as error:  # noqa: ASYNC103
                failure = error
        if limit.cancelled_caught:
            seconds = self._reply_seconds + block
            raise QueueUnavailableError(
                f"Redis at {self.address} did not answer within {seconds:g} s."
            )
        # An answer or an error that came together with a cancellation hides it.
        await trio.lowlevel.checkpoint_if_cancelled()
        if failure is not None:
            raise explain(failure, self.address) from failure
        return reply


@asynccontextmanager
async def open_redis(
    url: str, *, worker_id: str = "", reply_seconds: float = REPLY_SECONDS
) -> AsyncIterator[RedisClient]:
    """A client for the server at `url`, which connects when it is first used.

    ``socket_timeout`` and ``socket_connect_timeout`` (seconds) in the URL's query go before the limits of this module.
    A trio-asyncio loop must be open around it. The server's list of clients shows it as ``tgworker:<worker_id>``.

    Raises:
        QueueRefusedError: the URL makes no sense.
    """
    pool = _make_pool(url, worker_id)
    limits: Mapping[str, Any] = parse_url(url)
    reply_seconds = limits.get("socket_timeout", reply_seconds)
    try:
        yield RedisClient(Redis(connection_pool=pool), _address(pool), reply_seconds)
    finally:
        with trio.move_on_after(CLOSE_SECONDS, shield=True):
            await trio_asyncio.aio_as_trio(pool.aclose)()


def _make_pool(url: str, worker_id: str) -> ConnectionPool:
    try:
        options: dict[str, Any] = {
            "socket_connect_timeout": CONNECT_SECONDS,
            **parse_url(url),
            "client_name": re.sub(
                r"[^!-~]", "_", f"{CLIENT_NAME}:{worker_id}" if worker_id else CLIENT_NAME
            ),
            "decode_responses": False,
            "health_check_interval": IDLE_SECONDS,
            "protocol": 2,
            "retry": Retry(NoBackoff(), 0),
            "socket_timeout": None,
        }
        if options.get("connection_class") is not UnixDomainSocketConnection:
            options["socket_keepalive"] = True
        pool = ConnectionPool(**options)
        # Complains about options that do not exist.
        pool.make_connection()  # type: ignore[no-untyped-call]
    except (TypeError, ValueError) as error:
        raise QueueRefusedError(f"REDIS_URL can't be used: {error}") from None
    return pool


def _address(pool: ConnectionPool) -> str:
    options = pool.connection_kwargs
    if "path" in options:
        return str(options["path"])
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}"
