"""A whole simulator: a world, its methods, a server over them, and the control address."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio
from attrs import frozen

from tgworker.simulator.control import open_control
from tgworker.simulator.envfile import Access, write_env_file
from tgworker.simulator.faults import parse_faults
from tgworker.simulator.methods import make_methods
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.server import Server, open_server
from tgworker.simulator.stats import Stats
from tgworker.simulator.world.world import World

_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


@frozen
class Simulator:
    """A running simulator. Made by `open_simulator`."""

    world: World
    server: Server
    control_url: str

    @property
    def address(self) -> tuple[str, int]:
        """Host and port a client on this machine connects to."""
        host, port = self.server.address
        return _WILDCARDS.get(host, host), port

    @property
    def public_key_pem(self) -> str:
        return self.server.public_key_pem

    @property
    def stats(self) -> Stats:
        return self.server.stats

    def add_faults(self, faults: Any) -> None:
        """Add a fault or a list of them, as in the world file. Raises FaultError."""
        self.server.faults.add(parse_faults(faults))

    def authorised_key(self) -> bytes:
        """A new authorisation key with the world's account signed in, for a session file."""
        return self.server.keys.make(self.world.account.id).auth_key

    async def let_in(self, env_file: Path) -> None:
        """Write the settings of one more client, with a session of its own (`write_env_file`). Raises EnvFileError."""
        access = Access(
            server=self.address,
            public_key_pem=self.public_key_pem,
            auth_key=self.authorised_key(),
            phone=self.world.spec.account.phone,
        )
        await trio.to_thread.run_sync(write_env_file, env_file, access)


@asynccontextmanager
async def open_simulator(
    world: World,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    control_port: int = 0,
    env_file: Path | None = None,
    faults: Any = (),
    gzip: bool = False,
) -> AsyncIterator[Simulator]:
    """Serve a world until the block is left. Port 0: any free one.

    `faults` are added to those of the world file. `env_file` is written once everything listens, with an authorised
    session beside it (`write_env_file`). `gzip` packs long answers, as Telegram does.

    Raises:
        FaultError: a fault is not one.
        OSError: it can't listen there.
        EnvFileError: `env_file` can't be written.
    """
    plan = FaultPlan([*parse_faults(list(world.spec.faults)), *parse_faults(faults)])
    async with (
        open_server(
            make_methods(world, clock=lambda: time.time() + plan.clock_skew_s),
            host=host,
            port=port,
            faults=plan,
            latency_s=world.spec.latency_ms / 1000,
            gzip=gzip,
            name_of=partial(_name_of, world),
        ) as server,
        open_control(plan, server.stats, world, port=control_port) as control_url,
    ):
        simulator = Simulator(world, server, control_url)
        if env_file is not None:
            await simulator.let_in(env_file)
        yield simulator


def _name_of(world: World, chat_id: int) -> str | None:
    chat = world.chat_by_id(chat_id) if chat_id < 0 else None
    return chat.username if chat is not None else None
