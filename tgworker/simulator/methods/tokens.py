"""Signing in by a token that another, signed in client of the account accepts: what a QR code carries.

Source: https://core.telegram.org/api/qr-login
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from attrs import define
from telethon.tl import types
from telethon.tl.functions import auth as functions

from tgworker.simulator.methods.auth import Door, check_program
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World
from tgworker.simulator.world.draws import derive


def handlers(world: World, door: Door, clock: Callable[[], float]) -> Mapping[type, Handler]:
    """Requests this module answers."""
    tokens = _Tokens(world, door, clock)
    return {
        functions.ExportLoginTokenRequest: tokens.export,
        functions.AcceptLoginTokenRequest: tokens.accept,
        functions.ImportLoginTokenRequest: tokens.import_,
    }


@define(eq=False)
class _Token:
    secret: bytes
    owner: Caller
    expires_at: float
    accepted: bool = False


class _Tokens:
    def __init__(self, world: World, door: Door, clock: Callable[[], float]) -> None:
        self._spec = world.spec
        self._door = door
        self._clock = clock
        self._tokens: dict[bytes, _Token] = {}
        self._given = 0

    def export(self, caller: Caller, request: Any) -> Any:
        """A new token; or, when one of the caller's was accepted, the way in."""
        check_program(request)
        for token in self._tokens.values():
            if token.owner is caller and token.accepted:
                return self._admit(caller, token)
        self._given += 1
        secret = derive(self._spec.seed, "token", self._given).to_bytes(8, "little") * 4
        expires_at = self._clock() + self._spec.account.token_seconds
        self._tokens[secret] = _Token(secret, caller, expires_at)
        return types.auth.LoginToken(datetime.fromtimestamp(expires_at, UTC), secret)

    def _admit(self, caller: Caller, token: _Token) -> Any:
        """Let the caller in here, or send it to where the account lives."""
        home = self._spec.account.dc
        if caller.data_center.id != home:
            return types.auth.LoginTokenMigrateTo(home, token.secret)
        del self._tokens[token.secret]
        return types.auth.LoginTokenSuccess(self._door.let_in(caller))

    def accept(self, caller: Caller, request: Any) -> Any:
        """The account's owner has scanned the code. Whoever shows it is told."""
        if caller.user_id is None:
            raise RpcFault(401, "AUTH_KEY_UNREGISTERED")
        token = self._find(request)
        if token.accepted:
            raise RpcFault(400, "AUTH_TOKEN_ALREADY_ACCEPTED")
        token.accepted = True
        now = datetime.fromtimestamp(self._clock(), UTC)
        token.owner.push(types.UpdateShort(types.UpdateLoginToken(), now))
        return types.Authorization(
            hash=token.owner.auth_key_id >> 1,
            device_model="",
            platform="",
            system_version="",
            api_id=1,
            app_name="",
            app_version="",
            date_created=now,
            date_active=now,
            ip="127.0.0.1",
            country="",
            region="",
        )

    def import_(self, caller: Caller, request: Any) -> Any:
        """A token that was accepted elsewhere, brought here."""
        token = self._find(request)
        if not token.accepted:
            raise RpcFault(400, "AUTH_TOKEN_INVALID")
        return self._admit(caller, token)

    def _find(self, request: Any) -> _Token:
        token = self._tokens.get(request.token)
        if token is None:
            raise RpcFault(400, "AUTH_TOKEN_INVALID")
        if self._clock() > token.expires_at:
            del self._tokens[token.secret]
            raise RpcFault(400, "AUTH_TOKEN_EXPIRED")
        return token
