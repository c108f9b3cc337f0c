"""Kurigram's ``get_chat_history``, each message as the JSON that it makes of itself: ``kurigram_history.py CHAT``.

It is spared what the others don't do either: no request beside those for history. A simulated chat has everything
that Telegram knows, and a few of these things are unknown to Kurigram, or answered with what it does not expect; where
it would end, it goes on here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Any

from entrance import Login, enter, leave
from pyrogram import Client, enums, types

CAN_READ = types.Message._parse
unread = 0


async def parse(client: Client, message: Any, *args: Any, **kwargs: Any) -> Any:
    """What it can't read counts, and costs it nothing more."""
    global unread
    try:
        return await CAN_READ(client, message, *args, **kwargs)
    except Exception:
        unread += 1
        return types.Message(id=message.id)


types.Message._parse = staticmethod(parse)
enums.MessageEntityType._missing_ = classmethod(lambda cls, value: cls.UNKNOWN)


async def sign_in(storage: Any, login: Login, api_id: int) -> None:
    """Write the session that it will find."""
    await storage.open()
    await storage.dc_id(login.dc_id)
    await storage.server_address(login.host)
    await storage.port(login.port)
    await storage.auth_key(login.auth_key)
    await storage.api_id(api_id)
    await storage.user_id(1)  # it asks for the real one
    await storage.is_bot(False)
    await storage.test_mode(False)
    await storage.date(0)
    await storage.save()
    await storage.close()


async def main(chat: str) -> None:
    login = enter()
    api_id = int(os.environ["TELEGRAM_API_ID"])
    lean = dict.fromkeys(
        ["fetch_replies", "fetch_topics", "fetch_stories", "fetch_stickers"], False
    )
    client = Client("alone", api_id, "hash", workdir=".", no_updates=True, **lean)
    await sign_in(client.storage, login, api_id)
    await client.start()
    count, began = 0, time.perf_counter()
    with open("messages.json", "w") as output:  # noqa: ASYNC230  (people do)
        async for message in client.get_chat_history(chat):
            output.write(f"{message}\n")  # noqa: ASYNC232
            count += 1
    seconds = time.perf_counter() - began
    await client.stop()
    leave(count, seconds, unread=unread)


asyncio.run(main(*sys.argv[1:]))
