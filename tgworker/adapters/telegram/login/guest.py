"""A connection of somebody who is not signed in yet; trio, as `link`."""

from __future__ import annotations

import asyncio

from attrs import define
from telethon.crypto import AuthKey
from telethon.tl import types

from tgworker.adapters.telegram.line import Line
from tgworker.adapters.telegram.link import TELEGRAM, Link
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.server import Address

FIRST_DC = 2
"""That of `link.TELEGRAM`."""


@define(eq=False)
class Guest:
    """A login in the making, as `link.Place` wants it. Nothing of it is on disk."""

    dc_id: int = FIRST_DC
    server_address: str = TELEGRAM.host
    port: int = TELEGRAM.port
    auth_key: AuthKey | None = None
    left: str | None = None
    """The server that was set, if the login has been moved away from there."""

    def has_left(self, server: str) -> bool:
        return self.left == server

    def move(self, dc_id: int, host: str, port: int, auth_key: AuthKey, left: str | None) -> None:
        self.dc_id, self.server_address, self.port = dc_id, host, port
        self.auth_key, self.left = auth_key, left or self.left


class GuestLink(Link):
    """Agrees on a key with the first connection and keeps it; a move takes nothing along. Hears of accepted tokens."""

    def __init__(
        self, guest: Guest, *, api_id: int, address: Address | None, connect_timeout: float
    ) -> None:
        super().__init__(guest, api_id=api_id, address=address, connect_timeout=connect_timeout)
        self._guest = guest
        self._updates = self._bell = _Bell()

    async def go_to(self, dc_id: int) -> None:
        """Be at that data center from now on. Raises: as `ask`."""
        await self._move(await self._connected(), dc_id)

    async def wait_for_acceptance(self, seconds: float) -> None:
        """Until somebody accepts the token that was shown, the connection ends, or time is over. This is asyncio."""
        rings = asyncio.ensure_future(self._bell.rings.wait())
        waited = {rings} if self._line is None else {rings, self._line.down}
        try:
            await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            rings.cancel()
        self._bell.rings.clear()

    async def _connected(self) -> Line:
        line = await super()._connected()
        self._guest.auth_key = line.sender.auth_key
        self._guest.server_address, self._guest.port = self._present_address()
        return line

    def _wrap(self, request: TL) -> TL:
        """News are wanted here: one of them says that a token was accepted."""
        return request

    async def _log_in_at(self, address: Address, dc_id: int, line: Line) -> Line:
        return await self._dial(address, None)


class _Bell:
    """Rings when Telegram tells that a login token was accepted."""

    def __init__(self) -> None:
        self.rings = asyncio.Event()

    def put_nowait(self, update: TL) -> None:
        told = (update, getattr(update, "update", None), *(getattr(update, "updates", None) or ()))
        if any(isinstance(each, types.UpdateLoginToken) for each in told):
            self.rings.set()
