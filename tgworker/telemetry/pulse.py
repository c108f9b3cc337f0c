"""Tells what watches over the process how it is: systemd by its socket, a container by a file.

The protocol of the socket: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import orjson
import structlog

from tgworker.core.health import Health, Work

log = structlog.get_logger()

BEAT_SECONDS = 10.0
GRACE_SECONDS = 10.0
"""What systemd is asked for beyond the time that the worker gives itself to stop."""


class ProcessPulse:
    """Fulfils `ports.Pulse`. ``notify_socket`` is None where systemd did not start this process."""

    def __init__(
        self,
        health_file: Path,
        worker_id: str,
        *,
        notify_socket: str | None = None,
        watchdog_seconds: float | None = None,
    ) -> None:
        self._health_file = health_file
        self._worker_id = worker_id
        self._notify_socket = notify_socket
        # systemd wants two signs of life in its time, so that one may be late.
        self.beat_seconds = min(BEAT_SECONDS, (watchdog_seconds or 60.0) / 3)

    def ready(self) -> None:
        log.info("worker.ready")
        self._notify("READY=1")

    def beat(self, health: Health, works: Sequence[Work]) -> None:
        """Write the health file; feed systemd's watchdog, but not for a worker that hangs."""
        self._write(health, works)
        watchdog = "WATCHDOG=1\n" if health.live else ""
        self._notify(f"{watchdog}STATUS={health.reason}")
        if not health.live:
            log.error("worker.hung", error=health.reason)

    def stopping(self, seconds: float) -> None:
        """The stop may take so long, which systemd may not have been told in its unit."""
        microseconds = round((seconds + GRACE_SECONDS) * 1_000_000)
        self._notify(f"STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC={microseconds}")

    def _write(self, health: Health, works: Sequence[Work]) -> None:
        file = self._health_file
        text = orjson.dumps(
            {
                "status": health.status,
                "ts": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
                "worker": self._worker_id,
                "reason": health.reason,
                "commands": [{"command_id": work.command_id, "chat": work.chat} for work in works],
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )
        new = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            new.write_bytes(text)
            new.replace(file)
        except OSError as error:
            log.warning("health.not_written", file=str(file), error=error.strerror)

    def _notify(self, state: str) -> None:
        if self._notify_socket is None:
            return
        # A name that begins with @ lives in the abstract namespace, which the kernel spells with a NUL.
        address = self._notify_socket.replace("@", "\0", 1)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(
                    False
                )  # a supervisor that does not read must not hold up the work
                sender.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd.not_told", state=state, error=error.strerror)


def open_pulse(
    health_file: Path, worker_id: str, environ: Mapping[str, str] = os.environ
) -> ProcessPulse:
    """A pulse for whatever started this process."""
    microseconds = environ.get("WATCHDOG_USEC", "")
    # Set for this process, and not for one that it is a child of.
    is_meant = environ.get("WATCHDOG_PID") in (None, "", str(os.getpid()))
    watched = microseconds.isdecimal() and is_meant
    return ProcessPulse(
        health_file,
        worker_id,
        notify_socket=environ.get("NOTIFY_SOCKET") or None,
        watchdog_seconds=int(microseconds) / 1_000_000 if watched else None,
    )
