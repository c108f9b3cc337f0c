"""The one border where Telethon's errors become the worker's own, named by what the caller does about them.

The names are Telegram's: https://core.telegram.org/api/errors. Telethon turns a name into a class and drops it; a name
it does not know comes as one of the base classes, with the name as ``message``.
"""

from __future__ import annotations

import asyncio
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
    "USER_DEACTIVATED": "The account was deleted.",
    "USER_DEACTIVATED_BAN": "Telegram has banned the account.",
    "FROZEN_METHOD_INVALID": "Telegram has frozen the account: see @SpamBot in the Telegram app.",
    "FROZEN_PARTICIPANT_MISSING": "Telegram has frozen the account: see @SpamBot in the Telegram app.",
    "API_ID_INVALID": "TELEGRAM_API_ID and TELEGRAM_API_HASH do not belong together.",
    "CONNECTION_API_ID_INVALID": "TELEGRAM_API_ID is not valid.",
    "API_ID_PUBLISHED_FLOOD": "This TELEGRAM_API_ID is public and limited: get your own at my.telegram.org.",
}

_CHAT = {
    "CHANNEL_PRIVATE": "The chat is private, or the account was banned from it.",
    "CHANNEL_PUBLIC_GROUP_NA": "The group is not available to the account.",
    "CHANNEL_BANNED": "Telegram has banned the chat.",
    "CHANNEL_INVALID": "Telegram does not know this chat (any more).",
    "CHANNEL_ID_INVALID": "Telegram does not know this chat.",
    "CHAT_ID_INVALID": "Telegram does not know this chat.",
    "CHAT_INVALID": "Telegram does not know this chat.",
    "CHAT_FORBIDDEN": "The account may not see this chat.",
    "CHAT_RESTRICTED": "Telegram restricts this chat.",
    "CHAT_ADMIN_REQUIRED": "Only administrators may read this chat.",
    "PEER_ID_INVALID": "Telegram does not know this chat, or the account never met it.",
    "PEER_ID_NOT_SUPPORTED": "Telegram does not give out this kind of chat.",
    "USER_BANNED_IN_CHANNEL": "The account is banned in this chat.",
    "USERNAME_NOT_OCCUPIED": "Nobody has this username.",
    "USERNAME_INVALID": "This cannot be a username.",
    "INVITE_HASH_EXPIRED": "The invitation has expired.",
    "INVITE_HASH_INVALID": "The invitation is not valid.",
    "INVITE_HASH_EMPTY": "The invitation is not valid.",
    "INVITE_REQUEST_SENT": "The chat's administrators have not let the account in yet.",
}

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
    if isinstance(error, telethon.UnauthorizedError):
        return AccountUnusableError(
            f"Telegram refuses the session: {name}. {_LOG_IN_AGAIN}", error_type=kind
        )
    return ChatUnavailableError(f"Telegram refuses {method}: {name}.", error_type=kind)


def _name(error: telethon.RPCError) -> str:
    """``CHANNEL_PRIVATE``; for an error with a number in its name, the name of Telethon's class."""
    named = _NAMES.get(type(error))
    return named if named is not None else str(error.message or type(error).__name__)
