"""The server on TCP: a listener, and what its connections share."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import structlog
import trio
from attrs import evolve

from tgworker.background import open_background
from tgworker.simulator.connection import Connection, House
from tgworker.simulator.desk import Desk, NameOf
from tgworker.simulator.listening import Port
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.rpc import HOME_DC, OTHER_DC, DataCenter, Methods
from tgworker.simulator.stats import Stats
from tgworker.simulator.wire.keys import KeyStore
from tgworker.simulator.wire.rsakey import RsaKey
from tgworker.simulator.wire.transports import Entropy

log = structlog.get_logger(__name__)


class Server:
    """A running server. Made by `open_server`."""

    def __init__(self, house: House, faults: FaultPlan, stats: Stats) -> None:
        self._house = house
        self.ports: dict[int, Port] = {}
        self.faults = faults
        self.stats = stats

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on."""
        return self.ports[HOME_DC].address

    @property
    def public_key_pem(self) -> str:
        """What clients must know of its RSA key, as PKCS#1."""
        return self._house.rsa.public_key_pem

    @property
    def keys(self) -> KeyStore:
        """Its authorisation keys; `KeyStore.make` adds one for a session file."""
        return self._house.keys

    def go_down(self, seconds: float) -> None:
        """Be gone for so long."""
        for port in self.ports.values():
            port.go_down(seconds)

    async def serve(self, house: House, stream: trio.SocketStream) -> None:
        """Serve one connection until either side closes it."""
        self.stats.connected()
        try:
            async with stream:
                await Connection(house, stream).run()
        except Exception:
            # One connection's mistake must not end the others.
            log.exception("simulator.connection_failed")
        finally:
            self.stats.disconnected()


@asynccontextmanager
async def open_server(
    methods: Methods,
    *,
    key: RsaKey | None = None,
    keys: KeyStore | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: FaultPlan | None = None,
    latency_s: float = 0,
    gzip: bool = False,
    name_of: NameOf = lambda chat_id: None,
    clock: Callable[[], float] = time.time,
    entropy: Entropy = os.urandom,
) -> AsyncIterator[Server]:
    """Listen and serve until the block is left; then every connection is closed.

    There are two data centres, with keys of their own and the same world; the second one listens on any free port.

    `key` and `keys` of an earlier server make this one look like the same one restarted. `port` 0: any free one.
    `name_of` tells usernames by marked id, for faults and the log. `clock` gives Unix time.

    Raises:
        OSError: it can't listen there.
    """
    plan = faults if faults is not None else FaultPlan()
    stats = Stats(trio.current_time)
    ports: dict[int, int] = {}
    home = House(
        desk=Desk(
            methods,
            plan,
            stats,
            clock=trio.current_time,
            latency_s=latency_s,
            name_of=name_of,
        ),
        keys=keys if keys is not None else KeyStore(entropy),
        rsa=key if key is not None else RsaKey.generate(),
        clock=lambda: clock() + plan.clock_skew_s,
        entropy=entropy,
        gzip=gzip,
        data_center=DataCenter(HOME_DC, ports),
    )
    other = evolve(home, keys=KeyStore(entropy), data_center=DataCenter(OTHER_DC, ports))
    server = Server(home, plan, stats)
    async with open_background() as nursery:
        for house, wanted in ((home, port), (other, 0)):
            listeners = await trio.open_tcp_listeners(wanted, host=host)
            opened = Port(listeners, partial(server.serve, house))
            server.ports[house.data_center.id] = opened
            ports[house.data_center.id] = opened.address[1]
            nursery.start_soon(opened.run)
        with plan.heeding(server.go_down):
            yield server
