"""The order of what reaches the disk, as the system saw it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.order import broken_order
from tests.crash.strace import Call, read_trace
from tests.crash.sweep import Sweep, is_below

DAY = "discussions_2025-11-07"
SEALING = f"""\
1 openat(AT_FDCWD</work>, "/d/.{DAY}.part.jsonl", O_RDWR|O_CREAT, 0666) = 8</d/.{DAY}.part.jsonl>
1 write(8</d/.{DAY}.part.jsonl>, ""..., 100) = 100
1 fsync(8</d/.{DAY}.part.jsonl>) = 0
1 openat(AT_FDCWD</work>, "/d/.{DAY}.tmp", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 9</d/.{DAY}.tmp>
1 write(9</d/.{DAY}.tmp>, ""..., 90) = 90
1 fsync(9</d/.{DAY}.tmp>) = 0
1 rename("/d/.{DAY}.tmp", "/d/{DAY}.json") = 0
1 openat(AT_FDCWD</work>, "/d", O_RDONLY|O_DIRECTORY) = 9</d>
1 fsync(9</d>) = 0
1 openat(AT_FDCWD</work>, "/d/.index.tmp", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 9</d/.index.tmp>
1 write(9</d/.index.tmp>, ""..., 70) = 70
1 fsync(9</d/.index.tmp>) = 0
1 rename("/d/.index.tmp", "/d/index.json") = 0
1 openat(AT_FDCWD</work>, "/d", O_RDONLY|O_DIRECTORY) = 9</d>
1 fsync(9</d>) = 0
1 unlink("/d/.{DAY}.part.jsonl") = 0
"""


@pytest.fixture
def parse(tmp_path):
    """Reads a trace out of a text."""

    def read(text: str) -> list[Call]:
        (tmp_path / "trace").write_text(text)
        return read_trace(tmp_path / "trace")

    return read


def without(number: int) -> str:
    """The sealing without one of its lines, from 1."""
    lines = SEALING.splitlines(keepends=True)
    return "".join(lines[: number - 1] + lines[number:])


def test_a_trace_is_read_whole(parse):
    """Calls that another thread interrupted, that failed, were spoiled, or never ended."""
    calls = parse(
        '7 write(3</d/a b>, ""..., 5 <unfinished ...>\n'
        '8 unlink("/d/x") = -1 ENOENT (No such file or directory)\n'
        "7 <... write resumed>) = 5\n"
        '7 write(3</d/a b>, ""..., 5) = -1 ENOSPC (No space left on device) (INJECTED)\n'
        "8 --- SIGCHLD {si_signo=SIGCHLD} ---\n"
        '8 rename("/d/x", "/d/y") = ?\n'
        "8 +++ killed by SIGKILL +++\n"
    )

    assert [
        (8, "unlink", 1, "/d/x", -1, False),
        (7, "write", 1, "/d/a b", 5, False),
        (7, "write", 2, "/d/a b", -1, True),
        (8, "rename", 1, "/d/y", None, False),
    ] == [(c.thread, c.name, c.number, str(c.path), c.result, c.injected) for c in calls]


def test_the_right_order_is_not_complained_of(parse):
    assert [] == list(broken_order(parse(SEALING)))


@pytest.mark.parametrize(
    ("missing", "complaint"),
    [
        (6, f"/d/{DAY}.json was put in place before it was flushed"),
        (7, f"/d/.{DAY}.part.jsonl was removed before its artifact and its row were in place"),
        (9, f"/d/{DAY}.json was put in place and its folder not flushed"),
        (12, "/d/index.json was put in place before it was flushed"),
        (13, f"/d/.{DAY}.part.jsonl was removed before its artifact and its row were in place"),
        (15, "/d/index.json was put in place and its folder not flushed"),
    ],
)
def test_a_step_that_is_left_out_is_told(parse, missing, complaint):
    assert [complaint] == list(broken_order(parse(without(missing))))


def test_a_folder_that_is_not_flushed_into_its_parent_is_told(parse):
    calls = parse(
        '1 mkdir("/d/2025", 0777) = 0\n1 mkdir("/d/2025", 0777) = -1 EEXIST (File exists)\n'
    )

    assert ["/d/2025 was made and its folder not flushed"] == list(broken_order(calls))


def test_everything_that_must_last_is_flushed_in_order(tmp_path, strace):
    """Of a whole life of the archive: each artifact, the indexes, what says whose folder it is, and the open work."""
    calls = Sweep(tmp_path).watch()
    moved = {call.path.name for call in calls if call.plain_name == "rename"}

    assert [] == list(broken_order(calls))
    assert {"chat.json", "index.json", "progress.json"} < moved
    assert 4 == sum(name.startswith("discussions_") for name in moved)
    assert {"2025", "2026"} < {call.path.name for call in calls if call.plain_name == "mkdir"}
    assert all(is_below(call, Path(tmp_path)) for call in calls)
