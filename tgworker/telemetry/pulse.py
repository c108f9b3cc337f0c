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

from tgworker.core.health import Health, Work, health_json
from tgworker.core.message import Json

log = structlog.get_logger()

BEAT_SECONDS = 10.0
GRACE_BEATS = 3
"""While it starts or stops, systemd is asked at each beat for the time of so many."""


class ProcessPulse:
    """Fulfils `ports.Pulse`. ``notify_socket`` is None where systemd did not start this process, ``health_file``
    where somebody else keeps it.
    """

    def __init__(
        self,
        health_file: Path | None,
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
        self._on_the_way = True
        """To being ready, or to the end: systemd gives a limited time for both."""
        self._file_fails = False

    def ready(self) -> None:
        log.info("worker.ready")
        self._on_the_way = False
        self._notify("READY=1")

    def beat(self, health: Health, works: Sequence[Work]) -> None:
        """Write the health file; feed systemd's watchdog, but not for a worker that hangs."""
        commands = [{"command_id": work.command_id, "chat": work.chat} for work in works]
        self._write({**health_json(health), "commands": commands})
        state = [f"STATUS={health.reason}"]
        if health.live:
            state.insert(0, "WATCHDOG=1")
            if self._on_the_way:
                microseconds = round(GRACE_BEATS * self.beat_seconds * 1_000_000)
                state.append(f"EXTEND_TIMEOUT_USEC={microseconds}")
        self._notify("\n".join(state))
        if not health.live:
            log.error("worker.hung", error=health.reason)

    def stopping(self) -> None:
        self._on_the_way = True
        self._notify("STOPPING=1")

    def ended(self) -> None:
        self._write({"status": "stopped", "reason": "it has ended", "commands": []})

    def _write(self, told: Mapping[str, Json]) -> None:
        file = self._health_file
        if file is None:
            return
        ts = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        head = {"status": told["status"], "ts": ts, "worker": self._worker_id}
        text = orjson.dumps({**head, **told}, option=orjson.OPT_APPEND_NEWLINE)
        new = file.with_name(f"{file.name}.{os.getpid()}.tmp")
        try:
            new.write_bytes(text)
            new.replace(file)
            self._file_fails = False
        except OSError as error:
            if not self._file_fails:
                log.warning("health.not_written", file=str(file), error=error.strerror)
            self._file_fails = True

    def _notify(self, state: str) -> None:
        if self._notify_socket is None:
            return
        # A name that begins with @ lives in the abstract namespace, which the kernel spells with a NUL.
        address = self._notify_socket.replace("@", "\0", 1)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                # A supervisor that does not read must not hold up the work.
                sender.setblocking(False)
                sender.sendto(state.encode(), address)
        except OSError as error:
            log.warning("systemd.not_told", state=state, error=error.strerror)


def open_pulse(
    health_file: Path | None, worker_id: str, environ: Mapping[str, str] = os.environ
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
