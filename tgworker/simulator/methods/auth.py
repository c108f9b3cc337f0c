"""Signing in and out: by code, and by the second password (SRP).

Sources: https://core.telegram.org/api/auth, https://core.telegram.org/api/srp
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import frozen
from telethon.tl import types
from telethon.tl.functions import account as account_functions
from telethon.tl.functions import auth as functions

from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.srp import Verifier
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World
from tgworker.simulator.world.draws import derive

RESEND_SECONDS = 60
"""After so long the code may be wanted in the next way."""

_WAYS = ("App", "Sms", "Call")
"""How a code is sent, and sent again."""


def handlers(door: Door) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.SendCodeRequest: door.send_code,
        functions.ResendCodeRequest: door.resend_code,
        functions.SignInRequest: door.sign_in,
        functions.CheckPasswordRequest: door.check_password,
        functions.LogOutRequest: _log_out,
        account_functions.GetPasswordRequest: door.get_password,
    }


def _log_out(caller: Caller, request: Any) -> Any:
    caller.sign_out()
    return types.auth.LoggedOut()


@frozen
class _Code:
    """A code that is under way to the account. Only the last one counts."""

    hash: str
    way: int
    """Its place in `_WAYS`."""
    expires_at: float


class Door:
    """Lets the world's one account in. `clock` gives Unix time."""

    def __init__(self, world: World, pages: Pages, clock: Callable[[], float]) -> None:
        self._account = world.spec.account
        self._seed = world.spec.seed
        self._user_id = world.account.id
        self._user = partial(pages.user, world.account)
        self._clock = clock
        self._codes: dict[int, _Code] = {}
        """By authorisation key."""
        self._sent = 0
        self._half_way: set[int] = set()
        """Keys that have shown the code and still owe the password."""
        self._verifiers: dict[int, Verifier] = {}

    def send_code(self, caller: Caller, request: Any) -> Any:
        """The code goes nowhere: it stands in the world file."""
        check_program(request)
        self._check_phone(request)
        if caller.data_center.id != self._account.dc:
            raise RpcFault(303, f"PHONE_MIGRATE_{self._account.dc}")
        return self._send(caller, 0)

    def resend_code(self, caller: Caller, request: Any) -> Any:
        """Another code, in the next way there is."""
        self._check_phone(request)
        way = self._code(caller, request).way + 1
        if way == len(_WAYS):
            raise RpcFault(406, "SEND_CODE_UNAVAILABLE")
        return self._send(caller, way)

    def sign_in(self, caller: Caller, request: Any) -> Any:
        self._check_phone(request)
        self._code(caller, request)
        if not request.phone_code:
            raise RpcFault(400, "PHONE_CODE_EMPTY")
        if request.phone_code != self._account.code:
            raise RpcFault(400, "PHONE_CODE_INVALID")
        del self._codes[caller.auth_key_id]
        return self.let_in(caller)

    def let_in(self, caller: Caller) -> Any:
        """To whom has shown that the account wants it. Raises RpcFault: the second password is missing."""
        if self._account.password is not None:
            self._half_way.add(caller.auth_key_id)
            raise RpcFault(401, "SESSION_PASSWORD_NEEDED")
        return self._open_to(caller)

    def get_password(self, caller: Caller, request: Any) -> Any:
        """What the client needs to prove that it knows the password without telling it."""
        if self._account.password is None:
            return _no_password()
        verifier = Verifier(self._account.password, self._seed, caller.auth_key_id)
        self._verifiers[caller.auth_key_id] = verifier
        return verifier.challenge(self._account.hint)

    def check_password(self, caller: Caller, request: Any) -> Any:
        verifier = self._verifiers.pop(caller.auth_key_id, None)
        if verifier is None or caller.auth_key_id not in self._half_way:
            raise RpcFault(400, "SRP_ID_INVALID")
        if not verifier.accepts(request.password):
            raise RpcFault(400, "PASSWORD_HASH_INVALID")
        return self._open_to(caller)

    def _send(self, caller: Caller, way: int) -> Any:
        self._sent += 1
        code = _Code(
            hash=f"{derive(self._seed, 'code', caller.auth_key_id, self._sent):016x}",
            way=way,
            expires_at=self._clock() + self._account.code_seconds,
        )
        self._codes[caller.auth_key_id] = code
        last = way + 1 == len(_WAYS)
        return types.auth.SentCode(
            getattr(types.auth, f"SentCodeType{_WAYS[way]}")(len(self._account.code)),
            code.hash,
            next_type=None if last else getattr(types.auth, f"CodeType{_WAYS[way + 1]}")(),
            timeout=None if last or not way else RESEND_SECONDS,
        )

    def _code(self, caller: Caller, request: Any) -> _Code:
        """The code that the request is about. Raises RpcFault: it counts no more."""
        code = self._codes.get(caller.auth_key_id)
        if code is None or code.hash != request.phone_code_hash or self._clock() > code.expires_at:
            raise RpcFault(400, "PHONE_CODE_EXPIRED")
        return code

    def _open_to(self, caller: Caller) -> Any:
        self._half_way.discard(caller.auth_key_id)
        caller.sign_in(self._user_id)
        return types.auth.Authorization(self._user())

    def _check_phone(self, request: Any) -> None:
        if _digits(request.phone_number) != _digits(self._account.phone):
            raise RpcFault(400, "PHONE_NUMBER_INVALID")


def check_program(request: Any) -> None:
    """Any id and hash of a program will do, but there must be some. Raises RpcFault."""
    if not request.api_id or not request.api_hash:
        raise RpcFault(400, "API_ID_INVALID")


def _digits(phone: str) -> str:
    return "".join(filter(str.isdecimal, phone))


def _no_password() -> Any:
    return types.account.Password(
        new_algo=types.PasswordKdfAlgoUnknown(),
        new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
        secure_random=b"",
    )
