"""Real processes around a world: Redis, the simulator, workers. Driven as a user drives them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import redis

from tgworker.simulator.changes import change_world
from tgworker.simulator.world import World, parse_world

PATIENCE = 60.0
"""Seconds after which a test gives up waiting for something that should have come."""


class Process:
    """A program of ours whose lines of JSON are collected as they come.

    `under`: the beginning of a command line that runs the rest of it, such as strace's.
    """

    def __init__(
        self, args: list[str], env: dict[str, str], folder: Path, under: Sequence[str] = ()
    ) -> None:
        self._lines: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self.stderr = folder / f"stderr.{uuid4().hex[:8]}.txt"
        with self.stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*under, sys.executable, "-m", "tgworker", *args],
                env=env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self._lines.append(json.loads(line))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        with self._news:
            return [line for line in self._lines if event in (None, line.get("event"))]

    def wait_line(self, event: str | None = None, count: int = 1) -> dict[str, Any]:
        """The `count`-th line of that event, as soon as it is there."""
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while True:
                found = [line for line in self._lines if event in (None, line.get("event"))]
                if len(found) >= count:
                    return found[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(
                        f"no line {event!r}: exit {self.process.poll()}, lines {self._lines[-5:]},"
                        f" stderr {self.stderr.read_text()[-2000:]}"
                    )
                self._news.wait(min(left, 0.5))

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def errors(self) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line.get("level") in ("error", "critical")]


class Stage:
    """One world with a Redis of its own; every program that is started here ends with the test."""

    def __init__(self, folder: Path, redis_url: str, world: dict[str, Any]) -> None:
        self.folder = folder
        self.redis_url = redis_url
        self.data = folder / "data"
        self.redis = redis.Redis.from_url(redis_url)
        self.processes: list[Process] = []
        self.world = World(parse_world(world, now=datetime.now(UTC)))
        (folder / "world.json").write_text(json.dumps(world))

    def open(self, *args: str) -> None:
        """Start the simulator, with further options, and take its settings."""
        self.simulator = self._start(
            ["simulate", "--world", "world.json", "--env-file", "world.env", *args], {}
        )
        self.control = self.simulator.wait_line()["control_url"]
        self.env = dict(
            line.split("=", 1)
            for line in (self.folder / "world.env").read_text().splitlines()
            if "=" in line and not line.startswith("#")
        )
        self.env = {key: value.strip("'\"") for key, value in self.env.items()}

    def _start(self, args: list[str], env: dict[str, str], under: Sequence[str] = ()) -> Process:
        keep = {
            k: v for k, v in os.environ.items() if k.startswith(("PATH", "COV", "HOME", "LANG"))
        }
        env = {**keep, "PYTHONPATH": os.getcwd(), **env}
        process = Process(args, env, self.folder, under)
        self.processes.append(process)
        return process

    def settings(self, **env: str) -> dict[str, str]:
        return {
            **self.env,
            "REDIS_URL": self.redis_url,
            "DATA_DIR": str(self.data),
            "WORKER_ID": "fetcher-1",
            "LOG_FORMAT": "json",
            "REQUESTS_PER_SECOND": "1000",
            "REQUEST_BURST": "100",
            "METRICS_MODE": "off",
            "HEALTH_FILE": str(self.folder / "healthy"),
            **env,
        }

    def run(self, *args: str, under: Sequence[str] = (), **env: str) -> Process:
        """Any command of tgworker."""
        return self._start(list(args), self.settings(**env), under)

    def worker(self, **env: str) -> Process:
        """A worker that is ready."""
        worker = self.run("run", **env)
        worker.wait_line("worker.ready")
        return worker

    def push(self, **fields: Any) -> str:
        """Push a fetch command as any producer would; returns its id."""
        command = {"command": "fetch", "command_id": str(uuid4()), **fields}
        self.redis.rpush("tg_commands", json.dumps(command))
        return str(command["command_id"])

    def events(self) -> Iterator[dict[str, Any]]:
        """The event log from its beginning, for ever."""
        last = b"0"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for _, entries in self.redis.xread({"tg_events:log": last}, block=500) or []:
                for last, fields in entries:
                    yield json.loads(fields[b"event"])
        raise AssertionError("the expected event did not come")

    def logged(self) -> list[dict[str, Any]]:
        """All events so far."""
        entries = self.redis.xrange("tg_events:log")
        return [json.loads(fields[b"event"]) for _, fields in entries]

    def final(self, command_id: str) -> dict[str, Any]:
        """How a command ended."""
        for event in self.events():
            if event["command_id"] == command_id and event["event"] in ("completed", "failed"):
                return event
        raise AssertionError("unreachable")

    def fetch(self, **fields: Any) -> dict[str, Any]:
        """Push a command and wait for its end."""
        return self.final(self.push(**fields))

    def events_of(self, command_id: str) -> list[dict[str, Any]]:
        """What the log holds of a command by now."""
        entries = self.redis.xrange("tg_events:log")
        events = [json.loads(fields[b"event"]) for _, fields in entries]
        return [event for event in events if event["command_id"] == command_id]

    def stats(self) -> dict[str, Any]:
        return self._http("GET", "/stats")

    def log(self) -> list[dict[str, Any]]:
        """Every request, with how it ended."""
        return list(self._http("GET", "/log"))

    def sent(self) -> list[dict[str, Any]]:
        """What the account has written, oldest first."""
        return list(self._http("GET", "/sent"))

    def requests(self, method: str = "messages.getHistory") -> int:
        return int(self.stats()["requests"].get(method, 0))

    def faults(self, *faults: dict[str, Any]) -> None:
        self._http("POST", "/faults", list(faults))

    def calm(self) -> None:
        """Forget all faults, and count from zero again."""
        self._http("DELETE", "/faults")
        self._http("POST", "/reset")

    def change(self, chat: str | int, **change: Any) -> None:
        """Do something to a chat, in the simulator's world and in the one that knows the truth."""
        change_world(self.world, {"chat": chat, **change})
        self._http("POST", "/world", {"chat": chat, **change})

    def _http(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data, method=method)
        with urllib.request.urlopen(request, timeout=10) as response:
            return json.loads(response.read() or b"null")

    def hashes(self, pattern: str = "**/discussions_*.json*") -> dict[str, str]:
        """SHA-256 of every artifact, by its path in the data folder."""
        return {
            str(path.relative_to(self.data)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.data.glob(pattern))
        }

    def artifact(self, chat: str, day: date) -> dict[str, Any]:
        path = self.data / chat / str(day.year) / f"discussions_{day}.json"
        return dict(json.loads(path.read_bytes()))

    def check_against_truth(self, chat: str, days: Iterable[date] | None = None) -> int:
        """The days (all, if none are named) equal what the world holds; returns how many messages they have."""
        count = 0
        for day in self.world.days(chat) if days is None else days:
            artifact = self.artifact(chat, day)
            assert self.world.truth(chat, day) == artifact["messages"], day
            assert self.world.people_truth(chat, day) == artifact["participants"], day
            count += artifact["message_count"]
        return count

    def close(self) -> None:
        for process in reversed(self.processes):
            process.close()
        self.redis.close()
