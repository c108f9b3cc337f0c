from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.doctor.conftest import MakeSettings
from tgworker.adapters.telegram.session_file import open_session
from tgworker.doctor.finding import Finding
from tgworker.doctor.telegram import look_at_telegram
from tgworker.errors import AccountUnusableError, SettingsError, StorageError
from tgworker.simulator.compose import Simulator

Outcomes = Callable[..., dict[str, str]]


def find(findings: list[Finding], check: str) -> Finding:
    [found] = [each for each in findings if each.check == check]
    return found


async def test_who_is_signed_in_is_told_for_three_cheap_requests_and_no_change(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    login: dict[str, str],
    simulator: Simulator,
) -> None:
    session = Path(login["TELEGRAM_SESSION"])
    before = session.read_bytes()

    findings = await look_at_telegram(make_settings(**login))

    assert {
        "telegram.session": "ok",
        "telegram.floods": "ok",
        "telegram.login": "ok",
        "telegram.clock": "ok",
    } == outcomes(findings)
    assert str(simulator.world.account.id) in find(findings, "telegram.login").found
    assert {"help.getConfig": 1, "users.getUsers": 1, "help.getAppConfig": 1} == dict(
        simulator.stats.summary()["requests"]
    )
    assert before == session.read_bytes()
    assert {session.name} == {path.name for path in session.parent.glob("*.session*")}


async def test_without_a_session_it_says_to_sign_in_and_makes_none(
    aio_loop: None, make_settings: MakeSettings, tmp_path: Path
) -> None:
    [finding] = await look_at_telegram(make_settings())

    assert isinstance(finding.error, AccountUnusableError)
    assert "tgworker login" in str(finding.advice)
    assert [] == list(tmp_path.iterdir())


async def test_a_session_that_was_never_signed_in_is_unusable(
    aio_loop: None, make_settings: MakeSettings, login: dict[str, str], tmp_path: Path
) -> None:
    empty = tmp_path / "empty.session"
    with open_session(empty):
        pass

    findings = await look_at_telegram(make_settings(**{**login, "TELEGRAM_SESSION": str(empty)}))

    assert isinstance(find(findings, "telegram.login").error, AccountUnusableError)


@pytest.mark.parametrize("name", ["SESSION_REVOKED", "USER_DEACTIVATED_BAN"])
async def test_an_account_that_telegram_refuses_is_unusable(
    aio_loop: None,
    make_settings: MakeSettings,
    login: dict[str, str],
    simulator: Simulator,
    name: str,
) -> None:
    simulator.add_faults({"method": "users.getUsers", "error": name})

    findings = await look_at_telegram(make_settings(**login))

    error = find(findings, "telegram.login").error
    assert isinstance(error, AccountUnusableError)
    assert name.lower() == error.error_type


class TestFrozen:
    @pytest.fixture
    def world(self) -> dict[str, Any]:
        return {"seed": 7, "users": 2, "chats": [], "account": {"frozen": True}}

    async def test_an_account_that_still_answers_and_is_frozen_is_unusable(
        self, aio_loop: None, make_settings: MakeSettings, login: dict[str, str]
    ) -> None:
        finding = find(await look_at_telegram(make_settings(**login)), "telegram.login")

        assert isinstance(finding.error, AccountUnusableError)
        assert f"since {datetime.now(UTC):%Y-}" in finding.found
        assert "@SpamBot" in str(finding.advice)


@pytest.mark.parametrize(("skew", "outcome"), [(10, "warning"), (-200, "problem")])
async def test_a_clock_that_is_off_is_told(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    login: dict[str, str],
    simulator: Simulator,
    skew: int,
    outcome: str,
) -> None:
    simulator.add_faults({"clock_skew_s": skew})

    told = outcomes(await look_at_telegram(make_settings(**login)))

    assert (outcome, "ok") == (told["telegram.clock"], told["telegram.login"])


