"""What must last is flushed in the right order: read from a trace of the system calls.

A file, then its move into place, then its folder; an artifact, then its row, and only then its part may go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tests.crash.strace import Call


def broken_order(calls: Iterable[Call]) -> Iterator[str]:
    """A sentence for each step that came too early. `calls`: those on the archive's files."""
    threads: dict[int, list[Call]] = {}
    for call in calls:
        if call.result is not None and call.result >= 0:
            threads.setdefault(call.thread, []).append(call)
    for steps in threads.values():
        for place, step in enumerate(steps):
            yield from _broken(step, steps[:place], steps[place + 1 :])


def _broken(step: Call, before: Sequence[Call], after: Sequence[Call]) -> Iterator[str]:
    match step.plain_name:
        case "rename":
            if not _is_flushed(step.paths[0], before):
                yield f"{step.path} was put in place before it was flushed"
            if not _is_next_flushed(step.path.parent, after):
                yield f"{step.path} was put in place and its folder not flushed"
        case "mkdir" if not _is_next_flushed(step.path.parent, after):
            yield f"{step.path} was made and its folder not flushed"
        case "unlink" if step.path.name.endswith(".part.jsonl") and not _is_kept(step.path, before):
            yield f"{step.path} was removed before its artifact and its row were in place"


def _is_flushed(path: Path, before: Sequence[Call]) -> bool:
    """Whether the last that was done to the file was to flush it."""
    done = [call.plain_name for call in before if call.path == path]
    return done[-1:] == ["fsync"]


def _is_next_flushed(folder: Path, after: Sequence[Call]) -> bool:
    """Whether the next step but opening it is to flush the folder."""
    following = next((call for call in after if call.plain_name != "open"), None)
    return following is not None and ("fsync", folder) == (following.plain_name, following.path)


def _is_kept(part: Path, before: Sequence[Call]) -> bool:
    """Whether since the last page the artifact was put in place, and then its row."""
    day = part.name.removeprefix(".").removesuffix(".part.jsonl")
    sought = iter(("index", day))
    wanted: str | None = next(sought)
    for call in reversed(before):
        if call.path == part and call.plain_name == "write":
            break
        if call.plain_name == "rename" and (call.path.parent, call.path.stem) == (
            part.parent,
            wanted,
        ):
            wanted = next(sought, None)
    return wanted is None
