from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.telemetry.store import open_store
from tgworker.cli import setup
from tgworker.cli.border import exit_code_of
from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    InvalidCommandError,
    OutageError,
    ParkedError,
    QueueRefusedError,
    QueueUnavailableError,
    SettingsError,
    StorageError,
    TgworkerError,
)
from tgworker.settings import load_settings


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (TgworkerError("x"), 1),
        (StorageError("x"), 1),
        (ChatUnavailableError("x"), 1),
        (ParkedError("x", resume_at=datetime.now(UTC)), 1),
        (SettingsError(["x"]), 2),
        (InvalidCommandError([]), 2),
        (QueueRefusedError("x"), 2),
        (AccountUnusableError("x"), 3),
        (QueueUnavailableError("x"), 4),
        (OutageError("x"), 4),
    ],
)
def test_every_error_has_its_exit_code(error: TgworkerError, code: int) -> None:
    assert code == exit_code_of(error)


def test_a_worker_that_cannot_start_says_why_in_the_log_and_on_stderr(
    tgworker: Callable[..., Any],
) -> None:
    """And it does so before it waits for a Redis that is away."""
    done = tgworker("run", REDIS_URL="redis://127.0.0.1:1")

    last = json.loads(done.stdout.splitlines()[-1])
    assert 2 == done.exit_code
    assert ("worker.failed", "critical", 2) == (last["event"], last["level"], last["exit_code"])
    assert "TELEGRAM_API_ID" in last["error"]
    assert "Error: TELEGRAM_API_ID is not set" in done.stderr
    assert "redis.away" not in done.stdout


def test_a_crash_is_logged_without_secrets(
    tgworker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(settings: Any, _: Any) -> int:  # noqa: ASYNC124  # stands for one that awaits
        raise RuntimeError(f"{settings.telegram_api_hash.reveal()} and p%40ss and p@ss")

    # What crashes a worker is by definition what nobody knew of: it can only be put there.
    monkeypatch.setattr("tgworker.cli.run.run_worker", crash)

    done = tgworker("run", TELEGRAM_API_HASH="geheim", REDIS_URL="redis://:p%40ss@host/0")

    line = json.loads(done.stdout)
    assert (1, "worker.crashed") == (done.exit_code, line["event"])
    assert "RuntimeError: [secret] and [secret] and [secret]" in line["exception"]
    assert "" == done.stderr


def test_all_secrets_are_known_to_the_log() -> None:
    settings = load_settings(
        {
            "TELEGRAM_API_HASH": "hash",
            "TELEGRAM_PHONE": "+4917012345",
            "TELEGRAM_PASSWORD": "second",
            "REDIS_URL": "redis://user:p%40ss@host/0",
            "LOKI_URL": "https://me:loki-key@loki.example/push",
            "NOTIFY_WEBHOOK_URL": "https://hooks.example/services/T0/key?token=more",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-scope=1,authorization=Bearer%20otel-key",
        }
    )

    secrets = set(setup.secrets_of(settings)) - {""}

    assert {
        *("hash", "+4917012345", "4917012345", "second"),
        *("p%40ss", "p@ss", "loki-key"),
        "/services/T0/key?token=more",
        *("x-scope=1,authorization=Bearer%20otel-key", "Bearer otel-key"),
    } == secrets


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "Name a chat, or set FETCH_CHATS."),
        (["../x", "a/b", "--days", "0"], "3 problems"),
        (["ru_python", "--full", "--days", "1"], "in one way only"),
        (["ru_python", "--date", "soon"], "--date must be a day"),
    ],
)
def test_fetch_refuses_what_makes_no_sense(
    tgworker: Callable[..., Any], args: list[str], words: str
) -> None:
    done = tgworker("fetch", *args)

    assert (2, "") == (done.exit_code, done.stdout)
    assert words in done.stderr


def test_fetch_without_an_account_says_what_is_missing(tgworker: Callable[..., Any]) -> None:
    done = tgworker("fetch", "ru_python")

    assert 2 == done.exit_code
    assert "TELEGRAM_API_ID is not set" in done.stderr


def test_debug_is_heeded_by_tools_too(tgworker: Callable[..., Any], redis_url: str) -> None:
    quiet = tgworker("fetch", "ru_python", LOG_LEVEL="INFO", TELEGRAM_API_ID="1")
    loud = tgworker("fetch", "ru_python", LOG_LEVEL="DEBUG", TELEGRAM_API_ID="1")

    assert "asyncio" not in quiet.stderr
    assert "asyncio" in loud.stderr


def test_why_a_worker_ended_reaches_the_log_store_as_well(
    tgworker: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said when all that ships lines has ended."""

    async def crash(*_: object) -> int:  # noqa: ASYNC124  # as the worker is
        raise RuntimeError("something")

    monkeypatch.setattr("tgworker.cli.run.run_worker", crash)
    with open_store() as store:
        assert 1 == tgworker("run", VICTORIA_LOGS_URL=store.url).exit_code

    assert ["worker.crashed"] == [line["event"] for line in store.lines()]
