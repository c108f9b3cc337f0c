"""The id a command goes by: its producer's, or the one made when it was first claimed."""

from __future__ import annotations

from uuid import UUID

import orjson

MAX_PAYLOAD = 64 * 1024
"""Bytes; what is longer is rejected unread."""


def command_id_of(payload: bytes, made: str) -> str:
    """The payload's own ``command_id`` if it is a JSON object that has a UUID there, else `made`.

    Any bytes will do: a payload that is no command at all still needs an id to be rejected under.
    """
    if len(payload) > MAX_PAYLOAD:
        return made
    try:
        command = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return made
    own = command.get("command_id") if isinstance(command, dict) else None
    return own if isinstance(own, str) and _is_uuid(own) else made


def _is_uuid(text: str) -> bool:
    """Only the usual form, with hyphens: `UUID` itself takes braces and more."""
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False