async def test_waits_that_still_run_are_told_and_kept(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    login: dict[str, str],
    simulator: Simulator,
) -> None:
    with open_session(Path(login["TELEGRAM_SESSION"])) as session:
        session.remember_flood("messages.getHistory", time.time() + 500, 600)
        session.remember_flood("users.getUsers", time.time() + 500, 30)

    findings = await look_at_telegram(make_settings(**login))

    told = outcomes(findings)
    assert ("warning", "skipped") == (told["telegram.floods"], told["telegram.login"])
    # A clock that was set back makes no wait longer than it was.
    assert "users.getUsers for 30 s" in find(findings, "telegram.floods").found
    assert {} == dict(simulator.stats.summary()["requests"])


async def test_a_wait_that_telegram_asks_for_now_is_no_problem(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    login: dict[str, str],
    simulator: Simulator,
) -> None:
    simulator.add_faults({"method": "users.getUsers", "error": "FLOOD_WAIT_30"})

    assert "warning" == outcomes(await look_at_telegram(make_settings(**login)))["telegram.login"]


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ({"status": "healthy", "reason": "waiting for commands", "worker": "w-1"}, "ok"),
        ({"status": "hung", "reason": "nothing has moved", "worker": "w-1"}, "problem"),
        (None, "skipped"),
    ],
    ids=["well", "hung", "silent"],
)
async def test_who_holds_the_session_is_asked_for_it(
    aio_loop: None,
    make_settings: MakeSettings,
    outcomes: Outcomes,
    login: dict[str, str],
    simulator: Simulator,
    tmp_path: Path,
    told: dict[str, str] | None,
    outcome: str,
) -> None:
    if told is not None:
        told["ts"] = datetime.now(UTC).isoformat()
        (tmp_path / "healthy").write_text(json.dumps(told))
    with open_session(Path(login["TELEGRAM_SESSION"])):
        findings = await look_at_telegram(make_settings(**login))

    assert outcome == outcomes(findings)["telegram.login"]
    assert "held by process" in find(findings, "telegram.session").found
    assert {} == dict(simulator.stats.summary()["requests"])


async def test_a_session_that_others_may_read_is_warned_of_and_left_so(
    aio_loop: None, make_settings: MakeSettings, login: dict[str, str]
) -> None:
    session = Path(login["TELEGRAM_SESSION"])
    session.chmod(0o644)

    finding = find(await look_at_telegram(make_settings(**login)), "telegram.session")

    assert f"chmod 600 {session}" == finding.advice
    assert 0o644 == session.stat().st_mode & 0o777


async def test_what_is_no_session_is_a_matter_of_settings(
    aio_loop: None, make_settings: MakeSettings, tmp_path: Path
) -> None:
    file = tmp_path / "other.session"
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("create table version (version integer)")
        other.execute("insert into version values (99)")
    text = tmp_path / "text.session"
    text.write_text("This is no database, and long enough to be read as one." * 20)

    for path in (file, text):
        findings = await look_at_telegram(make_settings(TELEGRAM_SESSION=str(path)))
        assert isinstance(find(findings, "telegram.login").error, SettingsError)


async def test_a_session_in_a_folder_that_is_none_can_not_be_read(
    aio_loop: None, make_settings: MakeSettings, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()

    [finding] = await look_at_telegram(make_settings(TELEGRAM_SESSION=str(tmp_path / "file" / "s")))

    assert isinstance(finding.error, StorageError)


async def test_a_telegram_that_is_away_is_a_problem(
    aio_loop: None, make_settings: MakeSettings, login: dict[str, str]
) -> None:
    findings = await look_at_telegram(make_settings(**{**login, "TELEGRAM_SERVER": "127.0.0.1:1"}))

    finding = find(findings, "telegram.login")
    assert "No answer from Telegram" in finding.found and "network" in str(finding.advice)


@pytest.mark.parametrize("why", ["offline", "TELEGRAM_API_ID is not set"])
async def test_there_are_reasons_not_to_ask(
    aio_loop: None,
    make_settings: MakeSettings,
    login: dict[str, str],
    simulator: Simulator,
    why: str,
) -> None:
    offline = why == "offline"
    settings = make_settings(**{**login, **({} if offline else {"TELEGRAM_API_ID": ""})})

    finding = find(await look_at_telegram(settings, offline=offline), "telegram.login")

    assert ("skipped", True) == (finding.outcome, why in finding.found)
    assert {} == dict(simulator.stats.summary()["requests"])
