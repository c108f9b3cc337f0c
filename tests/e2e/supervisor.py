"""What systemd is to a service of ``Type=notify`` with a watchdog, as far as the service can tell.

Source: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.stage import PATIENCE, Process


class Supervisor:
    """Hears one service, and ends it where systemd would. `stop_seconds` is its TimeoutStopSec."""

    def __init__(self, address: str, *, watchdog_seconds: float, stop_seconds: float) -> None:
        self.environ = {
            "NOTIFY_SOCKET": address,
            "WATCHDOG_USEC": str(round(watchdog_seconds * 1_000_000)),
        }
        self.ready = False
        self.pings = 0
        self.status = ""
        self.heard: list[str] = []
        self._watchdog_seconds = watchdog_seconds
        self._stop_seconds = stop_seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0", 1))
        self._deadline = time.monotonic() + PATIENCE

    def close(self) -> None:
        self._socket.close()

    def follow(self, until: Callable[[], bool]) -> None:
        """Hear the service until something is so. Raises: TimeoutError: systemd would end it now."""
        while not until():
            self._hear(self._deadline)

    def stop(self, service: Process) -> int:
        """Stop it as `systemctl stop` does; returns its exit code, which is that of SIGKILL if it took too long."""
        service.signal(signal.SIGTERM)
        self._deadline = time.monotonic() + self._stop_seconds
        while service.process.poll() is None:
            try:
                self._hear(min(self._deadline, time.monotonic() + 0.02))
            except TimeoutError:
                if time.monotonic() >= self._deadline:
                    service.signal(signal.SIGKILL)
                    return service.wait()
        return service.wait()

    def end_when_hung(self, service: Process) -> None:
        """End it as systemd does, as soon as its watchdog runs out, which has to be within one watchdog's time."""
        latest = time.monotonic() + self._watchdog_seconds
        with pytest.raises(TimeoutError):
            self.follow(lambda: self._deadline > latest)
        service.signal(signal.SIGABRT)

    def _hear(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"nothing in time; last: {self.heard[-3:]}")
        self._socket.settimeout(left)
        for line in self._socket.recv(4096).decode().splitlines():
            self.heard.append(line)
            match line.split("=", 1):
                case ["READY", "1"]:
                    self.ready = True
                    self._deadline = time.monotonic() + self._watchdog_seconds
                case ["WATCHDOG", "1"]:
                    self.pings += 1
                    if self.ready and "STOPPING=1" not in self.heard:
                        self._deadline = time.monotonic() + self._watchdog_seconds
                case ["STATUS", status]:
                    self.status = status
                case ["EXTEND_TIMEOUT_USEC", microseconds]:
                    until = time.monotonic() + int(microseconds) / 1_000_000
                    self._deadline = max(self._deadline, until)
                case ["STOPPING", "1"]:
                    pass
                case _:
                    raise AssertionError(f"systemd knows no {line!r}")


@contextmanager
def open_supervisor(
    address: str | Path, *, watchdog_seconds: float = 30.0, stop_seconds: float = 30.0
) -> Iterator[Supervisor]:
    """``@name`` is an abstract address."""
    supervisor = Supervisor(
        str(address), watchdog_seconds=watchdog_seconds, stop_seconds=stop_seconds
    )
    try:
        yield supervisor
    finally:
        supervisor.close()
