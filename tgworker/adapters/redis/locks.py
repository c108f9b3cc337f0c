"""`ChatLocks` on Redis: a key for each chat that is being written, which ends by the server's clock."""

from __future__ import annotations

from tgworker.adapters.redis.connection import RedisClient
from tgworker.adapters.redis.keys import QueueKeys, read_script
from tgworker.errors import ChatBusyError
from tgworker.ports import Claim


class RedisChatLocks:
    """The locks of all workers that share a queue; see `tgworker.ports.ChatLocks`."""

    def __init__(self, client: RedisClient, queue: str = "tg_commands") -> None:
        self._client = client
        self._keys = QueueKeys(queue)
        self._script = client.redis.register_script(read_script("chat_lock"))

    async def hold(self, chat_id: int, claim: Claim, seconds: float) -> int:
        """Lock a chat; numbers start at the server's time in ms, so that they rise even over a loss of its data."""
        fence = await self._run("hold", chat_id, claim, seconds)
        if fence == 0:
            raise ChatBusyError(f"Another worker writes chat {chat_id}.")
        return fence

    async def renew(self, chat_id: int, claim: Claim, seconds: float) -> bool:
        """Prolong the lock."""
        return await self._run("renew", chat_id, claim, seconds) == 1

    async def release(self, chat_id: int, claim: Claim) -> None:
        """Unlock the chat, if the lock is this claim's."""
        await self._run("release", chat_id, claim, 0)

    async def _run(self, act: str, chat_id: int, claim: Claim, seconds: float) -> int:
        keys = [*self._keys.shared, self._keys[f"chat:{chat_id}"], self._keys["fence"]]
        args = [act, claim.job_id, claim.epoch, max(1, round(seconds * 1000))]
        answer: int = await self._client.call(self._script, keys=keys, args=args)
        return answer
