"""Metrics go to a Pushgateway, and nothing stale stays there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
import structlog
import trio
from prometheus_client import CollectorRegistry, Counter, Gauge, Info

from tests.telemetry.store import Store, open_store
from tgworker.background import open_background
from tgworker.telemetry.push import Pushing


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("command_queue_length", "Commands that wait.", registry=registry).set(7)
    return registry


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as server:
        server.answers = [200]
        yield server


async def until(store: Store, count: int) -> None:
    await trio.to_thread.run_sync(store.wait_for, count)


async def test_it_pushes_at_once_and_takes_its_group_away_at_the_end(
    store: Store, registry: CollectorRegistry
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pushing(store.url, "fetcher", "w-1").run, registry, 60.0)
        await until(store, 1)
        await trio.testing.wait_all_tasks_blocked(0.05)
        nursery.cancel_scope.cancel()

    assert ["/metrics/job/fetcher/instance/w-1"] * 2 == store.paths
    assert b"command_queue_length 7.0" in store.bodies[0]
    assert b"" == store.bodies[1]


async def test_who_runs_once_leaves_what_happened_and_not_how_things_are(
    store: Store, registry: CollectorRegistry
) -> None:
    """Also what came after the last push in its turn; a gauge would be taken for how things are now."""
    saved = Counter("messages_fetched", "Messages newly saved.", registry=registry)
    Info("tgworker_build", "The version that runs.", registry=registry).info({"version": "1"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(Pushing(store.url, "fetcher", "w").run, registry, 60.0, keep=True)
        )
        await until(store, 1)
        await trio.testing.wait_all_tasks_blocked(0.05)
        saved.inc(5)
        nursery.cancel_scope.cancel()

    assert ["PUT", "PUT"] == store.methods
    assert b"messages_fetched_total 5.0" in store.bodies[1]
    assert b'tgworker_build_info{version="1"} 1.0' in store.bodies[1]
    assert b"command_queue_length" in store.bodies[0]
    assert b"command_queue_length" not in store.bodies[1]


async def test_a_last_push_that_nobody_answers_is_told_and_not_waited_for(
    store: Store, registry: CollectorRegistry
) -> None:
    store.hold.clear()
    with structlog.testing.capture_logs() as lines, trio.fail_after(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(Pushing(store.url, "fetcher", "w").run, registry, 60.0, keep=True)
            )
            await trio.to_thread.run_sync(store.wait_for_request)
            nursery.cancel_scope.cancel()

    assert [("metrics.not_pushed", "no answer")] == [(x["event"], x["error"]) for x in lines]


async def test_it_pushes_again_and_again(store: Store, registry: CollectorRegistry) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pushing(store.url, "fetcher", "w").run, registry, 0.01)
        await until(store, 3)
        nursery.cancel_scope.cancel()


async def test_a_gateway_that_refuses_is_told_of_once(
    store: Store, registry: CollectorRegistry
) -> None:
    store.answers = [500]
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pushing(store.url, "fetcher", "w").run, registry, 0.01)
            await until(store, 3)
            nursery.cancel_scope.cancel()

    assert ["metrics.not_pushed"] == [line["event"] for line in lines]


@pytest.mark.parametrize("port, reason", [(None, "HTTP 404"), ("1", "ConnectError")])
async def test_why_it_failed_is_told_without_the_address(
    store: Store, registry: CollectorRegistry, port: str | None, reason: str
) -> None:
    """Which may hold a token in place of a user."""
    store.answers = [404]
    url = f"http://token-8812@127.0.0.1:{port or store.server_port}"
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pushing(url, "fetcher", "w").run, registry, 0.01)
            with trio.fail_after(20):
                while not lines:  # noqa: ASYNC110  # a log line is no event
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    assert [reason] == [line["error"] for line in lines]


async def test_a_gateway_that_hangs_holds_up_no_stop(
    store: Store, registry: CollectorRegistry
) -> None:
    store.hold.clear()
    with trio.fail_after(3):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pushing(store.url, "fetcher", "w").run, registry, 60.0)
            await trio.testing.wait_all_tasks_blocked(0.05)
            nursery.cancel_scope.cancel()


async def test_metrics_are_read_in_the_event_loop_that_they_tell_of(store: Store) -> None:
    registry = CollectorRegistry()
    now = Gauge("tgworker_now", "Trio's clock.", registry=registry)
    now.set_function(trio.current_time)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pushing(store.url, "fetcher", "w").run, registry, 60.0)
        await until(store, 1)
        nursery.cancel_scope.cancel()

    assert b"tgworker_now" in store.bodies[0]


async def test_a_push_under_way_does_not_outlive_the_farewell(
    store: Store, registry: CollectorRegistry
) -> None:
    """Else it would stay at the gateway for ever."""
    store.hold.clear()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Pushing(store.url, "fetcher", "w").run, registry, 60.0)
        await trio.to_thread.run_sync(store.wait_for_request)
        nursery.cancel_scope.cancel()
        store.hold.set()

    assert ["PUT", "DELETE"] == store.methods


async def test_an_address_that_makes_no_sense_is_a_warning_and_no_more(
    registry: CollectorRegistry,
) -> None:
    with structlog.testing.capture_logs() as lines:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(Pushing("http://a:b", "fetcher", "w").run, registry, 0.01)
            with trio.fail_after(20):
                while not lines:  # noqa: ASYNC110  # a log line is no event
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    assert ["metrics.not_pushed"] == [line["event"] for line in lines]


@pytest.mark.skipif(shutil.which("prometheus-pushgateway") is None, reason="it is not installed")
async def test_a_real_pushgateway_takes_it(registry: CollectorRegistry) -> None:
    with open_store() as placeholder:
        address = placeholder.url.removeprefix("http://")
    command = ["prometheus-pushgateway", f"--web.listen-address={address}"]
    async with (
        open_background() as background,
        httpx2.AsyncClient(base_url=f"http://{address}") as client,
    ):
        background.start_soon(partial(trio.run_process, command, capture_stderr=True))
        await _until_it_answers(client)
        async with trio.open_nursery() as nursery:
            pushing = Pushing(f"http://{address}", "fetcher", "w-1")
            nursery.start_soon(pushing.run, registry, 0.05)
            shown = await _until_it_shows(client, "command_queue_length{")
            nursery.cancel_scope.cancel()
        after = (await client.get("/metrics")).text

    assert 'command_queue_length{instance="w-1",job="fetcher"} 7' in shown
    assert "command_queue_length{" not in after


async def _until_it_answers(client: httpx2.AsyncClient) -> None:
    with trio.fail_after(20):
        while True:
            try:
                await client.get("/-/ready")
                return
            except httpx2.TransportError:
                await trio.sleep(0.02)


async def _until_it_shows(client: httpx2.AsyncClient, text: str) -> str:
    with trio.fail_after(20):
        while True:
            shown = (await client.get("/metrics")).text
            if text in shown:
                return shown
            await trio.sleep(0.02)
