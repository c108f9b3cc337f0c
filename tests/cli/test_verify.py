"""Checking and mending an archive from the command line, in real processes, with Redis and without."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from tgworker.adapters.archive import open_archive
from tgworker.core.message import Message
from tgworker.core.model import ArtifactFormat, Chat, ChatType

CHAT = Chat(-1000000000007, ChatType.SUPERGROUP, "Python", username="ru_python")
NAMELESS = Chat(-1000000000008, ChatType.CHANNEL, "Nameless")
AWAY = "redis://127.0.0.1:1"


async def fill(folder: Path) -> None:
    """Two chats with three sealed days each."""
    form = ArtifactFormat.JSON
    async with open_archive(folder, artifact_format=form, schema_version="1.0.0") as archive:
        for chat in (CHAT, NAMELESS):
            async with archive.open_chat(chat) as shelf:
                for number in (1, 2, 3):
                    moment = datetime(2025, 11, number, 12, tzinfo=UTC)
                    day = await shelf.open_day(date(2025, 11, number))
                    await day.append([Message(number, moment, None, chat.label, "Привет")], [])
                    await day.seal(complete=True, fetched_at=datetime(2025, 11, 9, tzinfo=UTC))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    trio.run(fill, tmp_path / "data")
    return tmp_path / "data"


def artifact(data_dir: Path, number: int, folder: str = "ru_python") -> Path:
    return data_dir / folder / "2025" / f"discussions_2025-11-0{number}.json"


def test_a_sound_archive_is_all_well(start: Callable[..., Any], data_dir: Path) -> None:
    code, out, err = start("verify", REDIS_URL=AWAY).end()

    assert (0, "6 artifacts read: all is well.\n", "") == (code, out, err)


def test_each_problem_is_a_line_with_what_to_do(start: Callable[..., Any], data_dir: Path) -> None:
    artifact(data_dir, 2).unlink()
    (data_dir / "ru_python" / "2025" / ".index.tmp").write_bytes(b"")

    code, out, _ = start("verify").end()

    assert 1 == code
    assert [
        "ru_python/2025/.index.tmp: a crash left it behind. Can be removed: tgworker verify --repair.",
        "ru_python/2025/discussions_2025-11-02.json: index.json has a row for it, and it is missing."
        " Has to be fetched again: tgworker verify --repair queues that.",
        "5 artifacts read: 2 problems.",
    ] == out.splitlines()


def test_problems_are_told_as_one_json_object(tgworker: Callable[..., Any], data_dir: Path) -> None:
    artifact(data_dir, 2).write_bytes(b"")
    artifact(data_dir, 2, "channel.8").write_bytes(b"")

    done = tgworker("verify", "t.me/c/8", "--json")

    report = json.loads(done.stdout)
    assert 1 == done.exit_code
    assert (3, None) == (report["artifacts"], report["repair"])
    (problem,) = report["problems"]
    assert ("-1000000000008", "2025-11-02", "fetch") == tuple(
        problem[key] for key in ("chat", "day", "remedy")
    )
    assert "channel.8/2025/discussions_2025-11-02.json" == problem["path"]


def test_only_some_days_are_looked_at(tgworker: Callable[..., Any], data_dir: Path) -> None:
    artifact(data_dir, 1).unlink()

    done = tgworker("verify", "@ru_python", "--from", "2025-11-02", "--to", "2025-11-30")

    assert (0, "2 artifacts read: all is well.\n") == (done.exit_code, done.stdout)


def test_a_repair_mends_and_queues_the_rest(
    tgworker: Callable[..., Any], data_dir: Path, worker: Any, redis_url: str
) -> None:
    for number in (1, 2):
        artifact(data_dir, number).write_bytes(b"")
    artifact(data_dir, 3, "channel.8").unlink()
    (data_dir / "channel.8" / "2025" / ".index.tmp").write_bytes(b"")
    (data_dir / "ru_python" / "chat.json").write_bytes(b"")

    done = tgworker("verify", "--repair", REDIS_URL=redis_url)

    assert 0 == done.exit_code
    assert "1 problem mended.\n2 commands queued" in done.stdout
    nameless, named = worker.take(), worker.take()
    assert ("-1000000000008", "date", "2025-11-03", {"force": True}) == tuple(
        nameless[key] for key in ("chat", "mode", "date", "options")
    )
    assert ("@ru_python", "range", "2025-11-01", "2025-11-02", {"force": True}) == tuple(
        named[key] for key in ("chat", "mode", "from", "to", "options")
    )
    assert f"  {named['command_id']}\n" in done.stdout
    assert not (data_dir / "channel.8" / "2025" / ".index.tmp").exists()


def test_without_redis_a_repair_says_what_to_submit(
    start: Callable[..., Any], data_dir: Path
) -> None:
    artifact(data_dir, 1).unlink()
    artifact(data_dir, 2).unlink()
    artifact(data_dir, 2, "channel.8").unlink()
    (data_dir / "ru_python" / "2025" / "index.json").write_bytes(b"")

    code, out, _ = start("verify", "--repair", REDIS_URL=AWAY).end()

    assert 1 == code
    assert "1 problem mended." in out
    assert "Nothing could be queued: Redis at 127.0.0.1:1 can't be reached" in out
    assert "  tgworker submit --date 2025-11-02 --force -- -1000000000008\n" in out


def test_what_only_somebody_can_decide_is_left(
    tgworker: Callable[..., Any], data_dir: Path, redis_url: str
) -> None:
    (data_dir / "ru_python").rename(data_dir / "other_name")
    (data_dir / "channel.8" / "chat.json").unlink()

    shown = tgworker("verify", "--repair", REDIS_URL=redis_url)
    report = json.loads(tgworker("verify", "--repair", "--json", REDIS_URL=redis_url).stdout)

    assert 1 == shown.exit_code
    assert "Somebody has to look at these:\n  other_name/chat.json\n" in shown.stdout
    assert ["other_name/chat.json"] == report["repair"]["left"]
    assert 1 == len(report["repair"]["queued"])


def test_what_a_worker_is_writing_is_left_alone(
    tgworker: Callable[..., Any], data_dir: Path, redis_url: str
) -> None:
    (data_dir / "ru_python" / "2025" / "index.json").write_bytes(b"[")
    with open(data_dir / "ru_python" / ".lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = tgworker("verify", "--repair", REDIS_URL=redis_url)

    assert 1 == done.exit_code
    assert "A worker is writing here; run this again later:" in done.stdout


def test_a_terminal_shows_how_far_it_is(
    on_terminal: Callable[..., tuple[int, str]], data_dir: Path
) -> None:
    code, shown = on_terminal("verify", DATA_DIR=str(data_dir))

    assert 0 == code
    assert "6/6" in shown and "6 artifacts read: all is well." in shown


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["@stranger"], 1, "holds nothing of @stranger"),
        (["../x"], 2, "must be @name"),
        (["--from", "2025-11-02", "--to", "2025-11-01"], 2, "--from must not lie after --to"),
        (["--from", "yesterday"], 2, "yesterday"),
        (["--data-dir", "nowhere"], 1, "nowhere: No such file or directory"),
    ],
)
def test_what_can_not_be_looked_at_is_said(
    tgworker: Callable[..., Any], data_dir: Path, words: list[str], code: int, problem: str
) -> None:
    done = tgworker("verify", *words)

    assert (code, "") == (done.exit_code, done.stdout)
    assert problem in done.stderr
