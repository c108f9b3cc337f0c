"""Each system call of the driver's life on the archive's files in turn is the one that kills it, or fails."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

from attrs import define, field, frozen

from tests.crash.driver import live
from tests.crash.strace import Call, Fault, attach, read_trace
from tgworker.errors import StorageError

KILL, BROKEN, FULL = "signal=SIGKILL", "error=EIO", "error=ENOSPC"
_PR_SET_PTRACER, _ANY = 0x59616D61, ctypes.c_ulong(-1)


class End(IntEnum):
    """How a life ended, as an exit status."""

    DONE = 0
    STORAGE = 3
    CRASHED = 4
    KILLED = -signal.SIGKILL


@frozen
class Trouble:
    """What was wrong after a fault."""

    fault: Fault
    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.fault} on {self.file}: {self.what}"


@define
class Sweep:
    """Works in `root`; ``troubles`` is empty if every fault was survived."""

    root: Path
    troubles: list[Trouble] = field(factory=list)
    _reference: dict[str, bytes] = field(factory=dict)

    def watch(self) -> list[Call]:
        """Live once undisturbed; returns the calls on the archive's files."""
        folder, trace = self.root / "reference", self.root / "reference.trace"
        end = self._live(folder, trace)
        if end is not End.DONE:
            raise RuntimeError(f"{end!r} without any fault: {self._log(folder)}")
        self._reference = files(folder)
        return [call for call in read_trace(trace) if is_below(call, self.root)]

    def plan(self) -> list[Fault]:
        """Every fault there is to try."""
        return [fault for call in self.watch() for fault in _faults(call)]

    def try_out(self, fault: Fault) -> Call | None:
        """Live with a fault, look at what is there, and live again; returns what it hit, None if nothing."""
        folder, trace = self.root / "data", self.root / "trace"
        shutil.rmtree(folder, ignore_errors=True)
        end = self._live(folder, trace, fault)
        hit = next((c for c in read_trace(trace) if c.is_spoiled and is_below(c, self.root)), None)
        name = str(hit.path.relative_to(self.root)) if hit else "nothing"
        allowed = {End.KILLED} if fault.effect == KILL else {End.DONE, End.STORAGE}
        problems = [] if end in allowed else [f"ended with {end!r}: {self._log(folder)}"]
        problems += self._wrong(folder)
        if (end := self._live(folder)) is not End.DONE:
            problems.append(f"the next life ended with {end!r}: {self._log(folder)}")
        after = files(folder)
        for path in sorted(after.keys() | self._reference.keys()):
            if after.get(path) != self._reference.get(path):
                problems.append(f"{path} is not as without faults in the end")
        self.troubles += [Trouble(fault, name, problem) for problem in problems]
        return hit

    def _wrong(self, folder: Path) -> Iterator[str]:
        """What stands under an artifact's name is the whole truth, or says that it is not complete."""
        for path, data in files(folder).items():
            if not re.search(r"/discussions_[^/]*\.json$", path) or data == self._reference[path]:
                continue
            truth = json.loads(self._reference[path])["messages"]
            found = json.loads(data)
            if found["complete"] or found["messages"] != truth[: len(found["messages"])]:
                digest = hashlib.sha256(data).hexdigest()[:12]
                yield f"{path} ({len(data)} bytes, {digest}) is wrong"

    def _live(self, folder: Path, trace: Path | None = None, *faults: Fault) -> End:
        return live_once(live, folder, trace, *faults)

    def _log(self, folder: Path) -> str:
        return folder.with_suffix(".log").read_text()[-2000:]


def live_once(
    life: Callable[[Path], None], folder: Path, trace: Path | None = None, *faults: Fault
) -> End:
    """In a child, which is much faster than a new Python; under strace if there is a `trace` to write."""
    gc.freeze()  # a child that collects would copy all memory
    out, gate = os.pipe()
    child = os.fork()
    if child == 0:
        status = End.CRASHED
        try:
            os.close(gate)
            status = _child(life, folder, out)
        finally:
            os._exit(status)  # whatever happens: what follows here is the parent's
    os.close(out)
    try:
        strace = _attach(child, trace, *faults) if trace else None
    finally:
        os.close(gate)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if strace is not None:
        strace.communicate()
    return End(status)


def _child(life: Callable[[Path], None], folder: Path, gate: int) -> End:
    gc.disable()
    log = os.open(folder.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    # Where only parents may trace (Yama), allow it to all: strace is our sister.
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANY, 0, 0, 0)
    os.read(gate, 1)
    try:
        life(folder)
    except StorageError:
        return End.STORAGE
    except Exception:  # the status tells; the log says what it was
        traceback.print_exc()
        return End.CRASHED
    finally:
        sys.stdout.flush()
    return End.DONE


def _attach(child: int, trace: Path, *faults: Fault) -> subprocess.Popen[str]:
    """strace at work on a child."""
    strace = subprocess.Popen(attach(child, trace, *faults), stderr=subprocess.PIPE, text=True)
    assert strace.stderr is not None
    if "attached" not in (said := strace.stderr.readline()):
        raise RuntimeError(f"strace could not attach: {said.strip()}")
    return strace


def _faults(call: Call) -> Iterator[Fault]:
    for effect in (KILL, BROKEN, FULL):
        if effect != FULL or call.plain_name in ("write", "open", "mkdir", "rename", "fsync"):
            yield Fault(call.name, effect, str(call.number))


def is_below(call: Call, folder: Path) -> bool:
    """Whether the call is on the folder or something in it."""
    return any(path.is_relative_to(folder) for path in call.paths)


def files(folder: Path) -> dict[str, bytes]:
    """Every file by its path in the folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
