"""Signing in, as a person does: in a pseudo-terminal, through pipes and files, against a Telegram that is simulated."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from dotenv import dotenv_values

from tests.cli.conftest import PATIENCE, Program, Terminal
from tgworker.adapters.telegram import trust_server_key
from tgworker.simulator.envfile import API_HASH

PHONE, CODE, PASSWORD, HINT = "+4930901820", "54321", "геheim 🔑", "as ever"
DAYS = {"from": "2025-11-01", "to": "2025-11-02", "per_day": [2]}
WORLD = {
    "seed": 7,
    "account": {"phone": PHONE, "code": CODE, "password": PASSWORD, "hint": HINT},
    "chats": [{"username": "ru_python", "title": "Python", "type": "supergroup", **DAYS}],
}

Start = Callable[..., Program]
Open = Callable[..., Terminal]


@frozen
class Telegram:
    """A simulator that runs, with an account that has a second password."""

    env: dict[str, str]
    control: str

    def settings(self, **changes: str) -> dict[str, str]:
        """For a session that is not there yet."""
        settings = {**self.env, "TELEGRAM_SESSION": "sessions/mine", **changes}
        return {key: value for key, value in settings.items() if value}

    def faults(self, *faults: dict[str, Any]) -> None:
        body = json.dumps(list(faults)).encode()
        urllib.request.urlopen(f"{self.control}/faults", body, timeout=PATIENCE).close()

    def requests(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.control}/stats", timeout=PATIENCE) as answer:
            return dict(json.load(answer)["requests"])

    def calm(self) -> None:
        for method, path in (("DELETE", "/faults"), ("POST", "/reset")):
            request = urllib.request.Request(self.control + path, method=method)
            urllib.request.urlopen(request, timeout=PATIENCE).close()


@pytest.fixture(scope="module")
def simulator(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Telegram]:
    folder = tmp_path_factory.mktemp("telegram")
    (folder / "world.json").write_text(json.dumps(WORLD))
    process = subprocess.Popen(
        [sys.executable, "-m", "tgworker", "simulate"]
        + ["--world", str(folder / "world.json"), "--env-file", str(folder / "sim.env")],
        stdout=subprocess.PIPE,
        cwd=request.config.rootpath,
    )
    assert process.stdout is not None
    control = json.loads(process.stdout.readline())["control_url"]
    env = {key: value or "" for key, value in dotenv_values(folder / "sim.env").items()}
    trust_server_key(Path(env["TELEGRAM_SERVER_KEY"]))
    yield Telegram(env, control)
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENCE)
    process.stdout.close()


@pytest.fixture
def telegram(simulator: Telegram) -> Telegram:
    simulator.calm()
    return simulator


def mode(path: Path) -> str:
    return oct(path.stat().st_mode & 0o777)


class TestOnATerminal:
    def test_it_asks_until_everything_is_right(
        self, telegram: Telegram, terminal: Open, start: Start, tmp_path: Path
    ) -> None:
        """Wrong number, another way of delivery, wrong code, expired code, wrong password; then all of it right."""
        telegram.faults({"method": "auth.signIn", "nth": 2, "error": "PHONE_CODE_EXPIRED"})
        settings = telegram.settings(TELEGRAM_PHONE="", LOG_LEVEL="DEBUG", LOG_FORMAT="json")
        here = terminal("login", **settings)

        here.wait_for("country's code (+49…): ")
        here.type("+4930")
        here.wait_for("That is no phone number Telegram knows")
        here.wait_for("(+49…): ")
        here.type(PHONE)
        assert "to the Telegram app" in here.wait_for("Code (Enter: send it by SMS): ")
        here.type("")
        assert "by SMS" in here.wait_for("Code (Enter: send it by a phone call): ")
        here.type("99 999")
        assert "That is not the code." in here.wait_for("Code (")
        here.wait_for(": ")
        here.type("77-777")
        assert "has expired. A new one is on its way" in here.wait_for(
            "Code (Enter: send it by SMS"
        )
        here.type(CODE)
        here.wait_for(f"Second password (hint: {HINT}): ")
        assert not here.echoes
        here.type("guess")
        here.wait_for("That is not the account's second password.")
        here.wait_for(": ")
        here.type(PASSWORD)
        here.wait_for("Signed in: Архив, @archivist, id 5000000001.")

        assert 0 == here.end()
        assert here.echoes
        assert [] == [s for s in (PASSWORD, "guess", API_HASH) if s in here.shown]
        lines = [line for line in here.shown.splitlines() if line.startswith("{")]
        assert lines, "at DEBUG there are log lines"
        typed = (PHONE.lstrip("+"), CODE, "99999", "77777")
        assert [] == [line for line in lines if any(secret in line for secret in typed)]
        assert {"auth.sendCode": 3, "auth.resendCode": 1, "auth.signIn": 3} == {
            name: count
            for name, count in telegram.requests().items()
            if name in ("auth.sendCode", "auth.resendCode", "auth.signIn")
        }
        assert "0o600" == mode(tmp_path / "sessions" / "mine.session")
        assert "0o700" == mode(tmp_path / "sessions")
        code, out, err = start("whoami", **settings | {"LOG_LEVEL": "INFO"}).end()
        assert (0, "") == (code, err)
        assert {
            "id": 5000000001,
            "name": "Архив",
            "username": "archivist",
            "phone": "+493•••••20",
            "data_center": 2,
            "session": str(tmp_path / "sessions" / "mine.session"),
        } == json.loads(out)

    def test_giving_up_at_the_password_leaves_the_terminal_as_it_was_and_no_login(
        self, telegram: Telegram, terminal: Open, start: Start
    ) -> None:
        here = terminal("login", **telegram.settings())
        here.wait_for("Code (")
        here.type(CODE)
        here.wait_for("Second password")
        here.wait_for(": ")

        here.press(b"\x03")

        assert 130 == here.end()
        assert here.echoes
        code, out, _ = start("login", "--check", **telegram.settings()).end()
        assert (3, True) == (code, "is not logged in. Run `tgworker login`." in out)
