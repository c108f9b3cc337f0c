"""``tgworker simulate``: a Telegram server made of invented chats."""

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
from tgworker.errors import ExitCode
from tgworker.simulator.compose import open_simulator
from tgworker.simulator.faults import FaultError
from tgworker.simulator.world.spec import SpecError, read_world
from tgworker.simulator.world.world import World

_EXAMPLES = """
  tgworker simulate --world world.json --env-file sim.env
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
    required=True,
    help="Its chats, as JSON.",
)
@click.option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Where a worker's settings go.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=_Port, default=0, help="The port; 0 is any free one.")
@click.option("--control-port", type=_Port, default=0, help="The port of the control address.")
@setting_options("LOG_LEVEL")
def simulate(
    world_file: Path, env_file: Path | None, host: str, port: int, control_port: int
) -> int:
    """Serve invented chats as a Telegram server would, until told to stop."""
    start_tool_logging(read_settings())
    serve = partial(
        _simulate, world_file, env_file, host=host, port=port, control_port=control_port
    )
    try:
        code = run_tool(serve)
    except (SpecError, FaultError) as error:
        raise click.BadParameter(str(error), param_hint="--world") from error
    except OSError as error:
        raise click.ClickException(f"It can't listen there: {error.strerror or error}") from error
    # Being told to stop is how this ends.
    return ExitCode.DONE if code == ExitCode.SECOND_SIGNAL else code


async def _simulate(
    world_file: Path, env_file: Path | None, *, host: str, port: int, control_port: int
) -> NoReturn:
    world = World(read_world(world_file, now=datetime.now(UTC)))
    async with open_simulator(
        world, host=host, port=port, control_port=control_port, env_file=env_file
    ) as simulator:
        address, number = simulator.address
        line = {
            "address": f"{address}:{number}",
            "control_url": simulator.control_url,
            "env_file": str(env_file.absolute()) if env_file else None,
        }
        click.echo(orjson.dumps(line))
        await trio.sleep_forever()
