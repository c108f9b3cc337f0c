"""A small disk of its own, in a mount namespace that ends with the process that holds it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

_UNSHARE = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
_ENTER = ["nsenter", "--mount"] + (
    [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
)


class SmallDisk:
    """A tmpfs at `folder`, seen only by what runs `under` it; `path` is the way in for everybody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._holder = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", f"{_mount(folder)} && echo ready && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.path = Path(f"/proc/{self._holder.pid}/root", *folder.parts[1:])
        self.under = [*_ENTER, f"--target={self._holder.pid}", "--"]

    def __enter__(self) -> SmallDisk:
        assert self._holder.stdout is not None
        assert b"ready\n" == self._holder.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate()

    def remount(self, options: str) -> None:
        """``size=1m``, ``ro``, ``rw``."""
        remount = ["mount", "-o", f"remount,{options}", str(self._folder)]
        subprocess.run([*self.under, *remount], check=True)


def _mount(folder: Path) -> str:
    return f"mount -t tmpfs -o size=64k tgworker '{folder}'"


def why_no_mount() -> str | None:
    """Why no small disk can be had here, in a sentence; None: it can."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "unshare and nsenter are missing; install them: apt install util-linux"
    tried = subprocess.run(
        [*_UNSHARE, "sh", "-c", _mount(Path("/tmp"))], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return f"mounting is forbidden here: {tried.stderr.strip()} (run it as root)"
    return None
