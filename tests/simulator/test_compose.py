"""A whole simulator, as ``tgworker simulate`` runs it."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from dotenv import dotenv_values
from telethon import errors
from telethon.crypto import rsa as telethon_rsa
from telethon.sessions import SQLiteSession
from telethon.tl import functions, types

from tgworker.simulator import open_simulator
from tgworker.simulator.envfile import EnvFileError
from tgworker.simulator.faults import FaultError
from tgworker.simulator.world.spec import parse_world
from tgworker.simulator.world.world import World

NOW = datetime(2025, 11, 10, 12, tzinfo=UTC)


def make_world(**extra: Any) -> World:
    chat = {
        "username": "ru_python",
        "type": "supergroup",
        "from": "2025-11-01",
        "to": "2025-11-03",
        "per_day": [30],
        "deleted": 0,
    }
    return World(parse_world({"seed": 7, "chats": [chat]} | extra, now=NOW))


async def get(url: str) -> Any:
    def fetch() -> Any:
        with urllib.request.urlopen(url, timeout=5) as response:
            return json.load(response)

    return await trio.to_thread.run_sync(fetch)


async def read_page(client: Any) -> list[int]:
    found = await client(functions.contacts.ResolveUsernameRequest("ru_python"))
    [chat] = found.chats
    peer = types.InputPeerChannel(chat.id, chat.access_hash)
    page = await client(
        functions.messages.GetHistoryRequest(peer, 0, None, 0, 100, 0, 0, 0),
    )
    return [message.id for message in page.messages]


async def test_the_env_file_is_all_a_client_needs(tmp_path: Path, connect: Any) -> None:
    world = make_world()
    async with open_simulator(world, env_file=tmp_path / "sim.env") as simulator:
        values = dotenv_values(tmp_path / "sim.env")
        telethon_rsa.add_key(Path(values["TELEGRAM_SERVER_KEY"]).read_bytes(), old=False)
        session = SQLiteSession(values["TELEGRAM_SESSION"])
        async with connect(simulator, session=session) as client:
            ids = await read_page(client)
        stats = await get(f"{simulator.control_url}/stats")

    assert f"127.0.0.1:{simulator.address[1]}" == values["TELEGRAM_SERVER"]
    assert ids == sorted(ids, reverse=True)
    assert 90 <= len(ids)
    assert 1 == stats["requests"]["messages.getHistory"]
    assert 1 == simulator.stats.requests["messages.getHistory"]


async def test_a_client_makes_its_own_key_with_the_public_one(connect: Any, tmp_path: Path) -> None:
    async with open_simulator(make_world()) as simulator:
        telethon_rsa.add_key(simulator.public_key_pem, old=False)
        session = SQLiteSession(str(tmp_path / "new"))
        session.set_dc(2, *simulator.address)
        async with connect(simulator, session=session) as client:
            with pytest.raises(errors.AuthKeyUnregisteredError):
                await read_page(client)


async def test_faults_come_from_the_world_the_caller_and_run_time(
    connect: Any, tmp_path: Path
) -> None:
    history = {"method": "messages.getHistory", "chat": "ru_python"}
    world = make_world(faults=[history | {"nth": 1, "error": "FLOOD_WAIT_1"}])
    more = [history | {"nth": 2, "error": "FLOOD_WAIT_2"}]
    async with open_simulator(world, faults=more, env_file=tmp_path / "e") as simulator:
        simulator.add_faults(history | {"nth": 3, "error": "FLOOD_WAIT_3"})
        async with connect(simulator, session=SQLiteSession(str(tmp_path / "e"))) as client:
            waits = []
            for _ in range(3):
                with pytest.raises(errors.FloodWaitError) as caught:
                    await read_page(client)
                waits.append(caught.value.seconds)

    assert [1, 2, 3] == waits


async def test_the_worlds_latency_is_kept(connect: Any, tmp_path: Path) -> None:
    async with open_simulator(make_world(latency_ms=50), env_file=tmp_path / "e") as simulator:
        async with connect(simulator, session=SQLiteSession(str(tmp_path / "e"))) as client:
            begun = trio.current_time()
            await client(functions.help.GetNearestDcRequest())

            assert 0.05 <= trio.current_time() - begun


async def test_a_wildcard_host_is_reached_over_loopback(tmp_path: Path) -> None:
    async with open_simulator(
        make_world(), host="0.0.0.0", env_file=tmp_path / "sim.env"
    ) as simulator:
        server = dotenv_values(tmp_path / "sim.env")["TELEGRAM_SERVER"]

    assert ("127.0.0.1", int(server.rpartition(":")[2])) == simulator.address


async def test_what_is_in_the_way_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(EnvFileError, match="No such file"):
        async with open_simulator(make_world(), env_file=tmp_path / "missing" / "sim.env"):
            pass
    async with open_simulator(make_world()) as simulator:
        control_port = int(simulator.control_url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            async with open_simulator(make_world(), control_port=control_port):
                pass


async def test_a_wrong_fault_stops_it_before_it_listens() -> None:
    with pytest.raises(FaultError, match="nthh is not a known field"):
        async with open_simulator(make_world(faults=[{"nthh": 5, "empty": True}])):
            pass
