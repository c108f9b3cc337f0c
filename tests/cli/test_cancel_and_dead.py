"""Stopping commands, and deciding about the dead, on a real Redis."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
import redis
import trio
import trio_asyncio

from tgworker.adapters.redis.connection import open_redis
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.ports import Claim, Dead, Outcome, Park

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def command(**fields: str) -> bytes:
    return json.dumps({"command": "fetch", "chat": "@ru_python", "mode": "full", **fields}).encode()


def pushed(url: str, *outcomes: Outcome | None, payload: bytes | None = None) -> list[str]:
    """A command for each outcome, which a worker took and finished so; None: it still holds it."""
    ids = [str(uuid4()) for _ in outcomes]

    async def work() -> None:
        async with trio_asyncio.open_loop(), open_redis(url) as client:
            queue = RedisCommandQueue(client, worker_id="fetcher-7")
            for command_id, outcome in zip(ids, outcomes, strict=True):
                data = payload if payload is not None else command(command_id=command_id)
                await client.call(client.redis.rpush, "tg_commands", data)
                claim = await queue.claim()
                assert isinstance(claim, Claim)
                if outcome is not None:
                    assert await queue.finish(claim, outcome)

    trio.run(work)
    return ids


def claimed(url: str) -> Claim:
    async def work() -> Claim:
        async with trio_asyncio.open_loop(), open_redis(url) as client:
            claim = await RedisCommandQueue(client, worker_id="later").claim()
            assert isinstance(claim, Claim)
            return claim

    return trio.run(work)


def test_a_command_that_waits_is_cancelled(
    tgworker: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    command_id = str(uuid4())
    worker.client.rpush("tg_commands", command(command_id=command_id))

    done = tgworker("cancel", command_id, REDIS_URL=redis_url)

    assert (0, "") == (done.exit_code, done.stderr)
    assert done.stdout.startswith("It waited. The next free worker reports it as failed")
    claim = claimed(redis_url)
    assert (command_id, True) == (claim.command_id, claim.cancelled)


def test_it_is_told_what_will_happen(tgworker: Callable[..., Any], redis_url: str) -> None:
    rests, runs = pushed(redis_url, Park(100), None)

    assert "It rested. The next free" in tgworker("cancel", rests, REDIS_URL=redis_url).stdout
    assert "fetcher-7 runs it, and stops it" in tgworker("cancel", runs, REDIS_URL=redis_url).stdout
    done = tgworker("cancel", runs, "--json", REDIS_URL=redis_url)

    assert {
        "command_id": runs,
        "cancelled": [{"state": "running", "worker_id": "fetcher-7"}],
    } == json.loads(done.stdout)


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_what_is_not_there_can_not_be_cancelled(
    start: Callable[..., Any], redis_url: str, flags: list[str]
) -> None:
    (dead,) = pushed(redis_url, Dead("invalid_command"))

    code, out, err = start("cancel", dead, *flags, REDIS_URL=redis_url).end()

    assert 1 == code
    assert err.startswith(f"Error: No command {dead} waits, rests or runs: it is over, or dead")
    assert ([] if flags else None) == (json.loads(out)["cancelled"] if out else None)


@pytest.mark.parametrize("words", [["cancel", UNKNOWN], ["dead"], ["dead", "drop", "--all"]])
def test_without_redis_nothing_can_be_done(tgworker: Callable[..., Any], words: list[str]) -> None:
    done = tgworker(*words, REDIS_URL="redis://127.0.0.1:1")

    assert (4, "") == (done.exit_code, done.stdout)
    assert "127.0.0.1:1 can't be reached" in done.stderr


def test_the_dead_are_listed_as_json_lines(start: Callable[..., Any], redis_url: str) -> None:
    (first,) = pushed(redis_url, Dead("max_deliveries"))
    pushed(redis_url, Dead("invalid_command"), payload=b"\x1b[2J\xff")

    code, out, err = start("dead", REDIS_URL=redis_url).end()
    last = start("dead", "list", "--limit", "1", REDIS_URL=redis_url).end()[1]

    assert (0, "") == (code, err)
    one, other = map(json.loads, out.splitlines())
    assert (first, "max_deliveries", 1, command(command_id=first).decode()) == tuple(
        one[key] for key in ("command_id", "reason", "deliveries", "payload")
    )
    assert "\x1b[2J\N{REPLACEMENT CHARACTER}" == other["payload"]
    assert other == json.loads(last)


def test_on_a_terminal_the_dead_are_a_table(
    on_terminal: Callable[..., tuple[int, str]], redis_url: str
) -> None:
    assert (0, "No command is dead.\r\n") == on_terminal("dead", REDIS_URL=redis_url)
    pushed(redis_url, Dead("invalid_command"), payload=b"\x1b[2J")

    code, shown = on_terminal("dead", REDIS_URL=redis_url, NO_COLOR="1", COLUMNS="160")

    assert 0 == code
    assert "invalid_command" in shown and "\N{REPLACEMENT CHARACTER}[2J" in shown


def test_a_dead_command_is_retried_under_its_id(
    tgworker: Callable[..., Any], redis_url: str
) -> None:
    one, other = pushed(redis_url, Dead("max_deliveries"), Dead("max_deliveries"))

    done = tgworker("dead", "retry", other, REDIS_URL=redis_url)

    assert (0, "1 command handed out again, to the next free worker.\n") == (
        done.exit_code,
        done.stdout,
    )
    assert (other, 1) == (lambda c: (c.command_id, c.deliveries))(claimed(redis_url))
    left = tgworker("dead", "--json", REDIS_URL=redis_url).stdout
    assert [one] == [json.loads(line)["command_id"] for line in left.splitlines()]


def test_retrying_what_was_rejected_is_said_to_be_of_no_use(
    tgworker: Callable[..., Any], redis_url: str
) -> None:
    pushed(redis_url, Dead("max_deliveries"), Dead("invalid_command"))

    done = tgworker("dead", "retry", "--all", REDIS_URL=redis_url)

    assert done.stdout.startswith("2 commands handed out again")
    assert "Of these 1 had been rejected (invalid_command)" in done.stdout


def test_the_dead_are_dropped(tgworker: Callable[..., Any], redis_url: str) -> None:
    one, *_ = pushed(redis_url, *[Dead("invalid_command")] * 3)

    assert "1 command thrown away.\n" == tgworker("dead", "drop", one, REDIS_URL=redis_url).stdout
    done = tgworker("dead", "drop", "--all", "--json", REDIS_URL=redis_url)

    assert {"action": "drop", "commands": 2, "reasons": {"invalid_command": 2}} == json.loads(
        done.stdout
    )
    assert "No command is dead.\n" == tgworker("dead", "drop", "--all", REDIS_URL=redis_url).stdout
    with redis.Redis.from_url(redis_url) as client:
        assert [] == client.keys("*:job:*")


def test_what_is_not_dead_can_not_be_retried(tgworker: Callable[..., Any], redis_url: str) -> None:
    (runs,) = pushed(redis_url, None)

    done = tgworker("dead", "retry", runs, REDIS_URL=redis_url)

    assert (1, "") == (done.exit_code, done.stdout)
    assert f"Error: No command {runs} is dead." in done.stderr


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["retry"], "Say what to retry: one ID, or --all."),
        (["drop", UNKNOWN, "--all"], "Say what to drop: one ID, or --all."),
        (["list", "--all"], "list shows all of them"),
        (["bury"], "'bury' is not one of"),
    ],
)
def test_what_is_meant_has_to_be_said(
    tgworker: Callable[..., Any], redis_url: str, words: list[str], problem: str
) -> None:
    done = tgworker("dead", *words, REDIS_URL=redis_url)

    assert 2 == done.exit_code
    assert problem in done.stderr
