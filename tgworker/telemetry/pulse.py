"""Tells what watches over the process how it is: systemd by its socket, a container by a file's age.

The protocol of the socket: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import structlog

log = structlog.get_logger()


class ProcessPulse:
    """Fulfils `ports.Pulse`. ``notify_socket`` is None where systemd did not start this process."""

    def __init__(self, health_file: Path, notify_socket: str | None) -> None:
        self._health_file = health_file
        self._notify_socket = notify_socket

    def ready(self) -> None:
        log.info("worker.ready")
        self._notify("READY=1")
        self.beat()

    def beat(self) -> None:
        """Touch the health file; feed systemd's watchdog."""
        try:
            self._health_file.touch()
        except OSError as error:
            log.warning("health.not_written", file=str(self._health_file), error=error.strerror)
        self._notify("WATCHDOG=1")

    def stopping(self) -> None:
        """A worker that stops is healthy to the end, so the file stays until it is old."""
        self._notify("STOPPING=1")

    def _notify(self, state: str) -> None:
        if self._notify_socket is None:
            return
        # A name that begins with @ lives in the abstract namespace, which the kernel spells with a NUL.
        address = self._notify_socket.replace("@", "\0", 1)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd.not_told", state=state, error=error.strerror)


def open_pulse(health_file: Path, environ: Mapping[str, str] = os.environ) -> ProcessPulse:
    """A pulse for whatever started this process."""
    return ProcessPulse(health_file, environ.get("NOTIFY_SOCKET"))
