"""The control address over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import trio

from tgworker.simulator.control import MAX_BODY, open_control
from tgworker.simulator.faults import Fault
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.stats import Stats
from tgworker.simulator.world import World, parse_world

CHAT = {"username": "news", "type": "channel", "per_day": [9]} | {
    "from": "2025-11-01",
    "to": "2025-11-02",
}


class Control:
    def __init__(self) -> None:
        self.plan = FaultPlan()
        self.stats = Stats(trio.current_time)
        self.world = World(parse_world({"chats": [CHAT]}, now=datetime(2025, 11, 20, tzinfo=UTC)))
        self.url = ""

    async def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        return await trio.to_thread.run_sync(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        request = urllib.request.Request(self.url + path, body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=5) as response:
                return response.status, json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def errors(self, calls: int = 1) -> list[str | None]:
        return [fault.error for _ in range(calls) for fault in self.plan.deal("a.b", (), 0)]


@pytest.fixture
async def control() -> AsyncIterator[Control]:
    made = Control()
    async with open_control(made.plan, made.stats, made.world) as made.url:
        yield made


async def test_stats_are_told(control: Control) -> None:
    control.stats.connected()
    control.stats.record("messages.getHistory", "@ru_python", {"limit": 100}, "ok")
    control.stats.faults.update(["error"])

    assert (
        200,
        {
            "requests": {"messages.getHistory": 1},
            "total": 1,
            "connections": {"open": 1, "total": 1},
            "faults": {"error": 1},
            "log_length": 1,
        },
    ) == await control.ask("GET", "/stats")


async def test_the_log_is_told_from_a_place_on(control: Control) -> None:
    for limit in (1, 2, 3):
        control.stats.record("messages.getHistory", None, {"limit": limit}, "ok")

    _, whole = await control.ask("GET", "/log")
    _, rest = await control.ask("GET", "/log?since=2")

    assert [1, 2, 3] == [entry["number"] for entry in whole]
    assert whole[2:] == rest
    assert {"number", "seconds", "method", "chat", "args", "outcome"} == set(rest[0])


async def test_faults_are_added_and_forgotten(control: Control) -> None:
    one = await control.ask("POST", "/faults", b'{"error": "A"}')
    two = await control.ask("POST", "/faults", b'[{"error": "B"}, {"empty": true}]')

    assert [(200, {"added": 1}), (200, {"added": 2})] == [one, two]
    assert ["A", "B", None] == control.errors()
    assert (200, {}) == await control.ask("DELETE", "/faults")
    assert [] == control.errors()


async def test_a_reset_counts_from_zero_but_goes_on_numbering(control: Control) -> None:
    control.stats.connected()
    control.stats.connected()
    control.stats.disconnected()
    control.stats.record("a.b", None, {}, "ok")

    assert (200, {}) == await control.ask("POST", "/reset")
    assert (0, 1, 1) == (
        control.stats.total,
        control.stats.connections_open,
        control.stats.connections_total,
    )

    control.stats.record("a.b", None, {}, "ok")
    assert [2] == [entry["number"] for entry in control.stats.since(0)]


@pytest.mark.parametrize(
    ("status", "error", "method", "path", "body"),
    [
        (400, "not JSON: ", "POST", "/faults", b"{nonsense"),
        (400, "not JSON: ", "POST", "/faults", b""),
        (400, "$.nth must be", "POST", "/faults", b'{"nth": 0, "empty": true}'),
        (400, "$[1] must be an object", "POST", "/faults", b'[{"error": "A"}, 5]'),
        (400, "since must be", "GET", "/log?since=yesterday", None),
        (404, "no such path", "GET", "/", None),
        (405, "not with POST", "POST", "/stats", b""),
        (413, "the body is longer", "POST", "/faults", b" " * (MAX_BODY + 1)),
    ],
    ids=str,
)
async def test_what_is_wrong_is_said_and_changes_nothing(
    control: Control, status: int, error: str, method: str, path: str, body: bytes | None
) -> None:
    answer, content = await control.ask(method, path, body)

    assert status == answer
    assert content["errors"][0].startswith(error)
    assert [] == control.errors()


async def test_websockets_are_turned_away(control: Control) -> None:
    host, _, port = control.url.removeprefix("http://").rpartition(":")
    upgrade = (
        "GET /stats HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(upgrade.encode())
        answer = await stream.receive_some()

    assert answer.startswith(b"HTTP/1.1 403")


async def test_a_port_that_is_taken_is_an_error(control: Control) -> None:
    port = int(control.url.rpartition(":")[2])
    with pytest.raises(OSError):
        async with open_control(FaultPlan(), control.stats, control.world, port=port):
            pass


async def test_it_listens_on_loopback_and_ends_with_its_block() -> None:
    async with open_control(
        FaultPlan([Fault(empty=True)]), Stats(trio.current_time), Control().world
    ) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")

    assert "127.0.0.1" == host
    with pytest.raises(OSError):
        await trio.open_tcp_stream(host, int(port))


async def test_the_world_can_be_changed(control: Control) -> None:
    chat = control.world.chat("news")
    ids = list(chat.history.ids)
    text = next(id for id in ids if chat.history.find(id).action is None)  # type: ignore[union-attr]
    changes = [
        {"chat": "@news", "username": "newest", "title": "Newest"},
        {"chat": chat.id, "edit": text, "text": "changed"},
        {"chat": chat.marked_id, "delete": [ids[0]], "private": True},
    ]

    assert (200, {"changed": 3}) == await control.ask(
        "POST", "/world", json.dumps(changes).encode()
    )
    assert ("newest", "Newest", True) == (chat.username, chat.title, chat.private)
    assert ("changed", None) == (
        chat.history.find(text).text,  # type: ignore[union-attr]
        chat.history.find(ids[0]),
    )
    assert (200, {"changed": 1}) == await control.ask(
        "POST", "/world", b'{"chat": "newest", "username": null}'
    )
    assert chat.username is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "not JSON"),
        (b"[5]", "$[0] must be an object"),
        (b'{"chat": "nobody", "title": "x"}', "$[0].chat must be a chat of this world"),
        (b'{"title": "x"}', "$[0].chat is missing"),
        (b'{"chat": "news"}', "needs something that happens"),
        (b'{"chat": "news", "username": "a b"}', "$[0].username must be"),
        (b'{"chat": "news", "edit": 1, "text": "x"}', "$[0].edit must be the id of a message"),
        (b'{"chat": "news", "delete": ["x"]}', "$[0].delete must be"),
        (b'{"chat": "news", "titel": "x"}', "$[0].titel is not a known field"),
    ],
)
async def test_a_change_that_is_none_changes_nothing(
    control: Control, body: bytes, error: str
) -> None:
    status, answer = await control.ask("POST", "/world", body)

    assert 400 == status
    assert any(error in each for each in answer["errors"]), answer
    assert "news" == control.world.chat("news").title


async def test_what_the_account_wrote_can_be_read(control: Control) -> None:
    id = control.world.send("7", None, "hi", datetime(2025, 11, 20, tzinfo=UTC), key=5)

    assert (200, [{"chat": "7", "text": "hi", "key": 5, "id": id}]) == await control.ask(
        "GET", "/sent"
    )
