from __future__ import annotations

import json
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORLD = {
    "seed": 7,
    "chats": [
        {
            "username": "ru_python",
            "type": "supergroup",
            "from": "-3d",
            "to": "today",
            "per_day": [120, 3],
        }
    ],
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    path = tmp_path / "world.json"
    path.write_text(json.dumps(WORLD))
    return path


@pytest.fixture
def simulator(start: Callable[..., Any], world: Path) -> tuple[Any, dict[str, Any]]:
    """A running simulator, and the line it printed."""
    program = start("simulate", "--world", str(world), "--env-file", "sim.env")
    return program, json.loads(program.line())


def test_it_serves_from_its_line_until_a_signal(start: Callable[..., Any], world: Path) -> None:
    program = start("simulate", "--world", str(world))
    line = json.loads(program.line())

    host, _, port = line["address"].rpartition(":")
    socket.create_connection((host, int(port))).close()
    with urllib.request.urlopen(f"{line['control_url']}/stats") as answer:
        stats = json.load(answer)
    code, out, err = program.end(signal.SIGTERM)

    assert 0 == stats["total"]
    assert (0, "", "") == (code, out, err)
    assert None is line["env_file"]


def test_a_shell_can_read_the_settings_it_writes(
    simulator: tuple[Any, dict[str, Any]], tmp_path: Path
) -> None:
    _, line = simulator
    script = f". '{line['env_file']}'; echo \"$TELEGRAM_SERVER\"; test -f \"$TELEGRAM_SESSION\""

    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    assert str(tmp_path / "sim.env") == line["env_file"]
    assert f"{line['address']}\n" == done.stdout


def test_fetch_fetches_from_it_without_redis(
    simulator: tuple[Any, dict[str, Any]], tgworker: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "sim.env").rename(tmp_path / ".env")

    done = tgworker("fetch", "Ru_Python", "--days", "2", REQUESTS_PER_SECOND="50")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    days = [event["day"] for event in events if "day" in event]
    assert 0 == done.exit_code
    assert [3, 120] == [day["messages"] for day in days]
    assert [] == [day for day in days if not (tmp_path / "data" / day["file"]).exists()]
    assert "completed" == events[-1]["event"]


def test_fetch_takes_chats_and_days_from_the_settings(
    simulator: tuple[Any, dict[str, Any]], tgworker: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "sim.env").rename(tmp_path / ".env")

    chats = "ru_python, @nobody_here, t.me/Ru_Python"  # who names one twice, means it once
    done = tgworker("fetch", FETCH_CHATS=chats, REQUESTS_PER_SECOND="50")

    events = [json.loads(line) for line in done.stdout.splitlines()]
    last = {event["chat"]: event for event in events}
    assert 1 == done.exit_code
    assert 2 == len({event["command_id"] for event in events})
    assert ("completed", {"days": 1}) == (last["@ru_python"]["event"], last["@ru_python"]["params"])
    assert "failed" == last["@nobody_here"]["event"]


def test_fetch_ends_quietly_when_nobody_reads_on(
    simulator: tuple[Any, dict[str, Any]], start: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "sim.env").rename(tmp_path / ".env")
    program = start("fetch", "ru_python", "--full", REQUESTS_PER_SECOND="50")

    first = json.loads(program.line())
    program.process.stdout.close()

    assert "started" == first["event"]
    assert (1, "", "") == program.end()


def test_fetch_shows_bars_on_a_terminal(
    simulator: tuple[Any, dict[str, Any]],
    on_terminal: Callable[..., tuple[int, str]],
    tmp_path: Path,
) -> None:
    (tmp_path / "sim.env").rename(tmp_path / ".env")

    code, shown = on_terminal(
        "fetch", "ru_python", FETCH_MODE="full", REQUESTS_PER_SECOND="50", NO_COLOR="1"
    )

    assert 0 == code
    assert "@ru_python  everything" in shown and "done" in shown


def test_a_worker_runs_against_it_and_stops_at_sigterm(
    simulator: tuple[Any, dict[str, Any]],
    start: Callable[..., Any],
    redis_url: str,
    tmp_path: Path,
) -> None:
    (tmp_path / "sim.env").rename(tmp_path / ".env")
    program = start("run", REDIS_URL=redis_url, HTTP_PORT="0", HEALTH_FILE=str(tmp_path / "well"))
    lines = [json.loads(program.line())]
    while "worker.ready" != lines[-1]["event"]:
        lines.append(json.loads(program.line()))

    code, out, err = program.end(signal.SIGTERM)

    lines += [json.loads(line) for line in out.splitlines()]
    assert (0, "") == (code, err)
    assert "shutdown.end" == lines[-1]["event"]
    assert [] == [line for line in lines if line["level"] in ("error", "critical")]


def test_every_problem_of_a_world_file_is_told(
    tgworker: Callable[..., Any], tmp_path: Path
) -> None:
    chat = {"type": "club", "per_day": []}
    (tmp_path / "bad.json").write_text(json.dumps({"chats": [chat], "typo": 1}))

    done = tgworker("simulate", "--world", "bad.json")

    assert 2 == done.exit_code
    assert "$.typo" in done.stderr and "$.chats[0].type" in done.stderr


def test_a_world_file_that_is_not_there_is_bad_usage(tgworker: Callable[..., Any]) -> None:
    done = tgworker("simulate", "--world", "nowhere.json")

    assert 2 == done.exit_code
    assert "nowhere.json can't be read" in done.stderr


def export_file(folder: Path, **changes: Any) -> str:
    """An export of one chat with one message, as Telegram Desktop writes it."""
    message = {"id": 5, "type": "message", "date_unixtime": "1762516800", "text": "привет"}
    head = {"name": "Питон", "type": "private_supergroup", "id": 1234567890}
    path = folder / "result.json"
    path.write_text(json.dumps({**head, "messages": [{**message, **changes}]}))
    return path.name


def test_an_exported_chat_is_fetched_like_any_other(
    start: Callable[..., Any], tgworker: Callable[..., Any], world: Path, tmp_path: Path
) -> None:
    export = f"@py_chat={export_file(tmp_path)}"
    program = start("simulate", "--world", str(world), "--export", export, "--env-file", ".env")
    program.line()

    done = tgworker("fetch", "py_chat", "--date", "2025-11-07", REQUESTS_PER_SECOND="50")

    artifact = json.loads(
        (tmp_path / "data/py_chat/2025/discussions_2025-11-07.json").read_text("utf-8")
    )
    assert 0 == done.exit_code
    assert [(5, "привет")] == [(each["id"], each["text"]) for each in artifact["messages"]]
    assert (0, "", "") == program.end(signal.SIGTERM)


def test_an_export_alone_is_a_world_and_what_is_odd_in_it_is_told(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    program = start("simulate", "--export", export_file(tmp_path, sparkles=1))
    program.line()

    assert (0, "", "result.json: field 'sparkles', not known: 1\n") == program.end(signal.SIGTERM)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "There is nothing to serve: name --world, --export, or both."),
        (("--export", "nowhere.json"), "nowhere.json can't be read: No such file or directory"),
        (("--export", "@x=result.json"), "@x must be 4 to 32 letters"),
        (("--export", "world.json"), "world.json: $ has neither messages nor chats"),
        (
            ("--world", "world.json", "--export", "@Ru_Python=result.json"),
            "$.chats two of them have the same username",
        ),
    ],
)
def test_an_export_that_can_not_be_served_is_bad_usage(
    args: tuple[str, ...], told: str, tgworker: Callable[..., Any], world: Path, tmp_path: Path
) -> None:
    export_file(tmp_path)
    world.write_text(json.dumps({"chats" if "--world" in args else "people": WORLD["chats"]}))

    done = tgworker("simulate", *args)

    assert 2 == done.exit_code
    assert told in " ".join(done.stderr.split())


def test_a_port_that_is_taken_is_told(tgworker: Callable[..., Any], world: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])

        done = tgworker("simulate", "--world", str(world), "--port", port)

    assert 1 == done.exit_code
    assert "It can't listen there: Address already in use" in done.stderr


def test_an_env_file_that_cannot_be_written_is_told(
    tgworker: Callable[..., Any], world: Path
) -> None:
    done = tgworker("simulate", "--world", str(world), "--env-file", "no/such/folder/sim.env")

    assert 1 == done.exit_code
    assert "can't be written" in done.stderr
    assert "" == done.stdout
