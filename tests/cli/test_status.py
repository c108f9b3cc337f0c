from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
import trio_asyncio

from tgworker.adapters.archive import open_archive
from tgworker.adapters.redis.connection import open_redis
from tgworker.adapters.redis.producer import submit
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatRef, ChatType, FetchCommand, Mode
from tgworker.ports import Claim, Dead, Park

DAY = date(2025, 11, 7)
NOON = datetime(2025, 11, 7, 12, tzinfo=UTC)
CHAT = Chat(-1000000000007, ChatType.SUPERGROUP, "Питон \x1b[2J", username="ru_python")


@pytest.fixture
async def data_dir(tmp_path: Path) -> Path:
    """An archive of one chat: a sealed day, an open one, and a command under way."""
    folder = tmp_path / "archive"
    form = ArtifactFormat.JSON
    async with open_archive(folder, artifact_format=form, schema_version="1.0.0") as archive:
        async with archive.open_chat(CHAT) as shelf:
            for number, complete in ((1, True), (2, False)):
                day = await shelf.open_day(DAY.replace(day=number))
                moment = NOON.replace(day=number)
                await day.append([Message(number, moment, None, CHAT.label, "Привет")], [])
                await day.seal(complete=complete, fetched_at=NOON)
            day = await shelf.open_day(DAY)
            await day.append([Message(3, NOON, None, CHAT.label, "Привет")], [])
            command = FetchCommand(ChatRef("ru_python"), Mode.DAYS, days=7, command_id="c-1")
            await archive.command_begins(command, NOON)
    return folder


@pytest.fixture
async def busy_queue(redis_url: str) -> AsyncIterator[str]:
    """A command of each kind: dead, parked, running, waiting; and a worker that is connected."""
    async with (
        trio_asyncio.open_loop(),
        open_redis(redis_url, worker_id="fetcher-7") as client,
    ):
        queue = RedisCommandQueue(
            client, "tg_commands", worker_id="fetcher-7", lease_seconds=60, max_deliveries=3
        )
        for name in ("dead", "parked", "running", "waiting"):
            await submit(client, "tg_commands", {"command": name})
        for outcome in (Dead("invalid_command"), Park(90), None):
            claim = await queue.claim()
            assert isinstance(claim, Claim)
            if outcome is not None:
                await queue.finish(claim, outcome)
        yield redis_url


async def test_it_tells_all_of_it_as_one_json_object(
    start: Callable[..., Any], busy_queue: str, data_dir: Path
) -> None:
    program = start("status", "--data-dir", str(data_dir), REDIS_URL=busy_queue)

    code, out, err = await trio.to_thread.run_sync(program.end)

    assert (0, "") == (code, err)
    status = json.loads(out)
    queue = status["queue"]
    assert (1, 1, 1, 1) == tuple(queue[key] for key in ("depth", "running", "parked", "dead"))
    assert ["fetcher-7"] == queue["workers"]
    (running,), (parked,), (dead,) = (
        queue[f"{state}_commands"] for state in ("running", "parked", "dead")
    )
    assert ("fetcher-7", 1) == (running["worker_id"], running["deliveries"])
    assert 0 < running["seconds"] <= 60 < parked["seconds"] <= 90
    assert '"command":"parked"' in parked["payload"]
    assert "invalid_command" == dead["reason"]
    assert ["c-1"] == [command["command_id"] for command in status["open_work"]["commands"]]
    (chat,) = status["chats"]
    assert ("@ru_python", 2, 1, 2) == tuple(
        chat[key] for key in ("chat", "days", "open_days", "messages")
    )
    assert "2025-11-02" == chat["last_day"]
    assert [] == status["problems"]


async def test_on_a_terminal_it_shows_tables(
    on_terminal: Callable[..., tuple[int, str]], busy_queue: str, data_dir: Path
) -> None:
    def look() -> tuple[int, str]:
        return on_terminal(
            "status", REDIS_URL=busy_queue, DATA_DIR=str(data_dir), NO_COLOR="1", COLUMNS="220"
        )

    code, shown = await trio.to_thread.run_sync(look)

    assert 0 == code
    titles = ("Queue", "Commands taken", "Set aside for good", "Commands under way", "Archive")
    assert [] == [title for title in titles if title not in shown]
    assert "fetcher-7" in shown and "invalid_command" in shown and "Days not sealed" in shown
    assert "Питон \N{REPLACEMENT CHARACTER}[2J" in shown


def test_without_redis_it_still_shows_the_archive(
    tgworker: Callable[..., Any], tmp_path: Path
) -> None:
    chat = tmp_path / "data" / "ru_python"
    chat.mkdir(parents=True)

    done = tgworker("status", REDIS_URL="redis://127.0.0.1:1")

    status = json.loads(done.stdout)
    assert 4 == done.exit_code
    assert None is status["queue"]
    assert ["ru_python"] == [each["chat"] for each in status["chats"]]
    assert "127.0.0.1:1 can't be reached" in status["problems"][0]


def test_on_a_terminal_what_is_missing_is_told_last(
    on_terminal: Callable[..., tuple[int, str]],
) -> None:
    code, shown = on_terminal("status", REDIS_URL="redis://127.0.0.1:1", NO_COLOR="1")

    assert 4 == code
    assert "The archive is empty." in shown.splitlines()[0]
    assert "127.0.0.1:1 can't be reached" in shown.splitlines()[-1]


def test_with_redis_alone_it_says_that_the_archive_is_empty(
    on_terminal: Callable[..., tuple[int, str]], redis_url: str
) -> None:
    code, shown = on_terminal("status", REDIS_URL=redis_url, NO_COLOR="1")

    assert 0 == code
    assert "none connected" in shown
    assert "The archive is empty." in shown


def test_what_is_damaged_hides_nothing_else(
    tgworker: Callable[..., Any], redis_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "ru_python"
    folder.mkdir(parents=True)
    (folder / "chat.json").write_text("not json")
    (tmp_path / "data" / "progress.json").write_text("[]")

    done = tgworker("status", REDIS_URL=redis_url)

    status = json.loads(done.stdout)
    assert 1 == done.exit_code
    assert "progress.json is damaged" in status["problems"][0]
    assert 0 == status["queue"]["depth"]
    assert ["ru_python"] == [each["folder"] for each in status["chats"]]


def test_a_data_folder_that_is_none_is_told(
    tgworker: Callable[..., Any], redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("a file")

    done = tgworker("status", REDIS_URL=redis_url)

    assert 1 == done.exit_code
    assert None is json.loads(done.stdout)["chats"]
    assert 2 == len(json.loads(done.stdout)["problems"])


def test_a_user_who_may_not_see_connections_sees_the_rest(
    tgworker: Callable[..., Any], worker: Any, redis_url: str
) -> None:
    worker.client.acl_setuser(
        "guest",
        enabled=True,
        nopass=True,
        keys=["*"],
        categories=["+@all"],
        commands=["-client", "+client|setname", "+client|setinfo"],
    )

    done = tgworker("status", REDIS_URL=redis_url.replace("redis://", "redis://guest:x@"))

    worker.client.acl_deluser("guest")
    assert 0 == done.exit_code
    assert [] == json.loads(done.stdout)["queue"]["workers"]
