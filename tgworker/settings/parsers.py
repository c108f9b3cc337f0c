"""From the text of a setting to its value. Each raises a ValueError that says what would be right."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from ipaddress import IPv6Address
from typing import TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

from tgworker.core.chats import parse_chat
from tgworker.core.model import ChatRef
from tgworker.settings.values import Secret

E = TypeVar("E", bound=enum.StrEnum)


def chats(value: str) -> tuple[str, ...]:
    """Chats as a command names them, between commas or spaces."""
    names = tuple(value.replace(",", " ").split())
    for name in names:
        try:
            parse_chat(name)
        except ValueError as error:
            raise ValueError(f"names a chat, {name!r}, that {error}") from None
    return names


def chat(value: str) -> ChatRef:
    return parse_chat(value.strip())


def integer(low: int, high: int | None = None) -> Callable[[str], int]:
    bounds = f"of at least {low}" if high is None else f"from {low} to {high}"

    def parse(value: str) -> int:
        number = int(value) if re.fullmatch(r"[+-]?[0-9]{1,18}", value) else None
        if number is None or number < low or (high is not None and number > high):
            raise ValueError(f"must be a whole number {bounds}")
        return number

    return parse


def number(
    low: float, high: float = float("inf"), *, above: bool = False
) -> Callable[[str], float]:
    bounds = f"above {low:g}" if above else f"of at least {low:g}"
    if high != float("inf"):
        bounds += f" and at most {high:g}"

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        within = (number > low if above else number >= low) and number <= high
        if not within or number == float("inf"):
            raise ValueError(f"must be a number {bounds}")
        return number

    return parse


def choice(kind: type[E]) -> Callable[[str], E]:
    def parse(value: str) -> E:
        try:
            return kind(value.lower())
        except ValueError:
            raise ValueError(f"must be one of {', '.join(kind)}") from None

    return parse


def pairs(value: str) -> tuple[tuple[str, str], ...]:
    """``key=value,…``, percent-encoded, as OpenTelemetry writes headers and attributes."""
    found = []
    for part in filter(None, map(str.strip, value.split(","))):
        key, equals, text = part.partition("=")
        if not equals or not key.strip():
            raise ValueError("must be key=value, several of them separated by commas")
        found.append((unquote(key.strip()), unquote(text.strip())))
    return tuple(found)


def headers(value: str) -> Secret:
    pairs(value)
    return Secret(value)


def level(value: str) -> str:
    if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
    return value.upper()


def url(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        _split(value, schemes)
        return value

    return parse


def secret_url(value: str) -> Secret:
    if not _split(value, ("http", "https")).hostname:
        raise ValueError("must be a URL with a host")
    return Secret(value)


def redis(value: str) -> Secret:
    _split(value, ("redis", "rediss", "unix"))
    return Secret(value)


def _split(value: str, schemes: tuple[str, ...]) -> SplitResult:
    try:
        parts = urlsplit(value)
    except ValueError:
        # Its message may repeat the host, and with it a password.
        raise ValueError("must be a URL") from None
    if parts.scheme not in schemes:
        raise ValueError(
            f"must be a URL that begins with {' or '.join(f'{s}://' for s in schemes)}"
        )
    try:
        parts.port  # noqa: B018  # the access is what checks it
    except ValueError:
        raise ValueError("must have a port from 0 to 65535") from None
    return parts


def host(value: str) -> str:
    try:
        if re.search(r"[\s/@?#\[\]]", value):
            raise ValueError
        if ":" in value:
            IPv6Address(value)
    except ValueError:
        raise ValueError("must be a host name or an address") from None
    return value


def server(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError("must be host:port")
    return value
