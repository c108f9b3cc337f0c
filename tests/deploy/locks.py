"""The locks, read as pip reads them."""

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DEPLOY = Path(__file__).parents[2] / "deploy"
LOCK = DEPLOY / "requirements.lock"
BUILD_LOCK = DEPLOY / "requirements-build.lock"


def locked(lock):
    """Each requirement of a lock, and its hashes."""
    text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            requirement, *hashes = line.split(" --hash=")
            yield Requirement(requirement.strip()), [value.strip() for value in hashes]


def pins(platform):
    """Name to version, of what is installed on a platform."""
    return {
        canonicalize_name(wanted.name): next(iter(wanted.specifier)).version
        for wanted, _ in locked(LOCK)
        if wanted.marker is None or wanted.marker.evaluate(platform)
    }
