"""What Telegram refuses at a login, as a sentence that says what to do.

The names are Telegram's: https://core.telegram.org/method/auth.sendCode, ``auth.signIn``, ``auth.checkPassword``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    LoginError,
    SettingsError,
)

PASSWORD_NEEDED = "session_password_needed"
CODE_EXPIRED = frozenset({"phone_code_expired", "email_verify_expired"})
CODE_WRONG = frozenset({"phone_code_invalid", "phone_code_empty", "code_invalid", "code_empty"})
PASSWORD_WRONG = "password_hash_invalid"
PHONE_WRONG = "phone_number_invalid"
STALE_CHALLENGE = "srp_id_invalid"
NO_OTHER_WAY = "send_code_unavailable"

NO_OTHER_WAY_TEXT = "Telegram can send the code in no other way: wait for it, or sign in with --qr."
_TOO_OFTEN = "Telegram has had enough of tries with this number: wait a day, then try once more."

_REFUSED = {
    PHONE_WRONG: "That is no phone number Telegram knows: write it with the country's code, +49…",
    **dict.fromkeys(CODE_WRONG, "That is not the code."),
    **dict.fromkeys(CODE_EXPIRED, "The code has expired. A new one is on its way."),
    PASSWORD_WRONG: "That is not the account's second password.",
    STALE_CHALLENGE: "The password was asked for anew meanwhile: try again.",
    NO_OTHER_WAY: NO_OTHER_WAY_TEXT,
    "phone_number_flood": _TOO_OFTEN,
    "phone_password_flood": _TOO_OFTEN,
    "phone_number_app_signup_forbidden": "Sign up in Telegram's own app first.",
    "phone_password_protected": "The account is protected by a password: sign in with --qr.",
    "auth_token_expired": "The QR code has expired: try again.",
    "auth_token_invalid": "The QR code does not count any more: try again.",
    "auth_token_already_accepted": "The QR code was used already: try again.",
    "update_app_to_login": "Telegram wants a newer program for this: upgrade tgworker.",
}

_ACCOUNT = {
    "phone_number_banned": (
        "Telegram has banned this number. Write to recover@telegram.org, or use another account."
    ),
    "phone_number_unoccupied": (
        "Nobody has an account with this number. Sign up in Telegram's own app first."
    ),
}

_SETTINGS = {
    "api_id_invalid": (
        "TELEGRAM_API_ID and TELEGRAM_API_HASH do not belong together: see https://my.telegram.org/apps"
    ),
    "connection_api_id_invalid": (
        "TELEGRAM_API_ID is none that Telegram knows: see https://my.telegram.org/apps"
    ),
    "api_id_published_flood": (
        "TELEGRAM_API_ID is public and limited: get your own at https://my.telegram.org/apps"
    ),
}


@contextmanager
def translate_refusals() -> Iterator[None]:
    """Raise what is refused at a login as what it is there.

    Raises:
        LoginError: what was given is wrong; ``error_type`` tells what. `PASSWORD_NEEDED`: it is not enough.
        AccountUnusableError: nobody can sign in with that number.
        SettingsError: Telegram does not know this program.
    """
    try:
        yield
    except FloodWaitError as flood:
        raise LoginError(_rest(flood.seconds), error_type=flood.error_type) from flood
    except (ChatUnavailableError, AccountUnusableError) as error:
        kind = error.error_type
        if kind in _SETTINGS:
            raise SettingsError([_SETTINGS[kind]]) from error
        if kind in _ACCOUNT:
            raise unusable(kind) from error
        if isinstance(error, AccountUnusableError) and kind != PASSWORD_NEEDED:
            raise
        raise LoginError(_REFUSED.get(kind, str(error)), error_type=kind) from error


def unusable(kind: str) -> AccountUnusableError:
    """Nobody can sign in with that number."""
    return AccountUnusableError(_ACCOUNT[kind], error_type=kind)


def _rest(seconds: int) -> str:
    hours, minutes = divmod(-(-seconds // 60), 60)
    long = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    told = f"{seconds} s" if seconds < 120 else long
    return f"Telegram asks to wait {told} before the next try. Trying sooner makes it longer."
