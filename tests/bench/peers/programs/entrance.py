"""How a program gets into the simulator, and what it says at its end. Needs nothing but Python."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import NamedTuple


class Login(NamedTuple):
    """Where the server is, and a login that is signed in already."""

    host: str
    port: int
    dc_id: int
    auth_key: bytes


def enter() -> Login:
    """Make the folder that ``OUTPUT`` names the current one, and read the login from the session that tgworker uses."""
    os.mkdir(os.environ["OUTPUT"])
    os.chdir(os.environ["OUTPUT"])
    with closing(sqlite3.connect(os.environ["TELEGRAM_SESSION"])) as session:
        dc_id, auth_key = session.execute("SELECT dc_id, auth_key FROM sessions").fetchone()
    host, port = os.environ["TELEGRAM_SERVER"].split(":")
    return Login(host, int(port), dc_id, auth_key)


def leave(messages: int, seconds: float, **more: object) -> None:
    """Say how many messages were seen, and how long that took since it was connected: the last line of the output."""
    print(json.dumps({"messages": messages, "seconds": seconds, **more}))
