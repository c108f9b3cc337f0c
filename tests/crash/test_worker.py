"""Whole workers: killed at a system call, on a failing disk, a full one, one that can't be written."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.crash.conftest import OneShotStage
from tests.crash.mount import SmallDisk
from tests.crash.order import broken_order
from tests.crash.strace import Fault, read_trace, run_under
from tests.crash.sweep import is_below

Reference = tuple[dict[str, str], bytes]

YEAR = Path("ru_python/2025")
DAY = "discussions_2025-11-03"


@pytest.fixture(scope="module")
def reference(stage: OneShotStage) -> Reference:
    """Hashes and rows without any fault."""
    code, _ = stage.fetch_once(stage.folder / "reference")

    assert 0 == code
    return stage.hashes(), stage.rows()


@pytest.mark.parametrize(
    ("fault", "file"),
    [
        (Fault("rename", "signal=SIGKILL"), ".index.tmp"),
        (Fault("unlink", "signal=SIGKILL"), f".{DAY}.part.jsonl"),
        (Fault("fsync", "error=EIO"), f".{DAY}.tmp"),
        (Fault("write", "error=ENOSPC"), f".{DAY}.part.jsonl"),
    ],
    ids=str,
)
def test_a_worker_recovers(
    tmp_path: Path,
    stage: OneShotStage,
    reference: Reference,
    strace: None,
    fault: Fault,
    file: str,
) -> None:
    """From a death, or a failure that it tells as one of its storage."""
    trace, data = tmp_path / "trace", tmp_path / "data"
    under = run_under(trace, fault, paths=[data / YEAR / file])

    code, worker = stage.fetch_once(data, under)

    assert [file] == [c.paths[0].name for c in read_trace(trace) if c.is_spoiled]
    assert (-signal.SIGKILL if "KILL" in fault.effect else 1) == code
    assert ["storage"] * (code == 1) == [e["error_type"] for e in worker.lines("failed")]
    assert stage.hashes().items() <= reference[0].items()
    assert 0 == stage.fetch_once(data)[0]
    assert reference == (stage.hashes(), stage.rows())
    assert [] == stage.unfinished()


def test_a_worker_flushes_in_order(
    tmp_path: Path, stage: OneShotStage, reference: Reference, strace: None
) -> None:
    """As the system saw it, from the first file to the last."""
    trace, data = tmp_path / "trace", tmp_path / "data"

    code, _ = stage.fetch_once(data, run_under(trace))
    calls = [call for call in read_trace(trace) if is_below(call, tmp_path)]

    assert 0 == code
    assert [] == list(broken_order(calls))
    assert {*reference[0], "ru_python/2025/index.json", "ru_python/chat.json", "progress.json"} == {
        str(call.path.relative_to(data))
        for call in calls
        if call.plain_name == "rename" and is_below(call, data)
    }


def test_a_full_disk_fails_the_command_until_there_is_space(
    tmp_path: Path, stage: OneShotStage, reference: Reference, small_disk: SmallDisk
) -> None:
    """What was sealed before it was full stays good, and the bytes are the same in the end."""
    data = tmp_path / "disk"

    code, worker = stage.fetch_once(data, small_disk.under)
    stage.data = small_disk.path
    sealed = stage.hashes()

    assert (1, ["storage"]) == (code, [e["error_type"] for e in worker.lines("failed")])
    assert "No space left on device" in worker.lines("failed")[0]["error"]
    assert sealed.items() <= reference[0].items()
    small_disk.remount("size=8m")
    assert 0 == stage.fetch_once(data, small_disk.under)[0]
    stage.data = small_disk.path
    assert reference == (stage.hashes(), stage.rows())
    assert [] == stage.unfinished()


def test_a_read_only_disk_is_told_and_nothing_is_lost(
    tmp_path: Path, stage: OneShotStage, reference: Reference, small_disk: SmallDisk
) -> None:
    """At the start, in a sentence; once it can be written again, the work is done."""
    data = tmp_path / "disk"
    small_disk.remount("size=8m")
    small_disk.remount("ro")

    code, worker = stage.fetch_once(data, small_disk.under)

    assert 1 == code
    assert "Read-only file system" in worker.stderr.read_text()
    small_disk.remount("rw")
    assert 0 == stage.fetch_once(data, small_disk.under)[0]
    stage.data = small_disk.path
    assert reference == (stage.hashes(), stage.rows())
