"""The command line as a person uses it: typed, piped, on a terminal."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pty
import select
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from attrs import evolve, frozen
from click.testing import CliRunner, Result

from tgworker.cli.main import main
from tgworker.core.events import Event, EventKind, Status, event_json
from tgworker.core.model import DayReport, Mode

PATIENCE = 30.0
"""Seconds after which a test gives up waiting for something that should have come."""

STARTED = Event(
    event=EventKind.STARTED,
    status=Status.RUNNING,
    command_id="0f8fad5b-d9cb-469f-a165-70867728950e",
    chat="@ru_python",
    mode=Mode.RANGE,
    params={"from": "2025-11-01", "to": "2025-11-07"},
    ts=datetime(2025, 11, 9, 12, 34, 56, tzinfo=UTC),
    worker_id="fetcher-1",
)


@pytest.fixture(autouse=True)
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A working folder without .env, and logging as it was."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    root = logging.getLogger()
    before, level, ours = list(root.handlers), root.level, logging.getLogger("tgworker").level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("tgworker").setLevel(ours)
    structlog.reset_defaults()


@pytest.fixture
def tgworker(tmp_path: Path) -> Callable[..., Result]:
    """Type a command, in this process, with only these settings; gives exit code, stdout and stderr."""

    def type_in(*args: str, **settings: str) -> Result:
        env = {key: None for key in os.environ if key.startswith(("REDIS_", "TELEGRAM_", "DATA_"))}
        result = CliRunner().invoke(main, args, env={**env, **settings}, prog_name="tgworker")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return type_in


class Program:
    """``python -m tgworker`` in a process of its own."""

    def __init__(
        self,
        args: tuple[str, ...],
        folder: Path,
        settings: Mapping[str, str],
        stdin: str | None = None,
    ) -> None:
        """`stdin`: what is piped in, which does not end there; None: nothing is."""
        kept = ("PATH", "COV", "HOME", "LANG", "PYTHON")
        inherited = {key: value for key, value in os.environ.items() if key.startswith(kept)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tgworker", *args],
            cwd=folder,
            env={"PYTHONPATH": os.getcwd(), **inherited, **settings},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if stdin is not None and self.process.stdin is not None:
            self.process.stdin.write(stdin)
            self.process.stdin.flush()
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def line(self) -> str:
        """The next line of its stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Send a signal, if one is given, and wait for the end; gives exit code, stdout and stderr."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate()
        self._watchdog.cancel()
        return self.process.returncode, out, err


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Program]]:
    """Start a command as a process; it ends with the test."""
    root = str(request.config.rootpath)
    programs: list[Program] = []

    def begin(*args: str, stdin: str | None = None, **settings: str) -> Program:
        programs.append(Program(args, tmp_path, {"PYTHONPATH": root, **settings}, stdin))
        return programs[-1]

    yield begin
    for program in programs:
        if program.process.poll() is None:
            program.process.kill()
            program.end()


