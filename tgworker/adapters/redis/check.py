"""A look at the server before the work begins: is it new enough, and will it keep what it is given?"""

from __future__ import annotations

import enum
import re
import time
from typing import Any

import structlog
from attrs import evolve, frozen

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.errors import MIN_VERSION, too_old
from tgworker.errors import QueueRefusedError

log = structlog.get_logger(__name__)

EVICTION_ADVICE = "Commands may vanish when memory is short: set maxmemory-policy noeviction."
FORGETTING_ADVICE = "Commands vanish when Redis restarts: set appendonly yes."


class Keeping(enum.Enum):
    """What outlives a restart of the server."""

    NOTHING = enum.auto()
    SNAPSHOTS = enum.auto()
    EVERYTHING = enum.auto()


@frozen
class ServerState:
    """What a server says of itself. None: this user may not see it."""

    address: str
    name: str | None = None
    """``Valkey 8.1.3``."""
    version: str | None = None
    """The Redis that it is compatible with, as Valkey says too."""
    evicts: str | None = None
    """The policy by which it throws things away when its memory is full; None also if it never does."""
    keeping: Keeping | None = None
    unseen: str | None = None
    """The command that was forbidden."""

    @property
    def is_too_old(self) -> bool:
        numbers = tuple(int(number) for number in re.findall(r"\d+", self.version or "")[:2])
        return bool(numbers) and numbers < MIN_VERSION


async def look_at_server(client: RedisClient) -> ServerState:
    """Ask the server how it is set up. What an ACL hides (INFO and CONFIG may be forbidden) is not judged.

    One that is too old is asked no more.

    Raises:
        QueueUnavailableError: it does not answer.
        QueueRefusedError: wrong password.
    """
    await client.call(client.redis.ping)
    try:
        info = await client.call(client.redis.info)
    except QueueRefusedError as error:
        log.debug("redis.unseen", what="INFO", error=str(error))
        return ServerState(client.address, unseen="INFO")
    version = str(info.get("redis_version", ""))
    valkey = info.get("valkey_version")
    name = f"Redis {version}" if valkey is None else f"Valkey {valkey}"
    state = ServerState(client.address, name, version, _evicts(info))
    if state.is_too_old:
        return state
    keeping = await _keeping(info, client)
    return evolve(state, keeping=keeping, unseen="CONFIG" if keeping is None else None)


def _evicts(info: dict[str, Any]) -> str | None:
    policy = str(info.get("maxmemory_policy", "noeviction"))
    return policy if policy != "noeviction" and info.get("maxmemory", 0) else None


async def _keeping(info: dict[str, Any], client: RedisClient) -> Keeping | None:
    if info.get("aof_enabled", 0):
        return Keeping.EVERYTHING
    try:
        config = await client.call(client.redis.config_get, "save")
    except QueueRefusedError as error:
        log.debug("redis.unseen", what="CONFIG", error=str(error))
        return None
    return Keeping.NOTHING if config.get("save") == "" else Keeping.SNAPSHOTS


async def check_server(client: RedisClient) -> None:
    """Refuse a server that is too old; warn of one that may lose commands.

    Raises:
        QueueUnavailableError: it does not answer.
        QueueRefusedError: wrong password, or older than Redis 6.2.
    """
    state = await look_at_server(client)
    if state.is_too_old:
        raise QueueRefusedError(too_old(state.address, state.version))
    if state.evicts is not None:
        log.warning(
            "redis.evicts", address=state.address, policy=state.evicts, advice=EVICTION_ADVICE
        )
    if state.keeping is Keeping.NOTHING:
        log.warning("redis.forgets", address=state.address, advice=FORGETTING_ADVICE)


async def clock_ahead(client: RedisClient) -> float:
    """Seconds that the server's clock is ahead of this machine's, as exactly as the line is fast.

    Raises: QueueUnavailableError, QueueRefusedError.
    """
    asked_at = time.time()
    seconds, microseconds = await client.call(client.redis.time)
    return float(seconds + microseconds / 1e6 - (asked_at + time.time()) / 2)
