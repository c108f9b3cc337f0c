from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.mount import SmallDisk, why_no_mount
from tests.doctor.conftest import MakeSettings
from tgworker.adapters.archive import checkup
from tgworker.doctor import disk
from tgworker.doctor.disk import look_at_disk
from tgworker.doctor.finding import Finding
from tgworker.errors import StorageError

Outcomes = Callable[..., dict[str, str]]


def find(findings: list[Finding], check: str) -> Finding:
    [found] = [each for each in findings if each.check == check]
    return found


async def test_a_folder_that_is_not_there_yet_is_well_and_stays_so(
    make_settings: MakeSettings, outcomes: Outcomes, tmp_path: Path
) -> None:
    findings = await look_at_disk(make_settings(DATA_DIR=str(tmp_path / "new" / "data")))

    assert {"ok"} == set(outcomes(findings).values())
    assert f"makes it under {tmp_path}" in find(findings, "disk.folder").found
    assert [] == list(tmp_path.iterdir())


async def test_an_archive_is_told_of_and_left_as_it_is(
    make_settings: MakeSettings, outcomes: Outcomes, tmp_path: Path
) -> None:
    """A chat is being written; a temporary file is new, another one was left of a crash."""
    year = tmp_path / "data" / "ru_python" / "2025"
    year.mkdir(parents=True)
    for name in (".index.tmp", ".discussions_2025-11-07.tmp"):
        (year / name).touch()
    os.utime(year / ".index.tmp", (1e9, 1e9))
    lock = os.open(year.parent / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    before = sorted(tmp_path.rglob("*"))

    findings = await look_at_disk(make_settings())

    os.close(lock)
    told = outcomes(findings)
    assert "warning" == told.pop("disk.leftovers")
    assert {"ok"} == set(told.values())
    leftovers = find(findings, "disk.leftovers").found
    assert "1 temporary" in leftovers and "ru_python/2025/.index.tmp" in leftovers
    assert "being written now: ru_python" == find(findings, "disk.locks").found
    assert before == sorted(tmp_path.rglob("*"))
    assert "nobody is writing" == find(await look_at_disk(make_settings()), "disk.locks").found


async def test_a_file_in_its_place_is_a_problem(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "data").touch()

    [finding] = await look_at_disk(make_settings())

    assert isinstance(finding.error, StorageError)
    assert "Not a directory" in finding.found


async def test_a_folder_of_somebody_else_is_warned_of(
    make_settings: MakeSettings, outcomes: Outcomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk.os, "geteuid", lambda: 12345)

    findings = await look_at_disk(make_settings(DATA_DIR=str(tmp_path)))

    assert "warning" == outcomes(findings)["disk.folder"]
    assert f"chown -R 12345 {tmp_path}" in str(find(findings, "disk.folder").advice)


@pytest.mark.parametrize(
    ("free", "total", "outcome"),
    [
        (50e6, 1e12, "problem"),
        (500e6, 1e9, "warning"),
        (20e9, 1e12, "warning"),
        (100e9, 1e12, "ok"),
    ],
)
def test_room_is_judged_by_its_amount_and_its_share(
    outcomes: Outcomes, free: float, total: float, outcome: str
) -> None:
    place = checkup.Place(Path("/srv"), True, os.geteuid(), int(total), int(free), 0, 0)

    assert [outcome] == list(outcomes(disk._judge_room(place)).values())


@pytest.mark.parametrize(
    ("broken", "fault"),
    [
        ("fsync", "moving a flushed file into place fails: Input/output error"),
        ("replace", "moving a flushed file into place fails: Input/output error"),
        ("flock", "locking a file fails: Input/output error"),
    ],
)
async def test_what_a_file_system_can_not_do_is_named(
    make_settings: MakeSettings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    broken: str,
    fault: str,
) -> None:
    def fail(*_: Any) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(fcntl if broken == "flock" else os, broken, fail)

    findings = await look_at_disk(make_settings())

    assert fault == find(findings, "disk.abilities").found
    assert [] == list(tmp_path.iterdir())


async def test_a_file_system_that_only_pretends_is_seen_through(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such one can be mounted here: locks that keep nobody out, names whose capitals don't count."""
    exists = Path.exists

    def exist(self: Path, **options: Any) -> bool:
        return exists(self.with_name("name") if self.name == "NAME" else self, **options)

    monkeypatch.setattr(fcntl, "flock", lambda descriptor, how: None)
    monkeypatch.setattr(Path, "exists", exist)

    finding = find(await look_at_disk(make_settings()), "disk.abilities")

    assert "a lock on a file keeps nobody out; it takes NAME and name for one file" == finding.found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[tuple[SmallDisk, Path]]:
    if reason := why_no_mount():
        pytest.skip(reason)
    folder = tmp_path / "disk"
    folder.mkdir()
    with SmallDisk(folder) as mounted:
        yield mounted, folder


@pytest.mark.parametrize("options", ["size=64k", "ro"])
def test_a_disk_that_is_full_or_read_only_is_a_problem(
    small_disk: tuple[SmallDisk, Path], options: str, tmp_path: Path
) -> None:
    mounted, folder = small_disk
    mounted.remount(options)
    root = str(Path(__file__).parents[2])
    kept = {key: value for key, value in os.environ.items() if key.startswith(("PATH", "COV"))}

    done = subprocess.run(
        [*mounted.under, sys.executable, "-m", "tgworker", "doctor", "--offline"],
        env={**kept, "PYTHONPATH": root, "DATA_DIR": str(folder), "TELEGRAM_API_ID": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    told = {each["check"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert "problem" == told["disk.space"]["outcome"]
    if options == "ro":
        assert "problem" == told["disk.writable"]["outcome"]
        assert "Read-only file system" in told["disk.writable"]["found"]
    else:
        assert "ok" == told["disk.writable"]["outcome"]
