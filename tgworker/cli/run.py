"""``tgworker run``: the worker."""

from __future__ import annotations

import faulthandler
import sys

import click
import structlog
import trio

from tgworker.app import run_worker
from tgworker.cli.border import Tool, exit_code_of
from tgworker.cli.help import ALL_SETTINGS, epilog
from tgworker.cli.setup import read_settings, setting_options, start_logging
from tgworker.errors import ExitCode, TgworkerError
from tgworker.instruments import ship_rest, shipments_of

log = structlog.get_logger()

STDERR = 2
"""The file descriptor: a name in `sys` may be anything."""

_EXAMPLES = """
  tgworker run
  REDIS_URL=redis://queue.example:6379/0 DATA_DIR=/srv/archive tgworker run
  set -a; . sim.env; set +a; tgworker run      # against tgworker simulate --env-file sim.env
"""
_NOTES = """\b
SIGTERM or Ctrl-C: it claims nothing more, ends each fetch at its page, gives the commands
back and exits 0. A second signal exits at once (130). Other exit codes: 2 bad settings,
3 the Telegram account can't be used, 4 Redis is away for too long.
If it will not start: tgworker doctor."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, ALL_SETTINGS, _NOTES))
@setting_options("REDIS_URL", "DATA_DIR", "LOG_LEVEL", "LOG_FORMAT")
def run() -> int:
    """Be a worker: take commands from Redis and carry them out until told to stop.

    Logs go to stdout, one JSON object a line, or readable text on a terminal.
    """
    settings = read_settings()
    faulthandler.enable(
        STDERR
    )  # whoever aborts a worker that hangs (systemd's watchdog) learns where it did
    shipments = shipments_of(settings)
    start_logging(settings, sys.stdout, [shipment.buffer for shipment in shipments])
    try:
        return trio.run(run_worker, settings, shipments)
    except Exception as error:
        _log_end(error)
        trio.run(ship_rest, shipments)
        if isinstance(error, TgworkerError):
            raise
        return ExitCode.FAILED


def _log_end(error: Exception) -> None:
    """Say what the worker ended with. The log, unlike Python's traceback, hides secrets."""
    if not isinstance(error, TgworkerError):
        log.critical("worker.crashed", exc_info=error, exit_code=int(ExitCode.FAILED))
        return
    code = exit_code_of(error)
    unusable = code is ExitCode.ACCOUNT_UNUSABLE
    log.critical(
        "account.unusable" if unusable else "worker.failed",
        error_type=error.error_type,
        error=str(error),
        exit_code=int(code),
    )
