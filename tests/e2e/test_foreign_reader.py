"""Somebody else's reader agrees: Telethon's own ``iter_messages``, in a script of its own, sees the same archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, timedelta

from tests.e2e.conftest import MakeStage

SCRIPT = """
import asyncio, json, os, shutil, sys
from telethon import TelegramClient
from telethon.crypto import rsa

async def main():
    rsa.add_key(open(os.environ["TELEGRAM_SERVER_KEY"]).read(), old=False)
    shutil.copy(os.environ["TELEGRAM_SESSION"], "foreign.session")
    client = TelegramClient("foreign.session", int(os.environ["TELEGRAM_API_ID"]), "hash")
    host, port = os.environ["TELEGRAM_SERVER"].split(":")
    client.session.set_dc(client.session.dc_id, host, int(port))
    await client.connect()
    messages = client.iter_messages("ru_python", reverse=True, wait_time=0)
    seen = [(m.id, m.message or "") async for m in messages]
    await client.disconnect()
    json.dump(seen, sys.stdout)

asyncio.run(main())
"""


def test_a_foreign_reader_sees_the_same_ids_and_texts(make_stage: MakeStage) -> None:
    chat = {"username": "ru_python", "title": "Python", "type": "forum", "from": "2025-11-01"}
    stage = make_stage(
        {"seed": 5, "chats": [{**chat, "to": "2025-11-04", "per_day": [150, 0, 90]}]}
    )
    stage.worker()
    assert "completed" == stage.fetch(chat="ru_python", mode="full")["event"]
    archive = []
    for day in (date(2025, 11, 1) + timedelta(days=n) for n in range(4)):
        archive += [[m["id"], m["text"]] for m in stage.artifact("ru_python", day)["messages"]]

    foreign = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={"PATH": os.environ["PATH"], **stage.env},
        cwd=stage.folder,
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert archive == json.loads(foreign.stdout)
    assert 390 == len(archive)
