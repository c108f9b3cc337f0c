"""The flood ledger in Redis: a key for each method of an account, which ends by the server's clock."""

from __future__ import annotations

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys, read_script


class RedisFloodLedger:
    """Fulfils `ports.FloodLedger` for all processes that share a queue and an account (a user's id)."""

    def __init__(self, client: RedisClient, account: int, queue: str = "tg_commands") -> None:
        self._client = client
        self._account = account
        self._keys = QueueKeys(queue)
        self._script = client.redis.register_script(read_script("flood"))

    async def rest(self, method: str) -> float:
        """Seconds left; a key without an end is none of ours."""
        milliseconds: int = await self._client.call(self._client.redis.pttl, self._key(method))
        return max(0, milliseconds) / 1000

    async def extend(self, method: str, seconds: float) -> None:
        keys = [*self._keys.shared, self._key(method)]
        await self._client.call(self._script, keys=keys, args=[max(1, round(seconds * 1000))])

    def _key(self, method: str) -> str:
        return self._keys[f"flood:{self._account}:{method}"]
