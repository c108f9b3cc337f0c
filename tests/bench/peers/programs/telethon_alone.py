"""Reading a chat with Telethon alone: ``telethon_alone.py floor|script CHAT``.

``floor`` asks for raw pages, decodes them and keeps nothing: nobody who uses Telethon can be faster. ``script`` is what
people write.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from entrance import enter, leave
from telethon import TelegramClient
from telethon.crypto import AuthKey, rsa
from telethon.sessions import SQLiteSession
from telethon.tl.functions.messages import GetHistoryRequest


async def floor(client: TelegramClient, chat: str) -> int:
    peer = await client.get_input_entity(chat)
    after = count = 0
    while True:
        page = await client(GetHistoryRequest(peer, after + 1, None, -100, 100, 0, 0, 0))
        if not page.messages:
            return count
        after = page.messages[0].id
        count += len(page.messages)


async def script(client: TelegramClient, chat: str) -> int:
    count = 0
    # flake8: people do write files from asyncio, and this is what people do.
    with open("messages.jsonl", "w") as output:  # noqa: ASYNC230
        async for m in client.iter_messages(chat, reverse=True, wait_time=0):
            output.write(json.dumps(m.to_dict(), default=str) + "\n")  # noqa: ASYNC232
            count += 1
    return count


async def main(way: str, chat: str) -> None:
    rsa.add_key(Path(os.environ["TELEGRAM_SERVER_KEY"]).read_text(), old=False)
    login = enter()
    session = SQLiteSession("alone")
    session.set_dc(login.dc_id, login.host, login.port)
    session.auth_key = AuthKey(login.auth_key)
    client = TelegramClient(session, int(os.environ["TELEGRAM_API_ID"]), "hash")
    await client.connect()
    began = time.perf_counter()
    count = await {"floor": floor, "script": script}[way](client, chat)
    seconds = time.perf_counter() - began
    await client.disconnect()
    leave(count, seconds)


asyncio.run(main(*sys.argv[1:]))
