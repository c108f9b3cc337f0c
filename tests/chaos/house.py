"""Everyone who takes part in a run: Redis that keeps what it confirmed, a Telegram, workers that come and go."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import define, field
from redis import Redis

from tests.e2e.stage import Process, Stage
from tgworker.adapters.redis.server import RedisServer

LEASE_SECONDS = 15
"""The shortest that the settings allow."""
PAUSE_SECONDS = 0.02

_PATIENT = {
    "LEASE_SECONDS": str(LEASE_SECONDS),
    "MAX_DELIVERIES": "1000",
    "REDIS_BLOCK_SECONDS": "0.5",
    "RETRY_MAX_ATTEMPTS": "100",
    "BACKOFF_BASE_SECONDS": "0.05",
    "BACKOFF_MAX_SECONDS": "0.5",
    "FLOOD_WAIT_MAX_SECONDS": "1",
    "FLOOD_WAIT_JITTER_SECONDS": "0",
    "PROGRESS_INTERVAL_SECONDS": "0.2",
}
"""Whatever is dealt out, no command is given up, and none rests for long."""


@define
class Seat:
    """A worker's place in the house, which one process after another takes."""

    number: int
    session: Path
    name: str
    process: Process | None = None
    leaving: Process | None = None
    """Who was asked to end, and may not have ended yet."""
    stalled: bool = False
    lives: int = 0


@define
class House:
    """The processes of one run. Made by `open_house`."""

    server: RedisServer
    stage: Stage
    seats: list[Seat]
    env: dict[str, str]
    redis_up: bool = True
    failures: list[str] = field(factory=list)
    _asked: list[tuple[str, Process]] = field(factory=list)
    """Who was asked to end, and has to do so with exit code 0."""

    @property
    def redis(self) -> Redis:
        return self.stage.redis

    def start(self, seat: Seat) -> None:
        """Put a new process in; it need not be ready yet.

        As a rule it goes on with the name and the session of the one before it; both belong to that one as long as it
        lives.
        """
        if seat.leaving is not None and not _ended(seat.leaving):
            seat.lives += 1
            seat.name = f"fetcher-{seat.number}.{seat.lives}"
            seat.session = self._copy_session(f"{seat.number}.{seat.lives}")
        seat.stalled = False
        seat.process = self.stage.run(
            "run",
            WORKER_ID=seat.name,
            TELEGRAM_SESSION=str(seat.session),
            HEALTH_FILE=str(self.stage.folder / f"healthy-{seat.number}"),
            **self.env,
        )

    def kill(self, seat: Seat) -> None:
        assert seat.process is not None
        seat.process.signal(signal.SIGKILL)
        seat.process.wait()
        seat.process = None
        seat.stalled = False

    def stall(self, seat: Seat) -> None:
        assert seat.process is not None
        seat.process.signal(signal.SIGSTOP)
        seat.stalled = True

    def resume(self, seat: Seat) -> None:
        assert seat.process is not None
        seat.process.signal(signal.SIGCONT)
        seat.stalled = False

    def terminate(self, seat: Seat) -> None:
        """Ask the process to end; `await_ends` sees that it does."""
        assert seat.process is not None
        # Before it is ready to, it can't end in good order.
        seat.process.wait_line("worker.starting")
        seat.process.signal(signal.SIGTERM)
        self._asked.append((seat.name, seat.process))
        seat.leaving, seat.process = seat.process, None

    def await_ends(self) -> None:
        """Wait for everybody who was asked to end."""
        for name, process in self._asked:
            if code := process.wait():
                self.failures.append(f"{name} ended with {code}, asked to stop")
        self._asked.clear()

    def kill_redis(self) -> None:
        self.server.kill()
        self.redis_up = False

    def start_redis(self) -> None:
        self.server.start()
        self.redis_up = True

    def expire_leases(self, name: str) -> None:
        """As if the leases of that worker had ended by now."""
        for job in self._leased_to(name):
            self.redis.zadd("{tg_commands}:lease", {str(job): 1}, xx=True)

    def commands_of(self, name: str) -> set[str]:
        """The ids of the commands that are leased to that worker."""
        jobs = [f"{{tg_commands}}:job:{job}" for job in self._leased_to(name)]
        payloads = [self.stage.redis.hget(job, "payload") for job in jobs]
        return {json.loads(payload)["command_id"] for payload in payloads if payload}

    def _leased_to(self, name: str) -> list[int]:
        jobs = [int(job) for job in self.redis.zrange("{tg_commands}:lease", 0, -1)]
        workers = [self.redis.hget(f"{{tg_commands}}:job:{job}", "worker") for job in jobs]
        return [job for job, worker in zip(jobs, workers, strict=True) if worker == name.encode()]

    def end_rests(self) -> None:
        """As if all that commands rest for had passed."""
        for job in self.redis.zrange("{tg_commands}:parked", 0, -1):
            self.redis.zadd("{tg_commands}:parked", {job: 1}, xx=True)

    def idle(self) -> bool:
        """Whether the queue holds nothing any more: waiting, resting or handed out."""
        with self.redis.pipeline() as look:
            look.llen("tg_commands").zcard("{tg_commands}:parked").zcard("{tg_commands}:lease")
            return not any(look.execute())

    def check_alive(self) -> None:
        """Note every worker that is gone without having been asked."""
        for seat in self.seats:
            if seat.process is not None and _ended(seat.process):
                self.failures.append(
                    f"{seat.name} ended by itself with {seat.process.wait()}:"
                    f" {seat.process.stderr.read_text()[-500:]}"
                )
                seat.process = None

    def _copy_session(self, number: str) -> Path:
        session = self.stage.folder / f"worker-{number}.session"
        shutil.copy(self.stage.env["TELEGRAM_SESSION"], session)
        return session

    def take_seats(self, count: int) -> None:
        for number in range(1, count + 1):
            self.seats.append(Seat(number, self._copy_session(str(number)), f"fetcher-{number}"))


@contextmanager
def open_house(folder: Path, world: dict[str, Any], workers: int, **env: str) -> Iterator[House]:
    """A house with a running Redis and Telegram, and empty seats. ``env``: the workers' settings."""
    redis_folder = folder / "redis"
    redis_folder.mkdir(parents=True)
    server = RedisServer(redis_folder, appendonly="yes", appendfsync="always")
    server.start()
    try:
        stage = Stage(folder, server.url, world)
        try:
            stage.open()
            house = House(server, stage, [], {**_PATIENT, **env})
            house.take_seats(workers)
            yield house
        finally:
            stage.close()
    finally:
        server.stop()


def _ended(process: Process) -> bool:
    return process.process.poll() is not None


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether it happens in that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True
