"""Looking at files that others may be writing: what seems wrong is looked at a second time. All of it blocks."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from tgworker.core.verify import Problem, Remedy

_LOCK_TRIES = 20
_LOCK_PAUSE_SECONDS = 0.05

Look: TypeAlias = Callable[[], list[Problem]]


def certain(lock: Path, look: Look) -> list[Problem]:
    """What is wrong at the first look and at the second, before which nobody writes any more, if that can be had."""
    first = look()
    if not first:
        return []
    with hold_if_possible(lock) as held:
        second = look()
    # While somebody writes, a temporary file is no leftover.
    return [p for p in second if held or p.remedy is not Remedy.REMOVE]


@contextmanager
def hold_if_possible(lock: Path) -> Iterator[bool]:
    """Hold a lock that is there; false if somebody else keeps it. Without a lock file nobody writes: true."""
    try:
        fd = os.open(lock, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield True
        return
    try:
        yield _try_to_lock(fd)
    finally:
        os.close(fd)


def _try_to_lock(fd: int) -> bool:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
    return False
