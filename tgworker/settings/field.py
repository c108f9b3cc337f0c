"""One setting, as a field of an attrs class."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import attrs


def setting(
    key: str,
    parse: Callable[[str], Any],
    default: Any = None,
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
    about: str,
) -> Any:
    """``parse`` makes the value of a text; ``about`` is a sentence for help pages and ``.env.example``."""
    return attrs.field(
        default=default,
        repr=_masked,
        metadata={"key": key, "parse": parse, "aliases": aliases, "secret": secret, "about": about},
    )


def _masked(value: object) -> str:
    """Without what stands before the host of a URL: there may be a password in it."""
    return re.sub(r"//[^/]*@", "//…@", repr(value))
