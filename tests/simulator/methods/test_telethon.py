"""Telethon itself, over TCP, against a whole world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tgworker.simulator.methods import make_methods
from tgworker.simulator.server import open_server
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.world import World


@pytest.mark.parametrize("name", ["the_channel", "the_supergroup", "the_forum", "-7654321"])
async def test_telethon_reads_a_whole_chat_and_it_is_the_truth(
    world: World, rsa_key: RsaKey, connect: Callable[..., Any], name: str
) -> None:
    truth = [item for day in world.days(name) for item in world.truth(name, day)]

    async def read(telethon: Any) -> list[Any]:
        await telethon.get_dialogs()
        entity = await telethon.get_entity(int(name) if name.startswith("-") else name)
        walk = telethon.iter_messages(entity, reverse=True, wait_time=0)
        return [message async for message in walk]

    async with open_server(make_methods(world), key=rsa_key) as server, connect(server) as client:
        messages = await client.run(read, client.telethon)

    assert [(item["id"], item["text"]) for item in truth] == [
        (message.id, message.raw_text or "") for message in messages
    ]
    people = {message.sender_id for message in messages}
    assert {item["from_id"] for item in truth} - {None} <= people
