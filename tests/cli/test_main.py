from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tgworker import __version__
from tgworker.cli.main import _COMMANDS as COMMANDS


def test_without_a_command_it_shows_what_there_is(tgworker: Callable[..., Any]) -> None:
    shown = tgworker("--help")

    assert 0 == shown.exit_code
    assert [] == [name for name in COMMANDS if f"\n  {name} " not in shown.output]
    assert "Exit codes: 0 done" in shown.output


def test_it_tells_its_version(tgworker: Callable[..., Any]) -> None:
    assert f"tgworker {__version__}\n" == tgworker("--version").output


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_teaches_by_examples(
    tgworker: Callable[..., Any], command: str, flag: str
) -> None:
    shown = tgworker(command, flag)

    assert 0 == shown.exit_code
    assert "Examples:" in shown.output
    assert f"  tgworker {command}" in shown.output


@pytest.mark.parametrize("command", ["run", "fetch", "submit", "listen", "status"])
def test_help_names_the_settings_that_are_read(tgworker: Callable[..., Any], command: str) -> None:
    shown = tgworker(command, "--help").output

    assert "Settings it reads, from the environment and .env:" in shown
    assert ("DATA_DIR" if command == "fetch" else "REDIS_URL") in shown


def test_an_unknown_command_is_bad_usage(tgworker: Callable[..., Any]) -> None:
    shown = tgworker("frobnicate")

    assert 2 == shown.exit_code
    assert "frobnicate" in shown.stderr


@pytest.mark.parametrize("command", ["run", "listen", "status", "submit", "fetch", "simulate"])
def test_bad_settings_are_told_all_at_once(tgworker: Callable[..., Any], command: str) -> None:
    more = {"submit": ["x_chat", "--days", "1"], "fetch": ["x_chat"]}
    more["simulate"] = ["--world", "w.json"]

    shown = tgworker(command, *more.get(command, []), LEASE_SECONDS="soon", EVENT_LOG_MAXLEN="0")

    assert 2 == shown.exit_code
    assert "2 problems" in shown.stderr
    assert "LEASE_SECONDS" in shown.stderr and "EVENT_LOG_MAXLEN" in shown.stderr
    assert "" == shown.stdout


def test_an_option_goes_before_the_environment(tgworker: Callable[..., Any]) -> None:
    shown = tgworker("status", "--redis-url", "redis://127.0.0.1:1", REDIS_URL="no url at all")

    assert "127.0.0.1:1" in shown.stdout
    assert 4 == shown.exit_code


def test_an_option_is_checked_as_its_setting_is(tgworker: Callable[..., Any]) -> None:
    shown = tgworker("status", "--redis-url", "http://x")

    assert 2 == shown.exit_code
    assert "REDIS_URL must be a URL" in shown.stderr
    assert 1 == len(shown.stderr.splitlines())


def test_dotenv_in_the_working_folder_is_read(tgworker: Callable[..., Any], tmp_path: Any) -> None:
    (tmp_path / ".env").write_text("REDIS_URL=redis://127.0.0.1:1\n")

    assert "127.0.0.1:1" in tgworker("status").stdout


def test_a_command_that_is_nearly_one_is_answered_with_what_was_meant(
    tgworker: Callable[..., Any],
) -> None:
    shown = tgworker("doctr")

    assert 2 == shown.exit_code
    assert "No such command 'doctr'. Did you mean 'doctor'?" in shown.output
    assert "Did you mean" not in tgworker("xyzzy").output
