"""What others do with a chat: Telethon alone, reading all of it and keeping nothing. ``reader.py pages|iter CHAT``"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.tl.functions.messages import GetHistoryRequest


async def main(way: str, chat: str) -> None:
    shutil.copy(os.environ["TELEGRAM_SESSION"], "reader.session")
    client = TelegramClient("reader.session", int(os.environ["TELEGRAM_API_ID"]), "hash")
    host, port = os.environ["TELEGRAM_SERVER"].split(":")
    client.session.set_dc(client.session.dc_id, host, int(port))
    await client.connect()
    peer = await client.get_input_entity(chat)
    if way == "iter":
        async for _ in client.iter_messages(peer, reverse=True, wait_time=0):
            pass
    else:
        after = 0
        while True:
            page = await client(GetHistoryRequest(peer, after + 1, None, -100, 100, 0, 0, 0))
            if not page.messages:
                break
            after = page.messages[0].id
    await client.disconnect()


rsa.add_key(Path(os.environ["TELEGRAM_SERVER_KEY"]).read_text(), old=False)
asyncio.run(main(*sys.argv[1:]))
