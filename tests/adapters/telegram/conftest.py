"""A small world, a server over it, and a gateway that speaks to it over TCP."""

import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, date, datetime, time, timedelta

import pytest
import trio_asyncio
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from tgworker.adapters.telegram import open_gateway
from tgworker.simulator.compose import open_simulator
from tgworker.simulator.world import World, parse_world

NOW = datetime(2025, 11, 20, tzinfo=UTC)
DAYS = {"from": "2025-11-01", "to": "2025-11-03"}
CHATS = [
    {
        "username": "Ru_Python",
        "title": "Python",
        "type": "supergroup",
        "per_day": [60, 0, 150],
        **DAYS,
    },
    {"username": "news", "title": "News", "type": "channel", "per_day": [40], **DAYS},
    {"username": "board", "title": "Board", "type": "forum", "per_day": [40], **DAYS},
    {"id": 1555000111, "title": "Hidden", "type": "supergroup", "per_day": [10], **DAYS},
    {"id": 4555111, "title": "Friends", "type": "group", "per_day": [30], **DAYS},
]


@pytest.fixture
def world():
    return World(parse_world({"seed": 7, "users": 12, "chats": CHATS}, now=NOW))


@pytest.fixture
async def simulator(world):
    async with open_simulator(world) as running:
        yield running


@pytest.fixture
def write_session(tmp_path):
    """Writes a session as Telethon does, and gives its path."""

    def write(auth_key, name="worker.session", *, address=("127.0.0.1", 1)):
        path = tmp_path / name
        session = SQLiteSession(str(path))
        session.set_dc(2, *address)
        session.auth_key = AuthKey(auth_key)
        session.save()
        session.close()
        return path

    return write


@pytest.fixture
def session(simulator, write_session):
    """A session that is logged in to the simulator."""
    return write_session(simulator.authorised_key())


@pytest.fixture
def edit_session(session):
    """Does something to the session file behind everybody's back, and gives the rows that this has."""

    def execute(statement, *values):
        with closing(sqlite3.connect(session)) as file, file:
            return file.execute(statement, values).fetchall()

    return execute


@pytest.fixture
def met(edit_session):
    """Lets the session have met a user or chat, as Telethon keeps those."""

    def enter(marked_id, access_hash, username=None):
        row = (marked_id, access_hash, username, None, "Met", 0)
        edit_session("insert into entities values (?, ?, ?, ?, ?, ?)", *row)

    return enter


@pytest.fixture
async def loop():
    """asyncio under trio. What is raised through the end of it comes in groups, so tests stay inside."""
    async with trio_asyncio.open_loop() as running:
        yield running


@pytest.fixture
def open_on(simulator, session, loop):
    """Opens a gateway to the simulator, with short timeouts, or whatever else is said."""

    @asynccontextmanager
    async def open_it(**options):
        host, port = simulator.address
        settings = {"server": f"{host}:{port}", "session": session, "connect_timeout": 5.0}
        settings |= {"request_timeout": 5.0, **options}
        async with open_gateway(api_id=12345, **settings) as opened:
            yield opened

    return open_it


@pytest.fixture
async def gateway(open_on):
    async with open_on() as opened:
        yield opened


@pytest.fixture
def midnight():
    """The first moment of a day, in UTC; `days` later."""

    def at(day: date, days: int = 0) -> datetime:
        return datetime.combine(day, time(), UTC) + timedelta(days=days)

    return at
