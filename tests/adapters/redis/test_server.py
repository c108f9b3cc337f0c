"""The private server: started, killed, started again, and gone at the end."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import redis
import trio

from tgworker.adapters.redis import server as server_module
from tgworker.adapters.redis.server import RedisServer, open_redis_server
from tgworker.errors import QueueUnavailableError


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_it_runs_inside_its_context_only() -> None:
    async with open_redis_server() as server:
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()

    assert not is_open(server.port)


async def test_two_servers_do_not_meet() -> None:
    async with open_redis_server() as one, open_redis_server() as other:
        with redis.Redis.from_url(one.url) as client, redis.Redis.from_url(other.url) as second:
            client.set("key", "one")
            assert second.get("key") is None


@pytest.mark.parametrize("way", ["kill", "stop"])
async def test_it_starts_again_on_the_same_port_with_its_data(tmp_path: Path, way: str) -> None:
    async with open_redis_server(tmp_path, appendonly=True, password="a/b c") as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        port = server.port
        getattr(server, way)()
        assert not is_open(port)

        server.start()

        assert port == server.port
        with redis.Redis.from_url(server.url) as client:
            assert b"value" == client.get("key")


async def test_a_frozen_server_is_killed_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "STOP_SECONDS", 0.1)
    with trio.fail_after(10):
        async with open_redis_server() as server:
            with redis.Redis.from_url(server.url) as client:
                pid = client.info()["process_id"]
            os.kill(pid, 19)

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_port_that_is_taken_is_given_up_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        real, offers = server_module._free_port, [taken.getsockname()[1]]
        monkeypatch.setattr(server_module, "_free_port", lambda: offers.pop() if offers else real())
        server = RedisServer(tmp_path)
        server.start()

        assert taken.getsockname()[1] != server.port
        server.stop()


def test_its_own_port_taken_meanwhile_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "PORTS_TRIED", 2)
    server = RedisServer(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server.port = taken.getsockname()[1]
        with pytest.raises(QueueUnavailableError, match="found no free port"):
            server.start()


def test_options_the_server_does_not_know_are_said(tmp_path: Path) -> None:
    with pytest.raises(QueueUnavailableError, match="ended at once"):
        RedisServer(tmp_path, nonsense="1").start()


def test_one_on_the_path_is_taken_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "valkey-server"
    program.write_text("#!/bin/sh\necho valkey >&2; exit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(QueueUnavailableError, match=f"{program} ended at once: 3"):
        RedisServer(tmp_path).start()


def test_without_any_server_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(server_module, "find_spec", lambda name: None)

    with pytest.raises(QueueUnavailableError, match="install redis-server or valkey-server"):
        RedisServer(tmp_path).start()


def test_one_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(server_module, "START_SECONDS", 0.1)

    with pytest.raises(QueueUnavailableError, match="did not answer in 0.1 s"):
        RedisServer(tmp_path).start()
