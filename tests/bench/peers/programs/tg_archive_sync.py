"""``tg-archive --sync`` into its SQLite file, told to wait for nothing: ``tg_archive_sync.py CHAT``.

Only where the server is, which key it has, and a login are put in from outside. And it ends at the first answer to a
story: that Telethon's object for it has no ``reply_to_msg_id`` is smoothed over.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

import tgarchive
from entrance import enter, leave
from telethon.crypto import AuthKey, rsa
from telethon.sessions import SQLiteSession
from telethon.tl import types

CONFIG = """\
api_id: "{api_id}"
api_hash: "hash"
group: "{chat}"
download_avatars: False
download_media: False
fetch_wait: 0
"""


def main(chat: str) -> None:
    rsa.add_key(Path(os.environ["TELEGRAM_SERVER_KEY"]).read_text(), old=False)
    types.MessageReplyStoryHeader.reply_to_msg_id = None
    login = enter()
    session = SQLiteSession("session")
    session.set_dc(login.dc_id, login.host, login.port)
    session.auth_key = AuthKey(login.auth_key)
    session.save()
    session.close()
    Path("config.yaml").write_text(CONFIG.format(api_id=os.environ["TELEGRAM_API_ID"], chat=chat))
    sys.argv[1:] = ["--sync"]
    began = time.perf_counter()
    tgarchive.main()
    seconds = time.perf_counter() - began
    with closing(sqlite3.connect("data.sqlite")) as data:
        (count,) = data.execute("SELECT count(*) FROM messages").fetchone()
    leave(count, seconds)


main(*sys.argv[1:])
