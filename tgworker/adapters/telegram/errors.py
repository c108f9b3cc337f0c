"""The one border where Telethon's errors become the worker's own, named by what the caller does about them.

The names are Telegram's: https://core.telegram.org/api/errors. Telethon turns a name into a class and drops it; a name
it does not know comes as one of the base classes, with the name as ``message``.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import trio
from telethon import errors as telethon
from telethon.errors.rpcerrorlist import rpc_errors_dict

from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    TgworkerError,
    TransientError,
)

_NAMES: dict[type, str] = {kind: name for name, kind in rpc_errors_dict.items()}

_WAITS = (
    telethon.FloodWaitError,
    telethon.FloodPremiumWaitError,
    telethon.FloodTestPhoneWaitError,
    telethon.SlowModeWaitError,
)

_LOG_IN_AGAIN = "Run `tgworker login`."
_ASK_SPAM_BOT = "See @SpamBot in the Telegram app, and use another account meanwhile."
LET_IN = "Let the account in again, or use one that is a member."
_CHECK_ID = "Check the id, and that the account is a member."
_CHECK_NAME = "Check it: perhaps the chat was renamed, then its id still leads to it."
_NEW_LINK = "Ask for a new link, and join with the account."

_ACCOUNT = {
    "AUTH_KEY_UNREGISTERED": f"The session is not logged in (any more). {_LOG_IN_AGAIN}",
    "AUTH_KEY_INVALID": f"Telegram does not accept the session's key. {_LOG_IN_AGAIN}",
    "AUTH_KEY_DUPLICATED": (
        "The session was used from two addresses at once, and Telegram has ended it for good. "
        f"{_LOG_IN_AGAIN} Then use it in one place only."
    ),
    "SESSION_REVOKED": f"The session was ended from another device. {_LOG_IN_AGAIN}",
    "SESSION_EXPIRED": f"The session has expired. {_LOG_IN_AGAIN}",
    "SESSION_PASSWORD_NEEDED": f"The login was not finished: the second password is missing. {_LOG_IN_AGAIN}",
    "ACTIVE_USER_REQUIRED": f"The account has to be active. {_LOG_IN_AGAIN}",
    "USER_DEACTIVATED": "The account was deleted. Log in with another one: `tgworker login`.",
    "USER_DEACTIVATED_BAN": (
        "Telegram has banned the account. Write to recover@telegram.org, or log in with another one: `tgworker login`."
    ),
    "FROZEN_METHOD_INVALID": f"Telegram has frozen the account. {_ASK_SPAM_BOT}",
    "FROZEN_PARTICIPANT_MISSING": f"Telegram has frozen the account. {_ASK_SPAM_BOT}",
    "API_ID_INVALID": "TELEGRAM_API_ID and TELEGRAM_API_HASH do not belong together: see https://my.telegram.org/apps.",
    "CONNECTION_API_ID_INVALID": "TELEGRAM_API_ID is not valid: see https://my.telegram.org/apps.",
    "API_ID_PUBLISHED_FLOOD": (
        "This TELEGRAM_API_ID is public and limited: get your own at https://my.telegram.org/apps."
    ),
}

LOGIN_IS_OVER = frozenset(
    {
        *("not_logged_in", "auth_key_unregistered", "auth_key_not_found", "auth_key_invalid"),
        *("auth_key_duplicated", "session_revoked", "session_expired", "session_password_needed"),
        *("user_deactivated", "user_deactivated_ban"),
    }
)
"""Error types after which a session can never be used again: nothing is lost with it."""

_CHAT = {
    "CHANNEL_PRIVATE": f"The chat is private, or the account was banned from it. {LET_IN}",
    "CHANNEL_PUBLIC_GROUP_NA": f"The group is not available to the account. {LET_IN}",
    "CHANNEL_BANNED": "Telegram has banned the chat: what is archived is all there will be.",
    "CHANNEL_INVALID": f"Telegram does not know this chat (any more), or not for this account. {_CHECK_ID}",
    "CHANNEL_ID_INVALID": f"Telegram does not know this chat. {_CHECK_ID}",
    "CHAT_ID_INVALID": f"Telegram does not know this chat. {_CHECK_ID}",
    "CHAT_INVALID": f"Telegram does not know this chat. {_CHECK_ID}",
    "CHAT_FORBIDDEN": f"The account may not see this chat (any more). {LET_IN}",
    "CHAT_RESTRICTED": "Telegram restricts this chat for the account: see what its app says of it.",
    "CHAT_ADMIN_REQUIRED": "Only administrators may read this chat. Make the account one, or leave the chat out.",
    "PEER_ID_INVALID": f"Telegram does not know this chat, or the account never met it. {_CHECK_ID}",
    "PEER_ID_NOT_SUPPORTED": "Telegram does not give out this kind of chat: leave it out.",
    "USER_BANNED_IN_CHANNEL": f"The account is banned in this chat. {LET_IN}",
    "USERNAME_NOT_OCCUPIED": f"Nobody has this username. {_CHECK_NAME}",
    "USERNAME_INVALID": f"This cannot be a username. {_CHECK_NAME}",
    "INVITE_HASH_EXPIRED": f"The invitation has expired. {_NEW_LINK}",
    "INVITE_HASH_INVALID": f"The invitation is not valid. {_NEW_LINK}",
    "INVITE_HASH_EMPTY": f"The invitation is not valid. {_NEW_LINK}",
    "INVITE_REQUEST_SENT": "The chat's administrators have not let the account in yet: ask them to.",
}

_FLOOD = 420
"""The code of all refusals that mean: not so fast."""

UNTOLD_WAIT_SECONDS = 60
"""How long to wait where Telegram says that, and not for how long."""

_TRANSIENT = frozenset({"CONNECTION_NOT_INITED", "CONNECTION_LAYER_INVALID", "MSG_WAIT_FAILED"})
"""Refusals that say something of the connection, not of the request."""

_BROKEN_CONNECTION = (
    OSError,  # refused, reset, unreachable; TimeoutError is one too
    EOFError,  # asyncio.IncompleteReadError
    asyncio.CancelledError,  # Telethon cancels what waits when it drops a connection
    trio.TooSlowError,
    telethon.BadMessageError,
    telethon.InvalidChecksumError,
    telethon.SecurityError,
    # Bytes that are no answer to what was asked:
    telethon.TypeNotFoundError,
    BufferError,
    struct.error,
    ValueError,
)


@contextmanager
def translate_errors(method: str) -> Iterator[None]:
    """Raise what `method` fails with as one of the four errors of the Gateway port."""
    try:
        yield
    except telethon.RPCError as error:
        raise _refusal(method, error) from error
    except telethon.AuthKeyNotFound as error:
        raise AccountUnusableError(
            f"Telegram does not know the session's key (any more). {_LOG_IN_AGAIN}",
            error_type="auth_key_not_found",
        ) from error
    except _BROKEN_CONNECTION as error:
        kind = "timeout" if isinstance(error, TimeoutError | trio.TooSlowError) else "network"
        text = f"No answer from Telegram to {method}: {type(error).__name__}: {error}".rstrip(": ")
        raise TransientError(text, error_type=kind) from error


def _refusal(method: str, error: telethon.RPCError) -> TgworkerError:
    """What to do about an ``rpc_error``: by its name, and where the name says nothing, by its code."""
    name, code = _name(error), abs(error.code or 0)
    kind = name.lower()
    if isinstance(error, _WAITS):
        return FloodWaitError(method, error.seconds)
    if name in _ACCOUNT:
        return AccountUnusableError(_ACCOUNT[name], error_type=kind)
    if name in _CHAT:
        return ChatUnavailableError(_CHAT[name], error_type=kind)
    if name in _TRANSIENT or code >= 500 or isinstance(error, telethon.InvalidDCError):
        return TransientError(f"Telegram stumbled over {method}: {name}.", error_type="server")
    if code == _FLOOD:
        return FloodWaitError(method, _seconds(name))
    if isinstance(error, telethon.UnauthorizedError):
        return AccountUnusableError(
            f"Telegram refuses the session: {name}. {_LOG_IN_AGAIN}", error_type=kind
        )
    return ChatUnavailableError(
        f"Telegram refuses {method}: {name}. See https://core.telegram.org/method/{method}.",
        error_type=kind,
    )


def _seconds(name: str) -> int:
    """How long a wait is that Telethon does not know, such as ``STORY_FLOOD_WAIT_30``."""
    number = re.search(r"_(\d+)$", name)
    return UNTOLD_WAIT_SECONDS if number is None else int(number[1])


def _name(error: telethon.RPCError) -> str:
    """``CHANNEL_PRIVATE``; for an error with a number in its name, the name of Telethon's class."""
    named = _NAMES.get(type(error))
    return named if named is not None else str(error.message or type(error).__name__)
