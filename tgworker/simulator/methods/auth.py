"""Signing in and out: by code, and by the second password (SRP).

Sources: https://core.telegram.org/api/auth, https://core.telegram.org/api/srp
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import account as account_functions
from telethon.tl.functions import auth as functions

from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.srp import Verifier
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World
from tgworker.simulator.world.draws import derive


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    door = _Door(world, pages)
    return {
        functions.SendCodeRequest: door.send_code,
        functions.SignInRequest: door.sign_in,
        functions.CheckPasswordRequest: door.check_password,
        functions.LogOutRequest: _log_out,
        account_functions.GetPasswordRequest: door.get_password,
    }


def _log_out(caller: Caller, request: Any) -> Any:
    caller.sign_out()
    return types.auth.LoggedOut()


class _Door:
    """Lets the world's one account in."""

    def __init__(self, world: World, pages: Pages) -> None:
        self._account = world.spec.account
        self._seed = world.spec.seed
        self._user_id = world.account.id
        self._user = partial(pages.user, world.account)
        self._half_way: set[int] = set()
        """Keys that have shown the code and still owe the password."""
        self._verifiers: dict[int, Verifier] = {}

    def send_code(self, caller: Caller, request: Any) -> Any:
        """The code goes nowhere: it stands in the world file."""
        self._check_phone(request)
        return types.auth.SentCode(
            types.auth.SentCodeTypeApp(len(self._account.code)), self._code_hash(caller)
        )

    def sign_in(self, caller: Caller, request: Any) -> Any:
        self._check_phone(request)
        if request.phone_code_hash != self._code_hash(caller):
            raise RpcFault(400, "PHONE_CODE_EXPIRED")
        if request.phone_code != self._account.code:
            raise RpcFault(400, "PHONE_CODE_INVALID")
        if self._account.password is not None:
            self._half_way.add(caller.auth_key_id)
            raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
        return self._let_in(caller)

    def get_password(self, caller: Caller, request: Any) -> Any:
        """What the client needs to prove that it knows the password without telling it."""
        if self._account.password is None:
            return _no_password()
        verifier = Verifier(self._account.password, self._seed, caller.auth_key_id)
        self._verifiers[caller.auth_key_id] = verifier
        return verifier.challenge()

    def check_password(self, caller: Caller, request: Any) -> Any:
        verifier = self._verifiers.pop(caller.auth_key_id, None)
        if verifier is None or caller.auth_key_id not in self._half_way:
            raise RpcFault(400, "SRP_ID_INVALID")
        if not verifier.accepts(request.password):
            raise RpcFault(400, "PASSWORD_HASH_INVALID")
        return self._let_in(caller)

    def _let_in(self, caller: Caller) -> Any:
        self._half_way.discard(caller.auth_key_id)
        caller.sign_in(self._user_id)
        return types.auth.Authorization(self._user())

    def _check_phone(self, request: Any) -> None:
        if _digits(request.phone_number) != _digits(self._account.phone):
            raise RpcFault(400, "PHONE_NUMBER_INVALID")

    def _code_hash(self, caller: Caller) -> str:
        return f"{derive(self._seed, 'code', caller.auth_key_id):016x}"


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))


def _no_password() -> Any:
    return types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=b"",
    )
