"""Reading the file by which a worker tells how it is (`pulse` writes it)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from attrs import frozen

OLDEST_SECONDS = 60.0
"""The worker writes its file every ten seconds; so long it may be held up."""


@frozen
class Told:
    """Whether the worker that keeps the file is alive, and a line that says why."""

    alive: bool
    line: str
    worker: str | None = None
    """Its name, if it has been heard of within the time."""


def read_health_file(file: Path, now: datetime) -> Told:
    """What the worker said last. Raises nothing: whatever is wrong with the file is an answer, too."""
    try:
        told: Any = orjson.loads(file.read_bytes())
        status, reason = str(told["status"]), str(told["reason"])
        age = (now - datetime.fromisoformat(told["ts"])).total_seconds()
    except OSError as error:
        return Told(False, f"no worker: {file}: {error.strerror}")
    except (ValueError, KeyError, TypeError):
        return Told(False, f"{file} was not written by a worker")
    if status == "stopped":
        return Told(False, f"{status}: {reason}")
    if age > OLDEST_SECONDS:
        line = f"the worker has not been heard of for {age:.0f} s; it was {status}: {reason}"
        return Told(False, line)
    return Told(status != "hung", f"{status}: {reason}", str(told.get("worker") or "?"))
