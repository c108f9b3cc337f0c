"""The lower half of each ``--help``: examples, and the settings a command reads."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from tgworker.settings import Settings

_FIELDS = {field.metadata["key"]: field for field in attrs.fields(Settings)}
ALL_SETTINGS = tuple(_FIELDS)
REDIS_SETTINGS = ("REDIS_URL", "COMMAND_QUEUE", "EVENT_CHANNEL")


def epilog(examples: str, settings: Iterable[str] = (), *notes: str) -> str:
    r"""Text for click, which leaves a paragraph alone that begins with ``\b``."""
    parts = [_block("Examples:", examples.strip("\n").splitlines())]
    if keys := tuple(settings):
        width = max(map(len, keys))
        rows = [f"  {key:{width}}  {_FIELDS[key].metadata['about']}" for key in keys]
        parts.append(_block("Settings it reads, from the environment and .env:", rows))
    return "\n\n".join((*parts, *notes))


def _block(title: str, lines: Iterable[str]) -> str:
    return "\n".join(("\b", title, *lines))
