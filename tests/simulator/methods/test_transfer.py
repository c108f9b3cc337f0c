"""A login is taken along to the other data centre."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from telethon import errors
from telethon.crypto import AuthKey
from telethon.sessions import MemorySession
from telethon.tl import functions, types
from telethon.tl.functions import auth

from tgworker.simulator.faults import parse_faults
from tgworker.simulator.methods import make_methods
from tgworker.simulator.server import open_server
from tgworker.simulator.world import World

GET_SELF = functions.users.GetUsersRequest([])


async def test_a_ticket_is_good_once_and_where_it_is_for(
    world: World, rsa_key: Any, connect: Callable[..., Any]
) -> None:
    async with open_server(make_methods(world), key=rsa_key) as server, connect(server) as home:
        config = await home(functions.help.GetConfigRequest())
        places = {option.id: option for option in config.dc_options}
        ticket = await home(auth.ExportAuthorizationRequest(4))
        away = MemorySession()
        away.set_dc(4, places[4].ip_address, places[4].port)
        async with connect(server, signed_in=False) as same:
            with pytest.raises(errors.AuthBytesInvalidError):
                await same(auth.ImportAuthorizationRequest(ticket.id, ticket.bytes))
            with pytest.raises(errors.AuthKeyUnregisteredError):
                await same(auth.ExportAuthorizationRequest(4))
        async with connect(server, session=away) as moved:
            with pytest.raises(errors.AuthKeyUnregisteredError):
                await moved(GET_SELF)
            await moved(auth.ImportAuthorizationRequest(ticket.id, ticket.bytes))
            [me] = await moved(functions.users.GetUsersRequest([types.InputUserSelf()]))
            here = await moved(functions.help.GetNearestDcRequest())
            with pytest.raises(errors.AuthBytesInvalidError):
                await moved(auth.ImportAuthorizationRequest(ticket.id, ticket.bytes))

    assert (2, 4, 2) == (config.this_dc, here.this_dc, here.nearest_dc)
    assert places[2].port != places[4].port
    assert world.account.id == me.id


@pytest.mark.parametrize("dc", [2, 3])
async def test_there_are_tickets_only_to_other_data_centers_that_exist(
    world: World, rsa_key: Any, connect: Callable[..., Any], dc: int
) -> None:
    async with open_server(make_methods(world), key=rsa_key) as server, connect(server) as home:
        with pytest.raises(errors.DcIdInvalidError):
            await home(auth.ExportAuthorizationRequest(dc))


async def test_a_key_is_good_only_at_its_own_data_center_and_so_are_some_faults(
    world: World, rsa_key: Any, connect: Callable[..., Any], make_client: Callable[..., Any]
) -> None:
    async with open_server(make_methods(world), key=rsa_key) as server, connect(server) as home:
        server.faults.add(parse_faults({"dc": 4, "error": "INTERNAL"}))
        elsewhere = MemorySession()
        elsewhere.set_dc(4, *server.ports[4].address)
        elsewhere.auth_key = AuthKey(home.telethon.session.auth_key.key)
        stranger = make_client(server, session=elsewhere)

        with pytest.raises(errors.AuthKeyNotFound):
            await stranger.connect()
        assert [] == await home(GET_SELF)
