"""A virtual environment for each peer, made when it is first needed and kept for the next run."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from attrs import frozen

from tests.bench.stage import BenchError

SECONDS_TO_INSTALL = 300


def same_as_here(*packages: str) -> tuple[str, ...]:
    """Requirements for the versions that tgworker itself runs with."""
    return tuple(f"{package}=={version(package)}" for package in packages)


@frozen
class Environment:
    """Just these packages, pinned, dependencies included."""

    name: str
    requirements: tuple[str, ...]

    def python(self) -> Path:
        """Its interpreter; made now, if it is not there yet.

        Raises:
            BenchError: it could not be made; with the last that pip said.
        """
        wanted = "\n".join([sys.version, *self.requirements])
        digest = hashlib.sha256(wanted.encode()).hexdigest()[:12]
        folder = cache() / f"{self.name}-{digest}"
        python = folder / "bin" / "python"
        with _locked(folder):
            if not (folder / "complete").exists():
                _make(folder, python, self.requirements)
                (folder / "complete").touch()
        return python


def cache() -> Path:
    """Where all of them lie; may be removed at any time."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "tgworker" / "bench"


def _make(folder: Path, python: Path, requirements: Sequence[str]) -> None:
    """Installs with the pip of our own environment, so that none has to be put into each."""
    venv.create(folder, clear=True, symlinks=True)
    pip = [sys.executable, "-m", "pip", f"--python={python}", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--no-deps", "--retries=1", *requirements]
    try:
        done = subprocess.run(
            install, capture_output=True, text=True, timeout=SECONDS_TO_INSTALL, check=False
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"could not be installed within {SECONDS_TO_INSTALL} s") from None
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise BenchError(f"could not be installed: {' '.join(said[-2:] or [done.stderr[-300:]])}")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One maker at a time."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
