"""Values for log lines: plain JSON whatever they were, and without secrets.

Redaction works on values and not on the finished line: there a password such as ``level`` would break the keys, and
one with a quote in it would slip through escaped.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping, Set
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

from tgworker.core.message import Json

MASK = "[secret]"
_DEEPEST = 6
"""Levels of nesting that a log line shows; also what ends a value that contains itself."""
_INT64 = range(-(2**63), 2**64)


class Redactor:
    """Makes values plain and hides the given secrets, also URL-quoted or inside a ``repr``."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spellings = {form for secret in secrets if secret for form in _spellings(secret)}
        # The longest first: one secret may be part of another.
        ordered = sorted(spellings, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        """The text with every secret masked, and fit to be written as UTF-8."""
        if self._pattern is not None:
            text = self._pattern.sub(MASK, text)
        return text.encode("utf-8", "backslashreplace").decode()

    def plain(self, value: object, depth: int = 0) -> Any:
        """The value as JSON types; what JSON can't say is shown by its ``repr``."""
        match value:
            case None | bool() | float():
                return value
            case enum.Enum():
                return self.plain(value.value, depth)
            case int():
                return self._number(value)
            case str():
                return self.text(value)
            case datetime() if value.tzinfo is not None:
                return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
            case date():
                return value.isoformat()
            case Mapping() if depth < _DEEPEST:
                return {
                    self.text(str(key)): self.plain(item, depth + 1) for key, item in value.items()
                }
            case list() | tuple() | Set() if depth < _DEEPEST:
                return [self.plain(item, depth + 1) for item in value]
            case _:
                return self.text(_shown(value))

    def _number(self, number: int) -> Json:
        shown = str(number)
        masked = self.text(shown)
        return number if masked != MASK and number in _INT64 else masked


def _spellings(secret: str) -> set[str]:
    """A secret as it may stand in a text: itself, in a URL, in the repr of a str or of bytes."""
    as_bytes = repr(secret.encode("utf-8", "surrogateescape"))[2:-1]
    return {secret, quote(secret, safe=""), quote(secret), repr(secret)[1:-1], as_bytes}


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # a log line survives any value, also one that can't show itself
        return f"<{type(value).__name__} without a repr: {type(error).__name__}>"
