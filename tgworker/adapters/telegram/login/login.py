"""The requests of a login, one method each, from trio. Who is asked for what, and how often, is `dialog`'s."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import structlog
import tenacity
import trio
import trio_asyncio
from telethon.password import compute_check
from telethon.tl import functions, types

from tgworker.adapters.telegram.asking import Telegram, asking_through
from tgworker.adapters.telegram.errors import translate_errors
from tgworker.adapters.telegram.login.codes import SentCode, Token, sent_code
from tgworker.adapters.telegram.login.guest import Guest, GuestLink
from tgworker.adapters.telegram.login.refusals import (
    STALE_CHALLENGE,
    translate_refusals,
    unusable,
)
from tgworker.adapters.telegram.people import map_account
from tgworker.adapters.telegram.plain import TL
from tgworker.adapters.telegram.server import parse_address, trust_server_key
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.core.account import Account
from tgworker.errors import AccountUnusableError, LoginError, StorageError, TransientError

_log = structlog.get_logger()

_TRIES = 3
"""Of a request that gets no answer."""


class Login:
    """A login in the making. Made by `open_login`; what it comes to is kept by `write`.

    Raises (every method that asks): as `translate_refusals`, and TransientError: Telegram can't be reached.
    """

    def __init__(
        self, guest: Guest, link: GuestLink, telegram: Telegram, *, api_id: int, api_hash: str
    ) -> None:
        self._guest = guest
        self._link = link
        self._api = api_id, api_hash
        self._telegram = telegram
        self._phone = ""
        self._code: SentCode | None = None

    async def send_code(self, phone: str) -> SentCode:
        """Have a code sent to the owner of that number; earlier ones do not count any more."""
        self._phone = phone
        request = functions.auth.SendCodeRequest(phone, *self._api, types.CodeSettings())
        self._code = sent_code(await self._ask(request))
        return self._code

    async def send_code_again(self) -> SentCode:
        """To the same number, since the last one has expired."""
        return await self.send_code(self._phone)

    async def resend_code(self) -> SentCode:
        """Have a new one sent in the next way."""
        assert self._code is not None, "no code was sent yet"
        request = functions.auth.ResendCodeRequest(self._phone, self._code.hash)
        self._code = sent_code(await self._ask(request))
        return self._code

    async def sign_in(self, code: str) -> Account:
        """Show the code. LoginError `PASSWORD_NEEDED`: it was right, and the second password is still missing."""
        assert self._code is not None, "no code was sent yet"
        shown = (
            {"email_verification": types.EmailVerificationCode(code)}
            if self._code.by_email
            else {"phone_code": code}
        )
        request = functions.auth.SignInRequest(self._phone, self._code.hash, **shown)
        return await self._enter(request)

    async def password_hint(self) -> str | None:
        """What the owner has written down to remember the second password by."""
        challenge = await self._ask(functions.account.GetPasswordRequest())
        return challenge.hint or None

    async def check_password(self, password: str) -> Account:
        """Prove to know the second password, which does not leave this process."""
        try:
            return await self._prove(password)
        except LoginError as error:
            if error.error_type != STALE_CHALLENGE:
                raise
        return await self._prove(password)

    async def _prove(self, password: str) -> Account:
        challenge = await self._ask(functions.account.GetPasswordRequest())
        try:
            proof = await trio.to_thread.run_sync(compute_check, challenge, password)
        except ValueError as error:
            raise LoginError(
                f"What Telegram wants to know of the password is not understood: {error}.",
                error_type="password_unsupported",
            ) from error
        return await self._enter(functions.auth.CheckPasswordRequest(proof))

    async def token(self) -> Token | Account:
        """A token for the next QR code; or the account, if an earlier one was accepted."""
        answer = await self._ask(functions.auth.ExportLoginTokenRequest(*self._api, except_ids=[]))
        if isinstance(answer, types.auth.LoginTokenMigrateTo):
            # Source: https://core.telegram.org/api/qr-login#accepting-a-login-token
            with translate_errors("auth.importLoginToken"):
                await self._link.go_to(answer.dc_id)
            answer = await self._ask(functions.auth.ImportLoginTokenRequest(answer.token))
        if isinstance(answer, types.auth.LoginTokenSuccess):
            return _account(answer.authorization)
        return Token(answer.token, answer.expires)

    async def wait_for_acceptance(self, token: Token) -> None:
        """Until the token is accepted or expires; `token` then tells which."""
        seconds = (token.expires_at - datetime.now(UTC)).total_seconds()
        await trio_asyncio.aio_as_trio(self._link.wait_for_acceptance)(max(0.0, seconds))
        await trio.lowlevel.checkpoint_if_cancelled()

    async def write(self, session: TelegramSession, account: Account) -> None:
        """Make this the login of a session that is held. Raises: StorageError."""
        await write_login(session, self._guest, account)

    async def _enter(self, request: TL) -> Account:
        """Send what lets the account in. If the answer is lost, it may have been let in all the same."""
        try:
            return _account(await self._ask_once(request))
        except TransientError as error:
            _log.warning("telegram.login_retry", error_type=error.error_type, error=str(error))
        try:
            [user] = await self._ask(functions.users.GetUsersRequest([types.InputUserSelf()]))
        except (AccountUnusableError, LoginError):
            return _account(await self._ask_once(request))
        return map_account(user)

    async def _ask(self, request: TL) -> TL:
        """Ask, and again if there is no answer."""
        attempts = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(_TRIES),
            wait=tenacity.wait_random_exponential(0.5, max=4),
            retry=tenacity.retry_if_exception_type(TransientError),
            sleep=trio.sleep,
            before_sleep=_note_retry,
            reraise=True,
        )
        return await attempts(self._ask_once, request)

    async def _ask_once(self, request: TL) -> TL:
        with translate_refusals():
            return await self._telegram.ask(request)


def _note_retry(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, TransientError):
        _log.warning("telegram.login_retry", error_type=error.error_type, error=str(error))


def _account(authorization: TL) -> Account:
    if not isinstance(authorization, types.auth.Authorization):
        raise unusable("phone_number_unoccupied")
    return map_account(authorization.user)


async def write_login(session: TelegramSession, guest: Guest, account: Account) -> None:
    """Make a finished login that of a session that is held, in one step: no crash leaves anything in between.

    Raises: StorageError: the file can't be written; the login it had stays.
    """
    assert guest.auth_key is not None, "nobody has signed in"
    place = guest.dc_id, guest.server_address, guest.port, guest.auth_key, guest.left
    try:
        await trio.to_thread.run_sync(session.sign_in, account.id, *place)
    except sqlite3.Error as error:
        raise StorageError(f"The session can't be written: {error}") from error


@asynccontextmanager
async def open_login(
    *,
    api_id: int,
    api_hash: str,
    server: str | None = None,
    server_key: Path | None = None,
    connect_timeout: float = 10.0,
    request_timeout: float = 30.0,
) -> AsyncIterator[Login]:
    """Begin a login, with a key of its own; inside `trio_asyncio.open_loop`. Times are in seconds.

    Raises:
        SettingsError: `server` or `server_key` is unusable.
    """
    address = None if server is None else parse_address(server)
    if server_key is not None:
        await trio.to_thread.run_sync(trust_server_key, server_key)
    guest = Guest()
    link = GuestLink(guest, api_id=api_id, address=address, connect_timeout=connect_timeout)
    async with asking_through(link, request_timeout) as telegram:
        yield Login(guest, link, telegram, api_id=api_id, api_hash=api_hash)
