"""The demo's machinery: a private Redis, a simulated Telegram and a real worker process, in one folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import trio
from attrs import frozen
from dotenv import dotenv_values

import tgworker
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.server import open_redis_server
from tgworker.cli.demo_world import WORLD
from tgworker.settings.lookalikes import KNOWN_KEYS
from tgworker.simulator.compose import Simulator, open_simulator
from tgworker.simulator.world.spec import parse_world
from tgworker.simulator.world.world import World

STOP_SECONDS = 40
"""The worker gives itself 30 to end its work."""


@frozen
class Stage:
    """Everything that runs during the demo."""

    folder: Path
    redis: RedisClient
    simulator: Simulator
    worker: trio.Process

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    @property
    def worker_log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def env_file(self) -> Path:
        return self.folder / "demo.env"


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start all of it, and stop it in order: the worker first, so that it can end its work.

    Raises:
        QueueUnavailableError: there is no Redis server to start.
        EnvFileError: the folder can't be written to.
    """
    world = World(parse_world(WORLD, now=datetime.now(UTC)))
    telegram_env = folder / "telegram.env"
    async with (
        open_redis_server() as server,
        open_redis(server.url) as redis,
        open_simulator(world, env_file=telegram_env) as simulator,
    ):
        _write_env(folder, telegram_env, server.url)
        async with _open_worker(folder) as worker:
            yield Stage(folder, redis, simulator, worker)


def _write_env(folder: Path, telegram_env: Path, redis_url: str) -> None:
    """All the worker needs, in one file that a shell reads too."""
    more = {
        "REDIS_URL": redis_url,
        "DATA_DIR": str(folder / "data"),
        "HEALTH_FILE": str(folder / "healthy"),
        "HTTP_PORT": "0",
        "WORKER_ID": "demo-worker",
        "REQUESTS_PER_SECOND": "50",
        "PROGRESS_INTERVAL_SECONDS": "0.5",
    }
    # In single quotes: what can't be said in them, `open_simulator` has refused for the same folder.
    lines = "".join(f"{key}='{value}'\n" for key, value in more.items())
    text = telegram_env.read_text(encoding="utf-8") + lines
    (folder / "demo.env").write_text(text, encoding="utf-8")


@asynccontextmanager
async def _open_worker(folder: Path) -> AsyncIterator[trio.Process]:
    with (folder / "worker.log").open("wb") as log:
        worker = await trio.lowlevel.open_process(
            [sys.executable, "-m", "tgworker", "run"],
            cwd=folder,
            env=dict(_environment(folder / "demo.env")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the demo, which then stops the worker once everything else still stands.
            start_new_session=True,
        )
    try:
        yield worker
    finally:
        with trio.move_on_after(STOP_SECONDS, shield=True):
            worker.terminate()
            await worker.wait()
        if worker.returncode is None:
            worker.kill()


def _environment(env_file: Path) -> Iterator[tuple[str, str]]:
    """This process's environment, with the demo's settings instead of any that the user has."""
    yield from ((key, value) for key, value in os.environ.items() if key not in KNOWN_KEYS)
    yield from ((key, value or "") for key, value in dotenv_values(env_file).items())
    # The worker starts in another folder, and must find this package there too.
    paths = (str(Path(tgworker.__file__).parents[1]), os.environ.get("PYTHONPATH"))
    yield "PYTHONPATH", os.pathsep.join(filter(None, paths))
