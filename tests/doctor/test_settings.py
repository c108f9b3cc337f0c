from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doctor.conftest import MakeSettings
from tgworker.doctor import settings as settings_check
from tgworker.doctor.settings import look_at_settings
from tgworker.errors import SettingsError
from tgworker.settings import find_lookalikes

Outcomes = Callable[..., dict[str, str]]
NONE = Path("/nonexistent/.env")


async def test_settings_that_make_sense_are_well(
    make_settings: MakeSettings, outcomes: Outcomes
) -> None:
    told = outcomes(await look_at_settings(make_settings(), {}, NONE))

    assert {"ok"} == set(told.values())


async def test_every_problem_is_a_finding_of_its_own() -> None:
    findings = await look_at_settings(SettingsError(["A is wrong", "B is wrong"]), {}, NONE)

    problems = [each for each in findings if each.outcome == "problem"]
    assert ["A is wrong", "B is wrong"] == [each.found for each in problems]
    assert all(isinstance(each.error, SettingsError) for each in problems)


async def test_what_every_worker_needs_is_missed(make_settings: MakeSettings) -> None:
    finding, *_ = await look_at_settings(make_settings(TELEGRAM_API_ID=""), {}, NONE)

    assert "TELEGRAM_API_ID is not set" == finding.found
    assert isinstance(finding.error, SettingsError)


async def test_a_name_in_env_or_environment_that_looks_like_a_setting_is_told(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("FETCH_CHAT=ru_python\nSOMETHING_ELSE=1\n")

    findings = await look_at_settings(make_settings(), {"REQUEST_PER_SECOND": "3"}, dotenv)

    told = [(each.found, each.advice) for each in findings if each.check == "settings.names"]
    assert [
        ("nobody heeds FETCH_CHAT", "Call it FETCH_CHATS, or remove it."),
        ("nobody heeds REQUEST_PER_SECOND", "Call it REQUESTS_PER_SECOND, or remove it."),
    ] == told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("requests_per_second", "REQUESTS_PER_SECOND"),
        ("TGWORKER_REDIS_URL", "REDIS_URL"),
        ("TELEGRAM_APIID", "TELEGRAM_API_ID"),
        ("TELEGRAM_API_HASH_FILES", "TELEGRAM_API_HASH_FILE"),
        ("MAX_RETRIES", None),
        ("REDIS_PASSWORD_FILE", None),
        ("XDG_DATA_DIRS", None),
        ("HTTP_PROXY", None),
        ("LOGNAME", None),
        ("PATH", None),
        ("HOME", None),
    ],
)
def test_only_what_can_hardly_mean_anything_else_is_a_lookalike(
    name: str, meant: str | None
) -> None:
    assert ({} if meant is None else {name: meant}) == find_lookalikes([name])


@pytest.mark.parametrize(
    ("env", "part"),
    [
        ({"REQUESTS_PER_SECOND": "20"}, "REQUESTS_PER_SECOND is 20"),
        ({"REQUEST_BURST": "50"}, "REQUEST_BURST is 50"),
        ({"TELEGRAM_SERVER": "127.0.0.1:443"}, "TELEGRAM_SERVER_KEY"),
        ({"BACKOFF_BASE_SECONDS": "60"}, "BACKOFF_BASE_SECONDS is above"),
        ({"RETRY_MAX_ELAPSED_SECONDS": "20"}, "no timeout is tried again"),
        ({"LEASE_SECONDS": "3600"}, "LEASE_SECONDS is 3600"),
        ({"MAX_DELIVERIES": "1"}, "MAX_DELIVERIES is 1"),
        ({"SHUTDOWN_TIMEOUT_SECONDS": "0"}, "SHUTDOWN_TIMEOUT_SECONDS is 0"),
        ({"ENVIRONMENT": "production"}, "PUSHGATEWAY_URL is not set"),
        (
            {"ENVIRONMENT": "production", "LOG_LEVEL": "DEBUG", "METRICS_MODE": "scrape"},
            "LOG_LEVEL is DEBUG",
        ),
        ({"HTTP_HOST": "0.0.0.0"}, "HTTP_HOST is 0.0.0.0"),
        ({"REDIS_URL": "redis://:hunter2@redis.example:6379"}, "to redis.example in the clear"),
        ({"REDIS_URL": "redis://:hunter2@1.1.1.1"}, "to 1.1.1.1 in the clear"),
    ],
    ids=str,
)
async def test_what_is_allowed_and_unwise_is_warned_of(
    make_settings: MakeSettings,
    outcomes: Outcomes,
    monkeypatch: pytest.MonkeyPatch,
    env: dict[str, str],
    part: str,
) -> None:
    monkeypatch.setattr(settings_check, "_CONTAINERS", ())

    findings = await look_at_settings(make_settings(**env), {}, NONE)

    assert "warning" == outcomes(findings)["settings.wisdom"]
    [found] = [each.found for each in findings if each.check == "settings.wisdom"]
    assert part in found
    assert "hunter2" not in repr(findings)


@pytest.mark.parametrize(
    "env",
    [
        {"REDIS_URL": "redis://:hunter2@10.0.0.7"},
        {"REDIS_URL": "redis://:hunter2@redis"},
        {"REDIS_URL": "rediss://:hunter2@redis.example"},
        {"TELEGRAM_SERVER": "127.0.0.1:1", "TELEGRAM_SERVER_KEY": "k", "REQUESTS_PER_SECOND": "99"},
        {"HTTP_HOST": "0.0.0.0", "METRICS_MODE": "off"},
    ],
    ids=str,
)
async def test_what_is_wise_is_not(
    make_settings: MakeSettings, outcomes: Outcomes, env: dict[str, str]
) -> None:
    findings = await look_at_settings(make_settings(**env), {}, NONE)

    assert "ok" == outcomes(findings)["settings.wisdom"]


async def test_files_with_secrets_that_others_may_read_are_told(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    dotenv, named = tmp_path / ".env", tmp_path / "hash"
    dotenv.write_text("TELEGRAM_API_HASH=x\n")
    named.write_text("x")
    dotenv.chmod(0o644)
    named.chmod(0o640)
    environ = {"REDIS_PASSWORD_FILE": str(named)}

    async def told() -> list[str | None]:
        findings = await look_at_settings(make_settings(), environ, dotenv)
        return [each.advice for each in findings if each.check == "settings.secrets"]

    assert [f"chmod 600 {dotenv}", f"chmod 600 {named}"] == await told()
    dotenv.chmod(0o600)
    named.chmod(0o600)
    assert [None] == await told()


async def test_secrets_that_a_container_is_given_may_be_read_by_its_user(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever that is: the files are somebody else's, and only who is inside sees them."""
    mounted = tmp_path / "secrets"
    mounted.mkdir()
    (mounted / "redis_password").write_text("x")
    (mounted / "redis_password").chmod(0o444)
    monkeypatch.setattr(settings_check, "_MOUNTED", mounted)
    environ = {"REDIS_PASSWORD_FILE": str(mounted / "redis_password")}

    findings = await look_at_settings(make_settings(), environ, tmp_path / ".env")

    assert [None] == [each.advice for each in findings if each.check == "settings.secrets"]


async def test_an_env_file_that_can_not_be_read_hides_nothing_else(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_bytes(b"\xff")
    error = SettingsError([".env can't be read"])

    findings = await look_at_settings(error, {}, dotenv)

    assert ["settings.values", "settings.names", "settings.secrets"] == [f.check for f in findings]
