"""The conversation of a login: what is asked for, in which order, and again when it was wrong."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import trio

from tgworker.adapters.telegram.login.codes import SentCode, Token
from tgworker.adapters.telegram.login.login import Login
from tgworker.adapters.telegram.login.refusals import (
    CODE_EXPIRED,
    CODE_WRONG,
    NO_OTHER_WAY,
    NO_OTHER_WAY_TEXT,
    PASSWORD_NEEDED,
    PASSWORD_WRONG,
    PHONE_WRONG,
)
from tgworker.core.account import Account
from tgworker.errors import LoginError, SettingsError, TgworkerError

TRIES = 5
"""So often one thing may be answered wrong; Telegram itself takes few more."""

_ASKED_AGAIN = CODE_WRONG | CODE_EXPIRED | {NO_OTHER_WAY}


class NobodyAnswersError(SettingsError):
    """Nobody is there, or nobody any more."""


class Questions(Protocol):
    """Whoever answers: somebody at a terminal, a pipe, a file.

    Raises (every question): NobodyAnswersError; SettingsError: there can be no answer.
    """

    async def phone(self) -> str: ...

    async def code(self, sent: SentCode) -> str:
        """The code that was sent; empty: send it in the next way."""
        ...

    async def password(self, hint: str | None) -> str: ...

    def show(self, token: Token) -> None:
        """Let a token be scanned; the one before does not count any more."""
        ...

    def tell(self, text: str) -> None: ...


async def sign_in_by_code(
    login: Login, questions: Questions, *, phone: str | None, password: str | None
) -> Account:
    """Sign in with a code, and the second password where there is one. `phone` and `password`: what is known of them.

    Raises:
        LoginError: the answers were wrong, too often or the last that came, or Telegram wants no more for now.
        SettingsError: what was known is wrong, or nobody is there to ask.
        AccountUnusableError, TransientError: as `Login`.
    """
    sent = await _send_code(login, questions, phone)
    try:
        return await _answer_code(login, questions, sent)
    except LoginError as error:
        if error.error_type != PASSWORD_NEEDED:
            raise
    return await _answer_password(login, questions, password)


async def sign_in_by_qr(login: Login, questions: Questions, *, password: str | None) -> Account:
    """Show QR codes until one is accepted. Raises: as `sign_in_by_code`."""
    try:
        while isinstance(token := await login.token(), Token):
            questions.show(token)
            await login.wait_for_acceptance(token)
        return token
    except LoginError as error:
        if error.error_type != PASSWORD_NEEDED:
            raise
    return await _answer_password(login, questions, password)


async def _send_code(login: Login, questions: Questions, phone: str | None) -> SentCode:
    """To the number that is known, or to one that is asked for."""
    if phone is not None:
        try:
            return await login.send_code(phone)
        except LoginError as error:
            if error.error_type == PHONE_WRONG:
                raise SettingsError([f"TELEGRAM_PHONE: {error}"]) from error
            raise
    wrong: LoginError | None = None
    for left in reversed(range(TRIES)):
        phone = await _answer(questions.phone(), wrong)
        try:
            return await login.send_code(phone)
        except LoginError as error:
            if error.error_type != PHONE_WRONG or not left:
                raise
            questions.tell(str(error))
            wrong = error
    raise AssertionError("the last try returns or raises")


async def _answer_code(login: Login, questions: Questions, sent: SentCode) -> Account:
    """Ask for the code until it is right; an expired one is followed by a new one."""
    sent_at, tries = trio.current_time(), 0
    wrong: LoginError | None = None
    while True:
        code = await _answer(questions.code(sent), wrong)
        try:
            if code:
                return await login.sign_in(code)
            if (reason := _why_not_again(sent, trio.current_time() - sent_at)) is not None:
                questions.tell(reason)
                continue
            sent = await login.resend_code()
        except LoginError as error:
            tries += bool(code)
            if tries == TRIES or error.error_type not in _ASKED_AGAIN:
                raise
            questions.tell(str(error))
            wrong = error if code else wrong
            if error.error_type not in CODE_EXPIRED:
                continue
            sent = await login.send_code_again()
        sent_at = trio.current_time()


def _why_not_again(sent: SentCode, waited: float) -> str | None:
    """Why the code can't be sent in another way now."""
    if sent.next_way is None:
        return NO_OTHER_WAY_TEXT
    if waited < sent.next_after:
        return f"Telegram sends it {sent.next_way} in {sent.next_after - waited:.0f} s at the earliest."
    return None


async def _answer_password(login: Login, questions: Questions, known: str | None) -> Account:
    """Give the password that is known, then ask for it until it is right."""
    wrong: TgworkerError | None = None
    if known is not None:
        try:
            return await login.check_password(known)
        except LoginError as error:
            if error.error_type != PASSWORD_WRONG:
                raise
            wrong = SettingsError(["TELEGRAM_PASSWORD is not the account's second password."])
            questions.tell(str(wrong))
    hint = await login.password_hint()
    for left in reversed(range(TRIES)):
        password = await _answer(questions.password(hint), wrong)
        try:
            return await login.check_password(password)
        except LoginError as error:
            if error.error_type != PASSWORD_WRONG or not left:
                raise
            questions.tell(str(error))
            wrong = error
    raise AssertionError("the last try returns or raises")


async def _answer(question: Awaitable[str], wrong: TgworkerError | None) -> str:
    """What is answered. If nobody does any more, it is what was `wrong` before that ends the login."""
    try:
        return await question
    except NobodyAnswersError:
        if wrong is None:
            raise
        raise wrong from None
