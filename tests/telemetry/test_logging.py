from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
import trio
from structlog.contextvars import bound_contextvars

SECRET = "hunter2-geheim"


def test_a_line_is_one_json_object_with_the_fixed_keys_first(configure: Callable[..., Any]) -> None:
    lines = configure()

    structlog.get_logger().info("command.claimed", command_id="c-1", deliveries=1)

    line = lines.last
    assert ["event", "ts", "level", "service", "environment", "worker_id"] == list(line)[:6]
    assert {"command_id": "c-1", "deliveries": 1} == dict(list(line.items())[6:])
    assert "command.claimed" == line["event"]
    assert ("info", "telegram-fetcher") == (line["level"], line["service"])
    assert ("test", "fetcher-1") == (line["environment"], line["worker_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["ts"])


@pytest.mark.parametrize(
    ("method", "level"), [("debug", "debug"), ("warning", "warning"), ("critical", "critical")]
)
def test_the_level_is_told_by_its_name(
    configure: Callable[..., Any], method: str, level: str
) -> None:
    lines = configure(level="DEBUG")

    getattr(structlog.get_logger(), method)("x.y")

    assert level == lines.last["level"]


def test_lines_below_the_level_are_not_written(configure: Callable[..., Any]) -> None:
    lines = configure(level="WARNING")

    structlog.get_logger().info("too.quiet")
    structlog.get_logger().warning("loud.enough")

    assert ["loud.enough"] == [line["event"] for line in lines.parsed]


def test_an_error_level_holds_for_libraries_too(configure: Callable[..., Any]) -> None:
    lines = configure(level="ERROR")

    logging.getLogger("redis").warning("not heard")
    logging.getLogger("redis").error("heard")

    assert ["heard"] == [line["message"] for line in lines.parsed]


def test_a_librarys_line_has_our_keys_and_the_command_id(configure: Callable[..., Any]) -> None:
    lines = configure()

    with bound_contextvars(command_id="c-7", chat="@ru_python"):
        logging.getLogger("telethon.network.mtprotosender").warning("Got %s bytes", 12)

    line = lines.last
    assert "library.message" == line["event"]
    assert "Got 12 bytes" == line["message"]
    assert "telethon.network.mtprotosender" == line["logger"]
    assert ("c-7", "@ru_python") == (line["command_id"], line["chat"])
    assert ("warning", "fetcher-1") == (line["level"], line["worker_id"])


def test_libraries_speak_in_full_only_at_debug(configure: Callable[..., Any]) -> None:
    quiet = configure(level="INFO")
    logging.getLogger("telethon").info("Connecting")
    full = configure(level="DEBUG")
    logging.getLogger("telethon").info("Connecting")

    assert "" == quiet.text
    assert "Connecting" == full.last["message"]


@pytest.mark.parametrize(
    "name", ["urllib3", "urllib3.connectionpool", "httpx2", "httpcore2.http11"]
)
def test_http_clients_speak_only_of_trouble(configure: Callable[..., Any], name: str) -> None:
    lines = configure(level="DEBUG")

    logging.getLogger(name).info("Starting new HTTP connection")
    logging.getLogger(name).warning("Retrying")

    assert ["Retrying"] == [line["message"] for line in lines.parsed]


async def test_tasks_carry_the_command_id_of_who_started_them(
    configure: Callable[..., Any],
) -> None:
    lines = configure()

    async def work() -> None:
        await trio.lowlevel.checkpoint()
        structlog.get_logger().info("day.sealed")
        await trio.to_thread.run_sync(structlog.get_logger().info, "file.written")

    async with trio.open_nursery() as nursery:
        for command_id in ("a", "b"):
            with bound_contextvars(command_id=command_id):
                nursery.start_soon(work)

    found = {(line["event"], line["command_id"]) for line in lines.parsed}
    assert {(event, i) for event in ("day.sealed", "file.written") for i in "ab"} == found


def test_warnings_become_lines(configure: Callable[..., Any]) -> None:
    lines = configure()

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old way", DeprecationWarning, stacklevel=1)

    assert "py.warnings" == lines.last["logger"]
    assert "old way" in lines.last["message"]


def test_an_asyncio_error_becomes_a_line(configure: Callable[..., Any]) -> None:
    lines = configure()
    loop = asyncio.new_event_loop()

    loop.call_exception_handler({"message": "Task was destroyed"})
    loop.close()

    assert ("asyncio", "error") == (lines.last["logger"], lines.last["level"])


def test_a_traceback_stands_in_one_line_and_shows_no_local_variables(
    configure: Callable[..., Any],
) -> None:
    lines = configure()

    try:
        hidden = "a local value"
        raise ValueError(len(hidden))
    except ValueError:
        structlog.get_logger().exception("command.crashed")

    line = lines.last
    assert "ValueError: 13" in line["exception"]
    assert "error" == line["level"]
    assert "hidden = 'a local value'" not in line["exception"]
    assert 1 == len(lines.text.splitlines())


def test_every_error_of_a_group_is_in_the_traceback(configure: Callable[..., Any]) -> None:
    lines = configure()

    try:
        raise ExceptionGroup("nursery", [ValueError("first"), OSError("second")])
    except ExceptionGroup:
        structlog.get_logger().exception("worker.crashed")

    assert "ValueError: first" in lines.last["exception"]
    assert "OSError: second" in lines.last["exception"]


class Broken:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def test_no_value_can_break_a_line(configure: Callable[..., Any]) -> None:
    lines = configure()
    endless: list[Any] = []
    endless.append(endless)

    structlog.get_logger().info(
        "odd.values",
        path=Path("/data"),
        raw=b"\xff",
        day=date(2025, 11, 7),
        moment=datetime(2025, 11, 7, 10, 23, 45, tzinfo=UTC),
        huge=2**70,
        lone="\ud83d",
        nan=float("nan"),
        keys={1: {"a", "a"}},
        broken=Broken(),
        endless=endless,
        lines="a\nb",
    )

    line = lines.last
    assert "PosixPath('/data')" == line["path"]
    assert "2025-11-07" == line["day"]
    assert "2025-11-07T10:23:45Z" == line["moment"]
    assert str(2**70) == line["huge"]
    assert {"1": ["a"]} == line["keys"]
    assert "<Broken without a repr: RuntimeError>" == line["broken"]
    assert "a\nb" == line["lines"]
    assert None is line["nan"]
    assert 1 == len(lines.text.splitlines())


def log_with_secret(secret: str) -> None:
    log = structlog.get_logger()
    log.info(f"hello {secret}", value=secret, nested={"list": [secret, (secret,)], secret: 1})
    log.info("as.number", number=int(secret) if secret.isdecimal() else 0, raw=secret.encode())
    log.info("in.repr", error=ValueError(secret), exception_like={"e": KeyError(secret)})
    logging.getLogger("redis").warning("cannot log in with %s", secret, extra={"x": secret})
    try:
        raise ConnectionError(f"redis://:{secret}@localhost")
    except ConnectionError:
        log.exception("redis.lost")
        logging.getLogger("telethon").exception("lost")


@pytest.mark.parametrize("format", ["json", "console"])
@pytest.mark.parametrize(
    "secret", [SECRET, 'with"quote', "back\\slash", "привет-мир", "level", "79990000001"]
)
def test_a_secret_appears_nowhere(configure: Callable[..., Any], secret: str, format: str) -> None:
    lines = configure(secrets=[secret, ""], format=format)

    log_with_secret(secret)

    text = lines.text.replace('"level"', "")  # the key of every line, which is not what is hidden
    forms = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    assert [] == [form for form in forms if form in text]
    assert "[secret]" in text
    assert 6 <= len(text.splitlines())


def test_a_secret_is_found_inside_a_url(configure: Callable[..., Any]) -> None:
    lines = configure(secrets=["p@ss/word"])

    structlog.get_logger().info("redis.connected", url="redis://:p%40ss%2Fword@host/0")

    assert "redis://:[secret]@host/0" == lines.last["url"]


def test_a_shorter_secret_does_not_leave_the_rest_of_a_longer_one(
    configure: Callable[..., Any],
) -> None:
    lines = configure(secrets=["abc", "abcdef"])

    structlog.get_logger().info("x.y", value="abcdef abc")

    assert "[secret] [secret]" == lines.last["value"]


def test_the_console_is_readable_and_without_colours_on_a_pipe(
    configure: Callable[..., Any],
) -> None:
    lines = configure(format="console")

    with bound_contextvars(command_id="c-1"):
        structlog.get_logger().info("command.claimed", deliveries=1)
        try:
            raise ValueError("boom")
        except ValueError:
            structlog.get_logger().exception("command.crashed")

    assert "command.claimed" in lines.text
    assert "command_id=c-1" in lines.text
    assert "ValueError: boom" in lines.text
    assert "\x1b[" not in lines.text
    assert "telegram-fetcher" not in lines.text


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    configure: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    no_color: str,
    coloured: bool,
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    stream = configure()
    stream.isatty = lambda: True
    configure(format="console", stream=stream)

    structlog.get_logger().info("command.claimed")

    assert coloured == ("\x1b[" in stream.text)


def test_configuring_again_replaces_what_was_set(configure: Callable[..., Any]) -> None:
    first = configure()
    second = configure(worker_id="fetcher-2")

    structlog.get_logger().info("x.y")

    assert "" == first.text
    assert ["fetcher-2"] == [line["worker_id"] for line in second.parsed]


def test_a_real_process_writes_only_json_lines_to_stdout() -> None:
    program = """
import logging, sys, structlog
from tgworker.telemetry.logging import configure_logging
configure_logging(level="INFO", format="json", service="s", environment="e", worker_id="w",
                  stream=sys.stdout, secrets=["geheim"])
structlog.get_logger("tgworker.x").info("a.b", text="привет 🎉")
logging.getLogger("hypercorn.error").error("geheim")
"""

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["a.b", "library.message"] == [line["event"] for line in lines]
    assert "привет 🎉" == lines[0]["text"]
    assert b"" == done.stderr
