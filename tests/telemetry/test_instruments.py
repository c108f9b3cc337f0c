"""What watches a worker costs it no time, however those who watch behave."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from trio.testing import MockClock

from tests.telemetry.store import open_store
from tgworker.core import facts
from tgworker.instruments import open_instruments, open_shipping, shipments_of
from tgworker.service.outage import Outage
from tgworker.settings import load_settings

LONGEST_STOP_SECONDS = 3.0


@pytest.fixture(params=["absent", "deaf", "failing"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where nobody listens, where nobody answers, where everything is refused."""
    with ExitStack() as held:
        if request.param == "failing":
            store = held.enter_context(open_store())
            store.answers = [503]
            yield store.url
            return
        listening = held.enter_context(socket.create_server(("127.0.0.1", 0)))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        if request.param == "absent":
            held.close()
        yield url


async def test_a_stop_waits_for_none_of_those_who_watch(
    address: str,
    configure: Callable[..., Any],
    autojump_clock: MockClock,
    tmp_path: Path,
) -> None:
    """On a clock that leaps over each wait: what is counted is how long it would wait, not how long it took."""
    autojump_clock.autojump_threshold = 0.05
    settings = load_settings(
        {
            "LOKI_URL": address,
            "VICTORIA_LOGS_URL": address,
            "PUSHGATEWAY_URL": address,
            "NOTIFY_WEBHOOK_URL": address,
            "METRICS_MODE": "both",
            "HTTP_PORT": "0",
            "HEALTH_FILE": str(tmp_path / "healthy"),
        }
    )
    shipments = shipments_of(settings)
    configure(buffers=[shipment.buffer for shipment in shipments])
    async with (
        open_shipping(shipments),
        open_instruments(settings, Outage(300), shipments) as instruments,
    ):
        for number in range(300):
            structlog.get_logger().info("day.sealed", number=number)
        instruments.observer.note(facts.CommandEnded("@chat", 1.0, "channel_private"))
        await trio.sleep(10)
        began = trio.current_time()
    waited = trio.current_time() - began

    assert waited < LONGEST_STOP_SECONDS
    assert [0] * 2 == [shipment.buffer.dropped for shipment in shipments]
    assert b'"stopped"' in (tmp_path / "healthy").read_bytes()


@pytest.mark.parametrize(
    ("kept", "status"), [(None, "stopped"), ("stopped", "stopped"), ("healthy", "healthy")]
)
async def test_who_only_fetches_keeps_the_health_file_unless_a_worker_does(
    tmp_path: Path, kept: str | None, status: str
) -> None:
    file = tmp_path / "healthy"
    if kept is not None:
        told = {"status": kept, "reason": "x", "ts": datetime.now(UTC).isoformat(), "worker": "w"}
        file.write_text(json.dumps(told))
    settings = load_settings({"HEALTH_FILE": str(file), "METRICS_MODE": "off"})

    async with open_instruments(settings, Outage(0), [], serve=False) as instruments:
        instruments.health.started()
        await trio.testing.wait_all_tasks_blocked()
        during = json.loads(file.read_bytes())

    assert "healthy" == during["status"]
    assert ("w" if kept == "healthy" else settings.worker_id) == during["worker"]
    assert status == json.loads(file.read_bytes())["status"]