@pytest.fixture
def on_terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., tuple[int, str]]:
    """Run a command with a terminal for all three streams; gives exit code and what it showed.

    `until`: when it shows this, it gets the signal `number`.
    """

    def run(*args: str, until: str = "", number: int = 0, **settings: str) -> tuple[int, str]:
        master, slave = pty.openpty()
        kept = ("PATH", "COV", "HOME", "LANG")
        inherited = {key: value for key, value in os.environ.items() if key.startswith(kept)}
        env = {**inherited, "PYTHONPATH": str(request.config.rootpath), "TERM": "xterm-256color"}
        process = subprocess.Popen(
            [sys.executable, "-m", "tgworker", *args],
            cwd=tmp_path,
            env={**env, "COLUMNS": "160", **settings},
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        shown = b""
        while chunk := _read(master):
            shown += chunk
            if until and until.encode() in shown:
                process.send_signal(number)
                until = ""
        os.close(master)
        return process.wait(PATIENCE), shown.decode()

    return run


class Terminal:
    """A command in a pseudo-terminal of its own, for a conversation."""

    def __init__(self, args: tuple[str, ...], folder: Path, env: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(self._master, (50, 160))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tgworker", *args],
            cwd=folder,
            env=env,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=partial(fcntl.ioctl, 0, termios.TIOCSCTTY, 0),
        )
        self._slave = slave
        self.shown = ""
        self._seen = 0
        self._watchdog = threading.Timer(PATIENCE, self.process.kill)
        self._watchdog.start()

    def wait_for(self, text: str) -> str:
        """Read until it shows this; gives what it showed since the last time."""
        while (place := self.shown.find(text, self._seen)) < 0:
            chunk = self._read()
            assert chunk, f"it ended without {text!r}: {self.shown}"
            self.shown += chunk
        new, self._seen = self.shown[self._seen : place + len(text)], place + len(text)
        return new

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._master, f"{text}\n".encode())

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    @property
    def echoes(self) -> bool:
        """Whether it shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def end(self) -> int:
        """Read to the end; gives the exit code."""
        while self.process.poll() is None or select.select([self._master], [], [], 0)[0]:
            if select.select([self._master], [], [], 0.05)[0]:
                self.shown += self._read()
        return self.process.returncode

    def close(self) -> None:
        self._watchdog.cancel()
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._slave)
        os.close(self._master)

    def _read(self) -> str:
        # This side keeps the other one open, so a dead process is no end of file.
        while not select.select([self._master], [], [], 0.1)[0]:
            if self.process.poll() is not None:
                return ""
        return _read(self._master).decode("utf-8", "replace").replace("\r\n", "\n")


@pytest.fixture
def terminal(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Terminal]]:
    """Start a command in a terminal, to talk with it; it ends with the test."""
    opened: list[Terminal] = []

    def begin(*args: str, **settings: str) -> Terminal:
        kept = ("PATH", "COV", "HOME", "LANG")
        inherited = {key: value for key, value in os.environ.items() if key.startswith(kept)}
        env = {**inherited, "PYTHONPATH": str(request.config.rootpath), "TERM": "xterm-256color"}
        opened.append(Terminal(args, tmp_path, {**env, **settings}))
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux tells that the other side has closed
        return b""


@frozen
class Worker:
    """Plays the worker's part in Redis."""

    client: redis.Redis
    queue: str = "tg_commands"
    log: str = "tg_events:log"

    def take(self) -> dict[str, Any]:
        """The next command, as soon as it is there."""
        popped = self.client.blpop([self.queue], timeout=PATIENCE)
        assert popped is not None, "no command came"
        return json.loads(popped[1])

    def tell(self, *events: Event) -> None:
        for event in events:
            self.client.xadd(self.log, {"event": event_json(event, "1.0.0")})

    @contextmanager
    def at_work(self, play: Callable[[dict[str, Any]], None]) -> Iterator[list[dict[str, Any]]]:
        """Take one command beside the test, and play its part; gives the commands taken."""
        taken: list[dict[str, Any]] = []
        failures: list[Exception] = []

        def work() -> None:
            try:
                taken.append(self.take())
                play(taken[0])
            except Exception as failure:  # handed to the test
                failures.append(failure)

        thread = threading.Thread(target=work)
        thread.start()
        yield taken
        thread.join(PATIENCE)
        assert [] == failures


@pytest.fixture
def worker(redis_url: str) -> Iterator[Worker]:
    with redis.Redis.from_url(redis_url) as client:
        yield Worker(client)


@pytest.fixture
def story() -> Callable[..., list[Event]]:
    """The events of a command that goes well, or, with an error, does not."""

    def tell(command_id: str = STARTED.command_id or "", error: str | None = None) -> list[Event]:
        started = evolve(STARTED, command_id=command_id)
        report = DayReport(
            STARTED.ts.date(), 271, True, "ru_python/2025/discussions_2025-11-09.json"
        )
        progress = evolve(started, event=EventKind.PROGRESS, processed=271, day=report)
        if error is not None:
            last = evolve(
                started,
                event=EventKind.FAILED,
                status=Status.FAILED,
                error_type="chat_unavailable",
                error=error,
            )
        else:
            last = evolve(
                progress, event=EventKind.COMPLETED, status=Status.COMPLETED, duration_sec=4.2
            )
        return [started, progress, last]

    return tell
