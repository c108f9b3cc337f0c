"""The lower half of each ``--help``: examples, and the settings a command reads."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from tgworker.settings import Settings, default_text

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


def settings_table() -> str:
    """Every setting as rows of a Markdown table; ``docs/settings.md`` holds exactly this."""
    rows = ["| key | default | |", "| --- | --- | --- |"]
    for key, field in _FIELDS.items():
        names = ", ".join(f"`{name}`" for name in (key, *field.metadata["aliases"]))
        default = default_text(field)
        secret = " *(secret)*" if field.metadata["secret"] else ""
        rows.append(
            f"| {names}{secret} | {f'`{default}`' if default else '–'} | {field.metadata['about']} |"
        )
    return "\n".join(rows)
