"""Watching and spoiling the system calls of a process by strace, and reading what it wrote of them.

strace counts calls for each thread and each name by itself; ``when=3`` is the third of that name in any thread.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import frozen

CALLS = (
    *(
        "openat",
        "write",
        "pwrite64",
        "fsync",
        "fdatasync",
        "ftruncate",
        "rename",
        "renameat",
        "renameat2",
    ),
    *("unlink", "unlinkat", "mkdir", "mkdirat"),
)
"""Everything that changes a disk; not every machine knows every name."""
INSTALL = "install it: apt install strace"

_CALL = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+|\?)(.*)")
_UNFINISHED = re.compile(r"(\d+) +\w+\((.*?)(?:, | )?<unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (\w+) resumed>(.*)")
_CWD = re.compile(r"AT_FDCWD(<[^>]*>)?")
_PATH = re.compile(r'"(/[^"]*)"|\d+<(/[^>]*)>')


@frozen
class Call:
    """One system call; `number` counts those of its thread and name, from 1. `paths`: of files and descriptors."""

    thread: int
    name: str
    number: int
    paths: tuple[Path, ...]
    arguments: str
    result: int | None
    injected: bool

    @property
    def path(self) -> Path:
        """Where something is changed in the end: the target, if there are two."""
        return self.paths[-1]

    @property
    def is_spoiled(self) -> bool:
        """Whether a fault came here: a killed call has no result."""
        return self.injected or self.result is None

    @property
    def plain_name(self) -> str:
        """The same for all the calls that do the same."""
        name = re.sub(r"at2?$", "", self.name)
        return "fsync" if name == "fdatasync" else name


@frozen
class Fault:
    """What becomes of some calls: ``signal=SIGKILL`` or ``error=EIO``; `when` as strace has it."""

    call: str
    effect: str
    when: str = "1"

    def __str__(self) -> str:
        return f"{self.call}:{self.effect}:when={self.when}"


def run_under(trace: Path, *faults: Fault, paths: Iterable[Path] = ()) -> list[str]:
    """The beginning of a command line that runs a program under strace.

    With `paths`, only calls on these very paths are traced, spoiled and counted.
    """
    # To stop at the wanted calls alone is much faster, but signals that are injected there get lost.
    return [*_command(trace, faults, paths), *([] if faults else ["--seccomp-bpf"])]


def attach(process: int, trace: Path, *faults: Fault) -> list[str]:
    """A command line that watches a process from now on. It says "attached" when it does."""
    return [*_command(trace, faults), "-p", str(process)]


def _command(trace: Path, faults: Iterable[Fault], paths: Iterable[Path] = ()) -> list[str]:
    names = ",".join(f"?{name}" for name in CALLS)
    line = ["strace", "-f", "-y", "-s", "0", "-o", str(trace), "-e", f"trace={names}"]
    for fault in faults:
        line += ["-e", f"inject={fault}"]
    for path in paths:
        line += ["-P", str(path)]
    return line


def read_trace(trace: Path) -> list[Call]:
    """The calls in the order in which they ended."""
    counts: Counter[tuple[str, str]] = Counter()
    calls = []
    for line in _whole_lines(trace.read_text(errors="replace").splitlines()):
        if match := _CALL.fullmatch(line):
            thread, name, arguments, result, rest = match.groups()
            counts[thread, name] += 1
            paths = (
                Path(found[1] or found[2]) for found in _PATH.finditer(_CWD.sub("", arguments))
            )
            calls.append(
                Call(
                    int(thread),
                    name,
                    counts[thread, name],
                    tuple(paths),
                    arguments,
                    None if result == "?" else int(result),
                    "(INJECTED)" in rest,
                )
            )
    return calls


def _whole_lines(lines: Iterable[str]) -> Iterator[str]:
    """Put together again what another thread interrupted."""
    begun: dict[str, str] = {}
    for line in lines:
        if match := _UNFINISHED.fullmatch(line):
            begun[match[1]] = match[2]
        elif match := _RESUMED.fullmatch(line):
            yield f"{match[1]} {match[2]}({begun.pop(match[1])}{match[3]}"
        else:
            yield line


def why_not() -> str | None:
    """Why strace can't be used here, in a sentence; None: it can."""
    if shutil.which("strace") is None:
        return f"strace is missing; {INSTALL}"
    tried = subprocess.run(
        ["strace", "-o", os.devnull, "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode:
        return (
            f"ptrace is forbidden here: {tried.stderr.strip()} (containers: --cap-add SYS_PTRACE)"
        )
    return None
