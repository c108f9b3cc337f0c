"""Reading a chat with Telethon alone: ``telethon_alone.py floor|script CHAT``.

``floor`` asks for raw pages, decodes them and keeps nothing: nobody who uses Telethon can be faster. ``script`` is what
people write.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

from telethon import TelegramClient
from telethon.crypto import rsa
from telethon.tl.functions.messages import GetHistoryRequest


async def floor(client: TelegramClient, chat: str) -> None:
    peer = await client.get_input_entity(chat)
    after = 0
    while True:
        page = await client(GetHistoryRequest(peer, after + 1, None, -100, 100, 0, 0, 0))
        if not page.messages:
            return
        after = page.messages[0].id


async def script(client: TelegramClient, chat: str) -> None:
    # flake8: people do write files from asyncio, and this is what people do.
    with open(os.environ["OUTPUT"], "w") as output:  # noqa: ASYNC230
        async for m in client.iter_messages(chat, reverse=True, wait_time=0):
            output.write(json.dumps(m.to_dict(), default=str) + "\n")  # noqa: ASYNC232


async def main(way: str, chat: str) -> None:
    rsa.add_key(Path(os.environ["TELEGRAM_SERVER_KEY"]).read_text(), old=False)
    shutil.copy(os.environ["TELEGRAM_SESSION"], "alone.session")
    client = TelegramClient("alone.session", int(os.environ["TELEGRAM_API_ID"]), "hash")
    host, port = os.environ["TELEGRAM_SERVER"].split(":")
    client.session.set_dc(client.session.dc_id, host, int(port))
    await client.connect()
    await {"floor": floor, "script": script}[way](client, chat)
    await client.disconnect()


asyncio.run(main(*sys.argv[1:]))
