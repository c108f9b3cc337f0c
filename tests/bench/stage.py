"""What cases run on: a Redis, simulators and workers, each in a process of its own; and the measuring of a program."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from attrs import field, frozen

from tests.bench.figures import T, in_turn
from tests.e2e.stage import Process, Stage
from tgworker.adapters.redis.server import RedisServer

UNPACED = {"REQUESTS_PER_SECOND": "1000000", "REQUEST_BURST": "1000000"}
CHAT = "bench_chat"
FIRST, LAST = "2025-11-01", "2025-11-10"
LONGEST_RUN = 1800
"""Seconds after which a program that is measured is ended."""


class BenchError(Exception):
    """Nothing can be said: a program that was to be measured did not do its work."""


@frozen
class Run:
    """One program from its start to its end. `cpu_seconds`: on all cores; `mebibytes`: the most memory it held."""

    seconds: float
    cpu_seconds: float
    mebibytes: float
    output: bytes


class BenchStage(Stage):
    """A world that is fetched without pacing; each run has a data folder of its own."""

    def __init__(self, folder: Path, redis_url: str, world: dict[str, Any]) -> None:
        super().__init__(folder, redis_url, world)
        self._numbers = count()

    def fresh(self) -> str:
        """A data folder that is not there yet."""
        return str(self.folder / f"data{next(self._numbers)}")

    def settings(self, **env: str) -> dict[str, str]:
        return super().settings(**{**UNPACED, "PROGRESS_INTERVAL_SECONDS": "60", **env})

    def fetch_once(self, *args: str, **env: str) -> Run:
        """``tgworker fetch`` with these arguments, into a new archive unless `DATA_DIR` is given."""
        command = [sys.executable, "-m", "tgworker", "fetch", *args]
        return self.measure(command, **{"DATA_DIR": self.fresh(), **env})

    def measure(self, command: Sequence[str], **env: str) -> Run:
        """Run a program to its end, start-up included.

        Raises:
            BenchError: it failed, or did not end in `LONGEST_RUN`; with the last it said.
        """
        with tempfile.TemporaryFile(dir=self.folder) as output:
            began = time.perf_counter()
            process = subprocess.Popen(
                command,
                env={**_kept(os.environ), **self.settings(**env)},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            watchdog = threading.Timer(LONGEST_RUN, process.kill)
            watchdog.start()
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - began
            watchdog.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            output.seek(0)
            said = output.read()
        if process.returncode != 0:
            name = next(word for word in command[1:] if not word.startswith("-"))
            last = said.decode(errors="replace").strip().splitlines()[-1:]
            raise BenchError(
                f"{Path(name).name} ended with {process.returncode}: {''.join(last)[-400:]}"
            )
        return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said)

    def end(self, *processes: Process) -> None:
        """Stop workers as an operator would.

        Raises:
            BenchError: one did not end well.
        """
        for process in processes:
            process.signal(15)
        for process in processes:
            if (code := process.wait()) != 0:
                raise BenchError(f"a worker ended with {code}: {process.errors()[-1:]}")

    def drain(self, *command_ids: str) -> list[dict[str, Any]]:
        """Wait until these commands have ended; their last events.

        Raises:
            BenchError: one of them failed.
        """
        finals = [self.final(command_id) for command_id in command_ids]
        for final in finals:
            if final["event"] != "completed":
                raise BenchError(f"a command failed: {final.get('error')}")
        return finals


@frozen
class Bench:
    """What a case is given. `note` hears what is being done, for who waits."""

    folder: Path
    redis: RedisServer
    rounds: int
    quick: bool
    note: Callable[[str], None] = lambda text: None
    _numbers: Iterator[int] = field(factory=count)

    def size(self, whole: int, quick: int) -> int:
        return quick if self.quick else whole

    def each_round(self) -> Iterator[int]:
        for number in range(self.rounds):
            self.note(f"round {number + 1} of {self.rounds}")
            yield number

    def in_turn(self, programs: Mapping[str, Callable[[], T]]) -> dict[str, tuple[T, ...]]:
        """All of them in each round, see `figures.in_turn`."""
        return in_turn(self.rounds, programs, self.note)

    @contextmanager
    def stage(
        self, *chats: Mapping[str, Any], latency_ms: float = 0, accounts: int = 1
    ) -> Iterator[BenchStage]:
        """A Redis that is empty, and a simulator with these chats; everything ends with the block."""
        folder = self.folder / f"stage{next(self._numbers)}"
        folder.mkdir()
        world = {"seed": 1, "latency_ms": latency_ms, "chats": [dict(chat) for chat in chats]}
        stage = BenchStage(folder, self.redis.url, world)
        try:
            stage.redis.flushall()
            more = (("--env-file", f"{number}.env") for number in range(1, accounts))
            stage.open(*(word for pair in more for word in pair))
            yield stage
        finally:
            stage.close()


def chat(name: str = CHAT, **fields: Any) -> dict[str, Any]:
    """A chat of a world: a supergroup with everything that real ones have, ten days of it."""
    return {"username": name, "type": "supergroup", "from": FIRST, "to": LAST, **fields}


def days(first: str = FIRST, last: str = LAST) -> tuple[str, ...]:
    """Arguments for ``tgworker fetch``."""
    return ("--from", first, "--to", last)


@contextmanager
def open_bench(
    *, rounds: int, quick: bool, note: Callable[[str], None] = lambda text: None
) -> Iterator[Bench]:
    """A folder and a Redis for one case."""
    with tempfile.TemporaryDirectory(prefix="tgworker-bench-") as name:
        folder = Path(name)
        server = RedisServer(folder)
        server.start()
        try:
            yield Bench(folder, server, rounds, quick, note)
        finally:
            server.stop()


def _kept(env: Mapping[str, str]) -> dict[str, str]:
    kept = {key: env[key] for key in ("PATH", "HOME", "LANG", "XDG_CACHE_HOME") if key in env}
    return {**kept, "PYTHONPATH": os.getcwd()}
