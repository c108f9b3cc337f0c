"""Taking a login along to another data centre.

Source: https://core.telegram.org/api/datacenter#authorization-transfer
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from telethon.tl import types
from telethon.tl.functions import auth as functions

from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World
from tgworker.simulator.world.draws import derive


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    transfers = _Transfers(world, pages)
    return {
        functions.ExportAuthorizationRequest: transfers.export,
        functions.ImportAuthorizationRequest: transfers.import_,
    }


@frozen
class _Ticket:
    """What a login may be taken along with, once, and where to."""

    user_id: int
    secret: bytes
    dc: int


class _Transfers:
    def __init__(self, world: World, pages: Pages) -> None:
        self._world = world
        self._pages = pages
        self._tickets: set[_Ticket] = set()
        self._given = 0

    def export(self, caller: Caller, request: Any) -> Any:
        if caller.user_id is None:
            raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
        place = caller.data_center
        if request.dc_id == place.id or request.dc_id not in place.ports:
            raise RpcFault(400, "DC_ID_INVALID")
        self._given += 1
        secret = derive(self._world.spec.seed, "ticket", self._given).to_bytes(8, "little")
        self._tickets.add(_Ticket(caller.user_id, secret, request.dc_id))
        return types.auth.ExportedAuthorization(caller.user_id, secret)

    def import_(self, caller: Caller, request: Any) -> Any:
        ticket = _Ticket(request.id, request.bytes, caller.data_center.id)
        if ticket not in self._tickets:
            raise RpcFault(400, "AUTH_BYTES_INVALID")
        self._tickets.remove(ticket)
        caller.sign_in(ticket.user_id)
        return types.auth.Authorization(self._pages.user(self._world.account))
