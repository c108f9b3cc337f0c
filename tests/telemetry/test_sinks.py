"""Log lines reach a log store, and a store that is slow, broken or absent costs lines and nothing else."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
import structlog
import trio

from tests.telemetry.store import Store, open_store
from tgworker.telemetry.sinks.buffer import HTTP_LIBRARIES, SHIPPING, LineBuffer
from tgworker.telemetry.sinks.shipper import (
    AWAY_FLUSH_SECONDS,
    BATCH_BYTES,
    BATCH_LINES,
    LogStore,
    ship_lines,
)
from tgworker.telemetry.sinks.stores import loki, victoria_logs

log = structlog.get_logger()


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store() as server:
        yield server


@pytest.fixture
def buffer(configure: Callable[..., Any]) -> LineBuffer:
    buffer = LineBuffer(capacity=50)
    configure(level="DEBUG", buffers=[buffer])
    return buffer


async def until(store: Store, count: int) -> None:
    await trio.to_thread.run_sync(store.wait_for, count)


async def ship_once(buffer: LineBuffer, store: LogStore) -> None:
    """What a worker that stops at once does: flush."""
    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, store)
        nursery.cancel_scope.cancel()


def free_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


async def test_victoria_logs_gets_the_fields_that_queries_name(
    buffer: LineBuffer, store: Store
) -> None:
    log.error("command.failed", chat="@ru_python", message_count=370, error="No such chat.")

    await ship_once(buffer, victoria_logs(store.url))

    (line,) = store.lines()
    assert "No such chat." == line["_msg"]
    assert line["_time"].endswith("Z")
    assert ("ERROR", "@ru_python", 370) == (line["level"], line["channel"], line["message_count"])
    assert ("telegram-fetcher", "test") == (line["service"], line["environment"])
    (path,) = store.paths
    assert path.startswith("/insert/jsonline?_stream_fields=service,environment,worker_id&")
    assert "_time_field=_time" in path and "_msg_field=_msg" in path


async def test_an_address_with_a_path_is_taken_as_it_is(buffer: LineBuffer, store: Store) -> None:
    log.info("day.sealed")

    await ship_once(buffer, victoria_logs(f"{store.url}/insert/jsonline?AccountID=7"))
    log.info("day.sealed")
    await ship_once(buffer, loki(f"{store.url}/tenant/push"))

    assert store.paths[0].startswith("/insert/jsonline?AccountID=7&_stream_fields=")
    assert "/tenant/push" == store.paths[1]


async def test_loki_gets_one_stream_for_each_level_in_order(
    buffer: LineBuffer, store: Store
) -> None:
    log.info("a.first")
    log.warning("b.second")
    log.info("c.third")

    await ship_once(buffer, loki(store.url))

    assert ["/loki/api/v1/push"] == store.paths
    streams = json.loads(store.bodies[0])["streams"]
    found = {
        each["stream"]["level"]: [json.loads(line)["event"] for _, line in each["values"]]
        for each in streams
    }
    assert {"info": ["a.first", "c.third"], "warning": ["b.second"]} == found
    assert "fetcher-1" == streams[0]["stream"]["worker_id"]
    moments = [int(moment) for each in streams for moment, _ in each["values"]]
    assert all(10**18 < moment < 10**19 for moment in moments)


async def test_a_store_that_stumbles_gets_the_same_lines_again(
    buffer: LineBuffer, store: Store, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    store.answers = [503, 429, 200]
    log.info("day.sealed", date="2025-11-07")

    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(store.url))
        await until(store, 3)
        nursery.cancel_scope.cancel()

    assert 1 == len(set(store.bodies))
    assert (0, 0) == (len(buffer), buffer.dropped)


async def test_lines_that_a_store_refuses_are_counted_and_not_sent_again(
    buffer: LineBuffer, store: Store
) -> None:
    store.answers = [400]
    log.info("day.sealed")

    await ship_once(buffer, victoria_logs(store.url))

    assert 1 == len(store.bodies)
    assert (0, 1) == (len(buffer), buffer.dropped)


async def test_a_batch_that_cannot_be_encoded_is_dropped_and_the_next_one_is_shipped(
    configure: Callable[..., Any], store: Store
) -> None:
    buffer = LineBuffer()
    lines = configure(buffers=[buffer])
    log.info("day.sealed")

    def encode(lines: Sequence[str]) -> bytes:
        raise ValueError("a secret")

    await ship_once(buffer, LogStore("odd", store.url, "text/plain", encode))
    assert (0, 1) == (len(buffer), buffer.dropped)
    assert "ValueError in the worker, 1 lines refused" == lines.last["error"]

    log.info("day.sealed")
    await ship_once(buffer, victoria_logs(store.url))
    assert ["day.sealed"] == [line["event"] for line in store.lines()]


async def test_an_address_that_makes_no_sense_loses_nothing_but_the_lines(
    configure: Callable[..., Any],
) -> None:
    buffer = LineBuffer()
    lines = configure(buffers=[buffer])
    log.info("day.sealed")

    await ship_once(buffer, victoria_logs("http://a:b"))

    assert ["logs.store_away", "logs.not_shipped"] == [line["event"] for line in lines.parsed[1:]]
    assert 1 == lines.last["lines"] == len(buffer)


async def test_lines_go_in_batches_that_a_store_can_take(
    configure: Callable[..., Any], store: Store
) -> None:
    buffer = LineBuffer()
    configure(buffers=[buffer])
    for number in range(BATCH_LINES + 5):
        log.info("day.sealed", number=number)
    for _ in range(3):
        log.info("x.y", text="x" * BATCH_BYTES)

    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(store.url))
        await until(store, 4)
        nursery.cancel_scope.cancel()

    assert [BATCH_LINES, 6, 1, 1] == [len(body.splitlines()) for body in store.bodies[:4]]


async def test_an_absent_store_is_said_once_and_keeps_the_newest_out(
    configure: Callable[..., Any], autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    buffer = LineBuffer(capacity=5)
    lines = configure(buffers=[buffer])
    for number in range(8):
        log.info("day.sealed", number=number)

    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(free_url()))
        await trio.sleep(600)
        nursery.cancel_scope.cancel()

    said = [x["event"] for x in lines.parsed if x["event"] != "day.sealed"]
    assert ["logs.store_away", "logs.not_shipped"] == said
    assert 3 == buffer.dropped
    assert [0, 1, 2, 3, 4] == [json.loads(line)["number"] for line in buffer.take(9)]


def test_what_comes_back_to_a_full_buffer_is_lost_and_counted() -> None:
    buffer = LineBuffer(capacity=3)
    for text in "abc":
        buffer.emit(logging.LogRecord("x", logging.INFO, "x", 1, text, None, None))
    taken = buffer.take(2)
    buffer.emit(logging.LogRecord("x", logging.INFO, "x", 1, "d", None, None))

    buffer.put_back(taken)

    assert 1 == buffer.dropped
    assert ["b", "c", "d"] == buffer.take(9)


def test_a_line_that_cannot_be_formatted_hurts_nobody() -> None:
    buffer = LineBuffer()
    buffer.handle(logging.LogRecord("x", logging.INFO, "x", 1, "%d", ("no number",), None))

    assert (0, 1) == (len(buffer), buffer.dropped)


@pytest.mark.parametrize("name", [*HTTP_LIBRARIES, "httpcore2.connection", SHIPPING])
def test_lines_about_shipping_are_not_shipped(buffer: LineBuffer, name: str) -> None:
    logging.getLogger(name).error("POST …")
    logging.getLogger("telethon").error("something else")

    assert ["something else"] == [json.loads(line)["message"] for line in buffer.take(9)]


async def test_shipping_makes_no_lines_of_its_own(
    buffer: LineBuffer, store: Store, autojump_clock: trio.testing.MockClock
) -> None:
    """At DEBUG an HTTP client tells of each step: were that shipped, there would be no end."""
    autojump_clock.autojump_threshold = 0.05
    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(store.url))
        for count in range(1, 4):
            log.info("day.sealed", number=count)
            await until(store, count)
        await trio.sleep(10)
        nursery.cancel_scope.cancel()

    assert [1, 2, 3] == [line["number"] for line in store.lines()]


async def test_a_slow_store_gets_every_line_and_who_logs_does_not_wait(
    buffer: LineBuffer, store: Store
) -> None:
    store.hold.clear()
    for number in range(3):
        log.info("day.sealed", number=number)
    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(store.url))
        await trio.to_thread.run_sync(store.wait_for_request)
        for number in range(3, 56):  # all in this moment, and three more than there is room for
            log.info("day.sealed", number=number)
        store.hold.set()
        await until(store, 2)
        nursery.cancel_scope.cancel()

    # What the end cut off before it was answered is sent again: at least once, in order.
    assert list(range(53)) == list(dict.fromkeys(line["number"] for line in store.lines()))
    assert (0, 3) == (len(buffer), buffer.dropped)


async def test_a_store_that_does_not_answer_holds_up_no_stop(
    buffer: LineBuffer, store: Store
) -> None:
    store.hold.clear()
    log.info("day.sealed")

    with trio.fail_after(3):
        await ship_once(buffer, victoria_logs(store.url))

    assert 1 == len(buffer)


async def test_a_store_that_has_been_away_is_waited_for_even_less(
    buffer: LineBuffer, store: Store, autojump_clock: trio.testing.MockClock
) -> None:
    autojump_clock.autojump_threshold = 0.05
    store.hold.clear()
    log.info("day.sealed")

    async with trio.open_nursery() as nursery:
        await nursery.start(ship_lines, buffer, victoria_logs(store.url))
        await trio.sleep(30)
        began = trio.current_time()
        nursery.cancel_scope.cancel()

    assert AWAY_FLUSH_SECONDS == pytest.approx(trio.current_time() - began, abs=0.01)


async def test_a_secret_is_as_hidden_from_a_store_as_from_stdout(
    configure: Callable[..., Any], store: Store
) -> None:
    buffer = LineBuffer()
    configure(buffers=[buffer], secrets=["hunter2"])
    log.info("x.y", password="hunter2")

    await ship_once(buffer, loki(store.url))

    assert b"hunter2" not in store.bodies[0]
    assert "secret" not in repr(loki("http://user:secret@127.0.0.1"))
