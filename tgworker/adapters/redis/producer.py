"""The other end of the queue: what hands commands in."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import uuid4

from tgworker.adapters.redis.connection import RedisClient
from tgworker.core.codec import to_json
from tgworker.core.message import Json


async def submit(client: RedisClient, queue: str, command: Mapping[str, Json]) -> str:
    """Push one command, giving it a ``command_id`` if it has none; returns the id.

    Raises:
        QueueUnavailableError: no answer; it may have been pushed all the same.
        QueueRefusedError: it will never work as set up.
    """
    command_id = command.get("command_id") or str(uuid4())
    payload = to_json({**command, "command_id": command_id})
    await client.call(client.redis.execute_command, "RPUSH", queue, payload)
    return str(command_id)
