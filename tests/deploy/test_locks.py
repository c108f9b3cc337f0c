"""What the image is made of: pinned, with hashes, whole, and what the project asks for."""

import os
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.locks import BUILD_LOCK, LOCK, locked, pins

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNS = [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["otel"]]
"""Who has the image can't add to it, so it can trace."""
RENEW = "the lock is out of date: run bin/lock"
LINUX = {**default_environment(), "sys_platform": "linux", "os_name": "posix"}
PLATFORMS = [
    LINUX
    | {"python_version": python, "python_full_version": f"{python}.4", "platform_machine": machine}
    for python in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]

every_lock = pytest.mark.parametrize("lock", [LOCK, BUILD_LOCK], ids=lambda lock: lock.name)
every_platform = pytest.mark.parametrize(
    "platform", PLATFORMS, ids=lambda p: f"{p['python_version']}-{p['platform_machine']}"
)


@every_lock
def test_each_requirement_is_pinned_and_has_its_hashes(lock):
    for wanted, hashes in locked(lock):
        assert ["=="] == [part.operator for part in wanted.specifier], str(wanted)
        assert hashes and all(h.startswith("sha256:") for h in hashes), str(wanted)


@every_lock
def test_a_lock_names_no_index_and_says_how_to_renew_it(lock):
    text = lock.read_text(encoding="utf-8")

    assert "bin/lock" in text.splitlines()[1]
    assert os.access(ROOT / "bin" / "lock", os.X_OK)
    assert [] == [
        word for word in ("://", "--index", "--extra-index", "--find-links") if word in text
    ]


def applying(requirements, platform, extras=("",)):
    for wanted in map(Requirement, requirements or ()):
        environments = [{**platform, "extra": extra} for extra in extras]
        if wanted.marker is None or any(wanted.marker.evaluate(e) for e in environments):
            yield wanted


@every_platform
def test_what_is_locked_is_what_the_project_asks_for(platform):
    pinned = pins(platform)

    for wanted in applying(RUNS, platform):
        version = pinned.get(canonicalize_name(wanted.name))
        assert version is not None and wanted.specifier.contains(version), f"{wanted}: {RENEW}"


@every_platform
def test_the_lock_is_whole_and_holds_nothing_else(platform):
    """By what the packages that are installed here say of themselves."""
    pinned = pins(platform)
    left = list(applying(RUNS, platform))
    seen = set()
    while left:
        wanted = left.pop()
        name = canonicalize_name(wanted.name)
        assert name in pinned, f"{name}: {RENEW}"
        if (name, *wanted.extras) in seen:
            continue
        seen.add((name, *wanted.extras))
        try:
            requirements = metadata.requires(name)
        except metadata.PackageNotFoundError:  # for another Python than this one
            continue
        left += applying(requirements, platform, ("", *wanted.extras))

    assert set(pinned) == {name for name, *_ in seen}, RENEW


def test_what_builds_is_the_project_s_build_system():
    pinned = {wanted.name: next(iter(wanted.specifier)).version for wanted, _ in locked(BUILD_LOCK)}
    wanted = {r.name: r for r in map(Requirement, PROJECT["build-system"]["requires"])}

    assert set(wanted) == set(pinned), RENEW
    assert all(wanted[name].specifier.contains(version) for name, version in pinned.items()), RENEW
