"""Names that are no settings and were surely meant to be: ``REQUEST_PER_SECOND``. They would go unheeded, unsaid."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import attrs

from tgworker.settings.load import REDIS_PARTS
from tgworker.settings.model import Settings

_LIKENESS = 0.88
"""One letter too many, too few or wrong in a name of ten."""
_PREFIX = "TGWORKER_"


def _known_keys() -> frozenset[str]:
    keys = {*REDIS_PARTS, "REDIS_PASSWORD_FILE", "CREDENTIALS_DIRECTORY"}
    for field in attrs.fields(Settings):
        names = (field.metadata["key"], *field.metadata["aliases"])
        keys.update(names)
        if field.metadata["secret"]:
            keys.update(f"{name}_FILE" for name in names)
    return frozenset(keys)


KNOWN_KEYS = _known_keys()
"""Every name that is heeded."""


def find_lookalikes(names: Iterable[str]) -> dict[str, str]:
    """Which of these names look like a setting's and are none, with what was probably meant."""
    meant = {name: _meant(name) for name in sorted(set(names) - KNOWN_KEYS)}
    return {name: key for name, key in meant.items() if key is not None}


def _meant(name: str) -> str | None:
    plain = name.upper().replace("-", "_").removeprefix(_PREFIX)
    if plain in KNOWN_KEYS:
        return plain
    close = difflib.get_close_matches(plain, sorted(KNOWN_KEYS), 1, _LIKENESS)
    return close[0] if close else None
