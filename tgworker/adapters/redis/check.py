"""A look at the server before the work begins: is it new enough, and will it keep what it is given?"""

from __future__ import annotations

import re
from typing import Any

import structlog

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.errors import MIN_VERSION, too_old
from tgworker.errors import QueueRefusedError

log = structlog.get_logger(__name__)


async def check_server(client: RedisClient) -> None:
    """Refuse a server that is too old; warn of one that may lose commands.

    What the server does not let this user see (an ACL may forbid INFO and CONFIG) is not judged.

    Raises:
        QueueUnavailableError: it does not answer.
        QueueRefusedError: wrong password, or older than Redis 6.2.
    """
    await client.call(client.redis.ping)
    try:
        info = await client.call(client.redis.info)
    except QueueRefusedError as error:
        log.debug("redis.unseen", what="INFO", error=str(error))
        return
    _check_version(info, client.address)
    _warn_of_eviction(info, client.address)
    await _warn_of_forgetting(info, client)


def _check_version(info: dict[str, Any], address: str) -> None:
    """Valkey reports, as ``redis_version``, the Redis it is compatible with."""
    version = str(info.get("redis_version", ""))
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if numbers and numbers < MIN_VERSION:
        raise QueueRefusedError(too_old(address, version))


def _warn_of_eviction(info: dict[str, Any], address: str) -> None:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction" and info.get("maxmemory", 0):
        log.warning(
            "redis.evicts",
            address=address,
            policy=policy,
            advice="Commands may vanish when memory is short: set maxmemory-policy noeviction.",
        )


async def _warn_of_forgetting(info: dict[str, Any], client: RedisClient) -> None:
    if info.get("aof_enabled", 0):
        return
    try:
        config = await client.call(client.redis.config_get, "save")
    except QueueRefusedError as error:
        log.debug("redis.unseen", what="CONFIG", error=str(error))
        return
    if config.get("save") == "":
        log.warning(
            "redis.forgets",
            address=client.address,
            advice="Commands vanish when Redis restarts: set appendonly yes.",
        )
