"""The number of the newest writer, kept in the lock file of a chat's folder.

``flock`` may not reach from one host to another on a shared file system. So a writer that was stopped for long, and
replaced meanwhile, looks here before it writes, and finds that it is not the one any more.
"""

from __future__ import annotations

import os
from pathlib import Path

from tgworker.adapters.archive.disk import Disk, write_all
from tgworker.errors import LeaseLostError

_WIDTH = 20
"""Digits; always as many, so that one write replaces the number."""


class Fence:
    """Keeps one writer, with its `number`, from writing after a newer one. None: no number, nothing is checked."""

    def __init__(self, path: Path, number: int | None, disk: Disk) -> None:
        self._path = path
        self._number = number
        self._disk = disk

    def enter(self, lock: int) -> None:
        """Write the number down in the open lock file, if it is the highest.

        Raises: LeaseLostError, OSError.
        """
        if self._number is None:
            return
        self.check()
        write_all(self._disk, lock, b"%0*d\n" % (_WIDTH, self._number))
        self._disk.fsync(lock)  # other hosts are to see it

    def check(self) -> None:
        """Go on only if no newer writer was here.

        Raises: LeaseLostError, OSError.
        """
        if self._number is not None and self._highest() > self._number:
            raise LeaseLostError(f"A newer writer has taken over {self._path.parent.name}.")

    def _highest(self) -> int:
        """The number in the file, opened anew: only then does a network file system ask its server."""
        try:
            file = self._disk.open(self._path, os.O_RDONLY)
        except FileNotFoundError:
            return 0
        try:
            text = os.read(file, _WIDTH)
        finally:
            os.close(file)
        return int(text) if text.isdigit() else 0
