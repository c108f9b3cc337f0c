"""Errors, named by what the caller does about them.

``error_type`` is stable and goes into events, logs and metrics; the message is a sentence for people.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime

from tgworker.core.model import FieldError, IncompleteDay


class ExitCode(enum.IntEnum):
    """What the process ends with; part of the contract."""

    DONE = 0
    FAILED = 1
    BAD_SETTINGS = 2
    ACCOUNT_UNUSABLE = 3
    REDIS_AWAY = 4
    SECOND_SIGNAL = 130


class TgworkerError(Exception):
    """The base of all; ``error_type`` says which kind to programs."""

    error_type = "internal"

    def __init__(self, message: str, *, error_type: str | None = None) -> None:
        super().__init__(message)
        if error_type is not None:
            self.error_type = error_type


class SettingsError(TgworkerError):
    """Nothing can start: show ``problems``, all of them at once, and exit 2."""

    error_type = "settings"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class InvalidCommandError(TgworkerError):
    """The command can never be carried out: reject it, keep its raw bytes in the dead list."""

    error_type = "invalid_command"

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{e.path}: {e.message}" for e in errors))
        self.errors = tuple(errors)


class TransientError(TgworkerError):
    """Telegram or the network stumbled: ask the same again after a backoff."""

    error_type = "network"


class FloodWaitError(TgworkerError):
    """Telegram wants `seconds` without this ``method``: everyone waits, nobody retries sooner."""

    error_type = "flood_wait"

    def __init__(self, method: str, seconds: int) -> None:
        super().__init__(f"Telegram asks to wait {seconds} s before the next {method}.")
        self.method = method
        self.seconds = seconds


class ChatUnavailableError(TgworkerError):
    """This chat can't be had (private, unknown, banned, no access): fail the command, don't retry."""

    error_type = "chat_unavailable"


class ChatIdentityChangedError(ChatUnavailableError):
    """The username leads to another chat than the folder holds: fail, two chats never share a folder."""

    error_type = "chat_identity_changed"


class ChatBusyError(TgworkerError):
    """Another worker writes this chat: park the command for a moment."""

    error_type = "chat_busy"


class ParkedError(TgworkerError):
    """The command must rest until ``resume_at``: give its place back without counting a delivery."""

    error_type = "parked"

    def __init__(self, message: str, *, resume_at: datetime, error_type: str | None = None) -> None:
        super().__init__(message, error_type=error_type)
        self.resume_at = resume_at


class AccountUnusableError(TgworkerError):
    """This account can't work any more: leave the commands to others, stop, exit 3."""

    error_type = "account_unusable"


class LoginError(TgworkerError):
    """What was given to sign in with is not taken: ask for it again, or say so; ``error_type`` tells what it was."""

    error_type = "login_refused"


class IncompleteError(TgworkerError):
    """Telegram counts more messages of some ``days`` than it gives: they stay open; ask again later."""

    error_type = "incomplete"

    def __init__(self, days: Sequence[IncompleteDay]) -> None:
        first, *others = days
        more = f" (and fewer of {len(others)} more day{'s' * (len(others) > 1)})" if others else ""
        super().__init__(
            f"Telegram counts {first.expected} messages on {first.date}, but gave {first.got}{more}. "
            "What it gave is saved, and the day stays open: send the command again later."
        )
        self.days = tuple(days)


class NoticeRefusedError(TgworkerError):
    """People can't be told this way, now or later: log it, and tell nobody."""

    error_type = "notice_refused"


class StorageError(TgworkerError):
    """The disk refused (full, read-only, no permission): fail the command; what was sealed stays good."""

    error_type = "storage"


class QueueUnavailableError(TgworkerError):
    """Redis did not answer: try again with backoff, up to the longest outage."""

    error_type = "redis_unavailable"


class OutageError(TgworkerError):
    """Redis has been away for too long: stop, exit 4."""

    error_type = "redis_outage"


class QueueRefusedError(TgworkerError):
    """Redis will never work as set up (wrong password, too old, no permission): say so, exit 2."""

    error_type = "redis_refused"


class LeaseLostError(TgworkerError):
    """Another worker holds this command now, or nobody does: stop writing, tell nobody."""

    error_type = "lease_lost"


class CommandCancelledError(TgworkerError):
    """Somebody cancelled the command: stop at this page and report ``failed``."""

    error_type = "cancelled"
