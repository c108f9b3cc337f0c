"""``.env.example`` and the table of ``docs/settings.md``, made from the settings so that they can't fall behind.

To write both anew: ``bin/settings``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

import attrs

from tgworker.settings.load import REDIS_PARTS
from tgworker.settings.model import Settings
from tgworker.settings.values import Secret

_HEAD = """\
# Copy this file to .env and fill in what you need; the environment goes before it.
# What is commented out shows its default. An empty value means unset.
# A secret NAME may also lie in a file: NAME_FILE=/path, or $CREDENTIALS_DIRECTORY/NAME.
"""
_SECTIONS = {
    "TELEGRAM_API_ID": "Telegram",
    "REDIS_URL": "Redis: commands and events",
    "WORKER_ID": "Who is working, and its log",
    "FETCH_CONCURRENCY": "Fetching",
    "DATA_DIR": "The archive",
    "RETRY_MAX_ATTEMPTS": "When Telegram stumbles",
    "REQUESTS_PER_SECOND": "Pace",
    "PROGRESS_INTERVAL_SECONDS": "Life of the process",
    "METRICS_MODE": "Metrics and health",
    "NOTIFY_CHAT": "Failures, told to people",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "Traces",
}
"""Headings, by the key they stand before."""
_NEEDED = ("TELEGRAM_API_ID", "TELEGRAM_API_HASH", "TELEGRAM_PHONE")
"""What nobody can do without: not commented out."""


def default_text(field: attrs.Attribute[object]) -> str:
    """A setting's default as one would write it; empty if it has none."""
    match field.default:
        case None | ():
            return ""
        case Secret() as secret:
            return secret.reveal()
        case enum.Enum() as choice:
            return str(choice.value)
        case float() as number:
            return f"{number:g}"
        case other:
            return str(other)


def example_env() -> str:
    """The text of ``.env.example``."""
    return _HEAD + "".join(f"{line}\n" for line in _lines())


def _lines() -> Iterator[str]:
    for field in attrs.fields(Settings):
        key = field.metadata["key"]
        if key in _SECTIONS:
            yield from ("", f"## {_SECTIONS[key]}")
        yield from ("", f"# {field.metadata['about']}{_marks(field)}")
        yield f"{'' if key in _NEEDED else '#'}{key}={default_text(field)}"
        if key == "REDIS_URL":
            yield from (f"#{part}=" for part in REDIS_PARTS)


def _marks(field: attrs.Attribute[object]) -> str:
    marks = [f"also {alias}" for alias in field.metadata["aliases"]]
    if field.metadata["secret"]:
        marks.append("secret")
    return f" ({', '.join(marks)})" if marks else ""


def settings_table() -> str:
    """Every setting as rows of a Markdown table; ``docs/settings.md`` holds exactly this."""
    rows = ["| key | default | |", "| --- | --- | --- |"]
    for field in attrs.fields(Settings):
        keys = (field.metadata["key"], *field.metadata["aliases"])
        names = ", ".join(f"`{name}`" for name in keys)
        default = default_text(field)
        secret = " *(secret)*" if field.metadata["secret"] else ""
        rows.append(
            f"| {names}{secret} | {f'`{default}`' if default else '–'} | {field.metadata['about']} |"
        )
    return "\n".join(rows)
