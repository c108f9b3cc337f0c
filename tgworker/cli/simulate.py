"""``tgworker simulate``: a Telegram server over chats that were invented, or exported from Telegram."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn

import click
import orjson
import trio

from tgworker.cli.border import Tool
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.cli.text import printable
from tgworker.errors import ExitCode
from tgworker.simulator.compose import open_simulator
from tgworker.simulator.exports import ExportError, ExportFile, load_exports
from tgworker.simulator.faults import FaultError
from tgworker.simulator.world.spec import SpecError, WorldSpec, read_world
from tgworker.simulator.world.world import World

_EXAMPLES = """
  tgworker simulate --world world.json --env-file sim.env
  tgworker simulate --export @ru_python=result.json --env-file sim.env
  set -a; . ./sim.env; set +a; tgworker run            # in another terminal
  curl -s http://127.0.0.1:PORT/stats                  # PORT: of control_url in its first line
  curl -s http://127.0.0.1:PORT/faults -d '{"method": "messages.getHistory", "error": "FLOOD_WAIT_3"}'
"""
_NOTES = """\b
It speaks MTProto, so the worker connects to it as it would to Telegram. When it listens it
writes OUT (settings), OUT.pem (the server's key) and OUT.session (a session that is signed
in), and prints one line of JSON. SIGTERM or Ctrl-C ends it, with exit code 0.
World files and faults are described in docs/simulator.md."""

_Port = click.IntRange(0, 65535)


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, (), _NOTES))
@click.option(
    "--world",
    "world_file",
    type=click.Path(path_type=Path),
    help="Its chats, as JSON.",
)
@click.option(
    "--export",
    "exports",
    multiple=True,
    metavar="[@NAME=]FILE",
    help="Chats that Telegram Desktop exported as JSON; the one chat of a file can be given a username.",
)
@click.option(
    "--env-file",
    "env_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="OUT",
    help="Where a worker's settings go; once for each worker.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_Port, default=0, help="The port; 0 is any free one.")
@click.option("--control-port", type=_Port, default=0, help="The port of the control address.")
@setting_options("LOG_LEVEL")
def simulate(
    world_file: Path | None,
    exports: tuple[str, ...],
    env_files: tuple[Path, ...],
    host: str,
    port: int,
    control_port: int,
) -> int:
    """Serve chats as a Telegram server would, until told to stop."""
    start_tool_logging(read_settings())
    if world_file is None and not exports:
        raise click.UsageError("There is nothing to serve: name --world, --export, or both.")
    try:
        world = _load(world_file, exports)
        code = run_tool(
            partial(_simulate, world, env_files, host=host, port=port, control_port=control_port)
        )
    except ExportError as error:
        raise click.BadParameter(printable(str(error)), param_hint="--export") from error
    except (SpecError, FaultError) as error:
        raise click.BadParameter(str(error), param_hint="--world") from error
    except OSError as error:
        raise click.ClickException(f"It can't listen there: {error.strerror or error}") from error
    # Being told to stop is how this ends.
    return ExitCode.DONE if code == ExitCode.SECOND_SIGNAL else code


def _load(world_file: Path | None, exports: tuple[str, ...]) -> World:
    """What could not be taken over from an export as it was is told on stderr."""
    now = datetime.now(UTC)
    spec = WorldSpec(seed=0, chats=(), now=now)
    if world_file is not None:
        spec = read_world(world_file, now=now)
    loaded = load_exports(map(ExportFile.parse, exports))
    for remark in loaded.remarks:
        click.echo(printable(remark), err=True)
    return World(spec, loaded.imports)


async def _simulate(
    world: World, env_files: tuple[Path, ...], *, host: str, port: int, control_port: int
) -> NoReturn:
    async with open_simulator(world, host=host, port=port, control_port=control_port) as simulator:
        for env_file in env_files:
            await simulator.let_in(env_file)
        address, number = simulator.address
        line = {
            "address": f"{address}:{number}",
            "control_url": simulator.control_url,
            "env_file": str(env_files[0].absolute()) if env_files else None,
        }
        click.echo(orjson.dumps(line))
        await trio.sleep_forever()
