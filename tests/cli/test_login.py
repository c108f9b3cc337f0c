"""Signing in, as a person does: in a pseudo-terminal, through pipes and files, against a Telegram that is simulated."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import Result
from dotenv import dotenv_values
from telethon import TelegramClient
from telethon.sessions import MemorySession, SQLiteSession, StringSession
from telethon.tl import functions

from tests.cli.conftest import PATIENCE, Program, Terminal
from tgworker.adapters.telegram import open_session, trust_server_key
from tgworker.simulator.envfile import API_HASH

PHONE, CODE, PASSWORD, HINT = "+4930901820", "54321", "геheim 🔑", "as ever"
DAYS = {"from": "2025-11-01", "to": "2025-11-02", "per_day": [2]}
WORLD = {
    "seed": 7,
    "account": {"phone": PHONE, "code": CODE, "password": PASSWORD, "hint": HINT},
    "chats": [{"username": "ru_python", "title": "Python", "type": "supergroup", **DAYS}],
}
OLD = {"TELEGRAM_PASSWORD": "of last year"}

Start = Callable[..., Program]
Open = Callable[..., Terminal]
Type = Callable[..., Result]


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

    def calls(self, method: str) -> list[float]:
        """When this was asked for, in seconds."""
        with urllib.request.urlopen(f"{self.control}/log?since=0", timeout=PATIENCE) as answer:
            return [call["seconds"] for call in json.load(answer) if call["method"] == method]

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
        self, telegram: Telegram, terminal: Open, tgworker: Type, tmp_path: Path
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
        whoami = tgworker("whoami", **settings | {"LOG_LEVEL": "INFO"})
        assert (0, "") == (whoami.exit_code, whoami.stderr)
        assert {
            "id": 5000000001,
            "name": "Архив",
            "username": "archivist",
            "phone": "+493•••••20",
            "data_center": 2,
            "session": str(tmp_path / "sessions" / "mine.session"),
        } == json.loads(whoami.stdout)

    def test_giving_up_at_the_password_leaves_the_terminal_as_it_was_and_no_login(
        self, telegram: Telegram, terminal: Open, tgworker: Type
    ) -> None:
        here = terminal("login", **telegram.settings())
        here.wait_for("Code (")
        here.type(CODE)
        here.wait_for("Second password")
        here.wait_for(": ")

        here.press(b"\x03")

        assert 130 == here.end()
        assert here.echoes
        check = tgworker("login", "--check", **telegram.settings())
        assert 3 == check.exit_code
        assert "is not logged in. Run `tgworker login`." in check.stdout

    def test_a_qr_code_is_drawn_and_who_scans_it_signs_in(
        self, telegram: Telegram, terminal: Open, start: Start
    ) -> None:
        settings = telegram.settings(TELEGRAM_PASSWORD=PASSWORD)
        here = terminal("login", "--qr", **settings)
        drawn = here.wait_for("then another one is drawn.")
        other = start("login", "--qr", **settings | {"TELEGRAM_SESSION": "other"})
        url = other.line()

        accept(telegram, url)

        assert 15 <= len([line for line in drawn.splitlines() if "▀" in line])
        here.press(b"\x03")
        assert 130 == here.end()
        code, out, _ = other.end()
        assert (0, True) == (code, out.startswith("Signed in: Архив"))
        assert url.startswith("tg://login?token=")


def accept(telegram: Telegram, url: str) -> None:
    """What the Telegram app does that scans a code: a client that is signed in accepts its token."""

    async def scan() -> None:
        original = SQLiteSession(telegram.env["TELEGRAM_SESSION"])
        session = MemorySession()
        session.set_dc(original.dc_id, original.server_address, original.port)
        session.auth_key = original.auth_key
        original.close()
        async with TelegramClient(session, 1, API_HASH, receive_updates=False) as client:
            encoded = url.strip().partition("token=")[2]
            token = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
            await client(functions.auth.AcceptLoginTokenRequest(token))

    asyncio.run(scan())


class TestWithoutATerminal:
    def test_the_answers_are_piped_in(self, telegram: Telegram, start: Start) -> None:
        settings = telegram.settings(TELEGRAM_PHONE="")

        code, out, err = start(
            "login", stdin=f"{PHONE}\n1\n{CODE}\nguess\n{PASSWORD}\n", **settings
        ).end()

        assert 0 == code, err
        assert out.startswith("Signed in: Архив, @archivist, id 5000000001. The session is ")
        assert [] == [secret for secret in (PHONE, CODE, PASSWORD, "guess") if secret in err]

    def test_where_nobody_answers_it_says_what_to_set(
        self, telegram: Telegram, start: Start
    ) -> None:
        code, out, err = start("login", **telegram.settings(TELEGRAM_PHONE="")).end()
        assert (2, "", "Error: Nobody answers: set TELEGRAM_PHONE\n") == (
            code,
            out,
            err.splitlines(keepends=True)[-1],
        )

        code, out, err = start("login", **telegram.settings()).end()
        assert (2, True) == (code, "pipe the code in, or use --code-file" in err)

    @pytest.mark.parametrize(
        ("answers", "changes", "exit_code", "last"),
        [
            ("+4930\n", {"TELEGRAM_PHONE": ""}, 1, "That is no phone number Telegram knows"),
            ("99999\n", {}, 1, "That is not the code."),
            (f"{CODE}\nguess\n", OLD, 1, "That is not the account's second password."),
            (f"{CODE}\n", OLD, 2, "TELEGRAM_PASSWORD is not the account's second password."),
        ],
    )
    def test_where_nobody_answers_again_it_says_what_was_wrong(
        self,
        telegram: Telegram,
        start: Start,
        answers: str,
        changes: dict[str, str],
        exit_code: int,
        last: str,
    ) -> None:
        login = start("login", stdin=answers, **telegram.settings(**changes))

        code, _, err = login.end()

        assert (exit_code, True) == (code, err.splitlines()[-1].startswith(f"Error: {last}"))

    def test_the_code_comes_in_a_file(
        self, telegram: Telegram, start: Start, tmp_path: Path
    ) -> None:
        """A wrong one, without an end of line, is followed by the right one; each is removed when it was read."""
        file = tmp_path / "code"
        login = start(
            "login", "--code-file", str(file), **telegram.settings(TELEGRAM_PASSWORD=PASSWORD)
        )
        stderr = login.process.stderr
        assert stderr is not None

        said = stderr.readline() + stderr.readline()
        file.write_text("11111")
        while file.exists():
            time.sleep(0.01)
        said += stderr.readline() + stderr.readline()
        file.write_text(f"{CODE}\n")
        code, out, _ = login.end()

        assert (0, True) == (code, out.startswith("Signed in: "))
        assert [
            "Telegram has sent a code of 5 digits to the Telegram app on the account's other devices.",
            f"Waiting for the code in {file} …",
            "That is not the code.",
            f"Waiting for the code in {file} …",
        ] == said.splitlines()
        assert not file.exists()

    def test_a_code_of_an_earlier_login_is_not_taken(self, tgworker: Type, tmp_path: Path) -> None:
        (tmp_path / "code").write_text(CODE)

        result = tgworker("login", "--code-file", "code")

        assert 2 == result.exit_code
        assert "code is there already: remove it" in result.stderr


class TestTheSession:
    def test_it_is_taken_over_looked_at_and_ended(
        self, telegram: Telegram, tgworker: Type, start: Start, tmp_path: Path
    ) -> None:
        """A string session is taken over; then one says so; nothing else takes its place."""
        original = telegram.env["TELEGRAM_SESSION"]
        string = string_of(Path(original))
        (tmp_path / "string").write_text("nonsense")
        settings = telegram.settings(LOG_LEVEL="DEBUG", LOG_FORMAT="json")
        mine = tmp_path / "sessions" / "mine.session"

        before = tgworker("login", "--check", **settings)
        nothing = tgworker("login", "--import", "string", **settings)
        made = mine.exists()
        taken = start("login", "--import", "-", stdin=f"{string}\n", **settings).end()
        check = tgworker("login", "--check", **settings)
        again = tgworker("login", **settings)
        other = tgworker("login", "--import", original, **settings)

        assert (3, "There is no session sessions/mine.session yet. Run `tgworker login`.\n") == (
            before.exit_code,
            before.stdout,
        )
        assert (1, False) == (nothing.exit_code, made)
        assert "no string session of Telethon" in nothing.stderr
        me = "Signed in: Архив, @archivist, id 5000000001"
        assert (0, f"{me}. The session is sessions/mine.session\n") == taken[:2]
        assert "Telegram ends a login that two programs use at once" in taken[2]
        assert (0, f"{me}\n") == (check.exit_code, check.stdout)
        assert (0, True) == (again.exit_code, again.stdout.startswith("Signed in already: Архив"))
        assert (2, True) == (other.exit_code, "First tgworker login --logout" in other.stderr)
        assert string[1:60] not in "".join((*taken[1:], check.output, again.output))
        assert "0o600" == mode(mine)

    def test_logging_out_ends_it_at_telegram_and_removes_the_file(
        self, telegram: Telegram, tgworker: Type, start: Start, tmp_path: Path
    ) -> None:
        settings = telegram.settings(TELEGRAM_PASSWORD=PASSWORD)
        assert 0 == start("login", stdin=f"{CODE}\n", **settings).end()[0]
        folder = tmp_path / "sessions"
        (tmp_path / "string").write_text(string_of(folder / "mine.session"))

        telegram.faults({"method": "auth.logOut", "times": 1, "drop": "before"})
        lost = tgworker("login", "--logout", **settings)
        kept = [path.name for path in folder.glob("*.session")]
        ended = tgworker("login", "--logout", **settings)
        left = [path.name for path in folder.iterdir()]
        again = tgworker("login", "--logout", **settings)
        dead = tgworker("login", "--import", "string", **settings)

        assert (1, ["mine.session"]) == (lost.exit_code, kept)
        assert (0, True) == (ended.exit_code, ended.stdout.startswith("Signed out: Архив"))
        assert ["mine.session.lock"] == left
        assert (0, True) == (again.exit_code, again.stdout.startswith("Nobody is signed in"))
        assert (3, True) == (dead.exit_code, "not logged in (any more)" in dead.stderr)

    def test_one_that_telegram_has_ended_is_cleaned_away_too(
        self, telegram: Telegram, tgworker: Type, tmp_path: Path
    ) -> None:
        file = tmp_path / "mine.session"
        shutil.copy(telegram.env["TELEGRAM_SESSION"], file)
        settings = telegram.settings(TELEGRAM_SESSION=str(file))
        telegram.faults(
            {"method": "users.getUsers", "nth": 1, "error": "FROZEN_METHOD_INVALID"},
            {"method": "users.getUsers", "nth": 2, "error": "SESSION_REVOKED"},
        )

        frozen = tgworker("login", "--logout", **settings)
        kept = file.exists()
        revoked = tgworker("login", "--logout", **settings)

        assert (3, True) == (frozen.exit_code, kept)
        assert (0, False) == (revoked.exit_code, file.exists())
        assert "Nobody was signed in any more." in revoked.stdout


class TestAFloodWait:
    def test_nobody_asks_inside_a_long_one_and_all_say_when_it_is_over(
        self, telegram: Telegram, tgworker: Type, tmp_path: Path
    ) -> None:
        """Telegram is asked by the first command, once; the session remembers what it said."""
        file = tmp_path / "mine.session"
        shutil.copy(telegram.env["TELEGRAM_SESSION"], file)
        settings = telegram.settings(TELEGRAM_SESSION=str(file), FLOOD_WAIT_STRATEGY="fail")
        telegram.faults({"method": "users.getUsers", "error": "FLOOD_WAIT_600"})

        for command in (["whoami"], ["login", "--check"], ["login", "--logout"], ["login"]):
            result = tgworker(*command, **settings)

            assert (1, "") == (result.exit_code, result.stdout)
            assert "s before the next users.getUsers. Try again at 20" in result.stderr
            assert 1 == len(telegram.calls("users.getUsers"))
        assert file.exists()

    def test_a_short_one_is_waited_for(
        self, telegram: Telegram, tgworker: Type, tmp_path: Path
    ) -> None:
        file = tmp_path / "mine.session"
        shutil.copy(telegram.env["TELEGRAM_SESSION"], file)
        telegram.faults({"method": "users.getUsers", "nth": 1, "error": "FLOOD_WAIT_1"})

        result = tgworker("whoami", **telegram.settings(TELEGRAM_SESSION=str(file)))

        first, second = telegram.calls("users.getUsers")
        assert (0, 5000000001) == (result.exit_code, json.loads(result.stdout)["id"])
        assert 1 <= second - first


def string_of(file: Path) -> str:
    session = SQLiteSession(str(file))
    try:
        return str(StringSession.save(session))
    finally:
        session.close()


def test_a_worker_that_holds_the_session_is_named(
    telegram: Telegram, tgworker: Type, tmp_path: Path
) -> None:
    settings = telegram.settings()
    with open_session(tmp_path / "sessions" / "mine"):
        for command in (["login"], ["login", "--check"], ["whoami"], ["chats"]):
            result = tgworker(*command, **settings)

            assert (2, True) == (result.exit_code, f"process {os.getpid()}" in result.stderr)


@pytest.mark.parametrize("command", [["run"], ["fetch", "@ru_python", "--days", "1"], ["chats"]])
def test_whoever_needs_a_login_and_has_none_is_told_to_sign_in(
    telegram: Telegram, tgworker: Type, command: list[str], redis_url: str, tmp_path: Path
) -> None:
    more = {"REDIS_URL": redis_url, "METRICS_MODE": "off"}

    result = tgworker(*command, **telegram.settings(), **more)

    assert (3, True) == (result.exit_code, "Run `tgworker login`." in result.output)
    assert not (tmp_path / "sessions").exists()


@pytest.mark.parametrize(
    ("unset", "words"),
    [
        ("TELEGRAM_API_ID", "TELEGRAM_API_ID is not set"),
        ("TELEGRAM_API_HASH", "TELEGRAM_API_HASH is not set"),
    ],
)
def test_what_it_can_not_do_without_is_named(
    telegram: Telegram, tgworker: Type, unset: str, words: str
) -> None:
    result = tgworker("login", **telegram.settings(**{unset: ""}))

    assert (2, True) == (result.exit_code, words in result.stderr)


def test_two_ways_at_once_are_refused(tgworker: Type) -> None:
    result = tgworker("login", "--qr", "--check")

    assert 2 == result.exit_code
    assert "Only one of --qr, --check at a time." in result.stderr


class TestChats:
    def test_they_are_json_lines_for_a_pipe_and_a_table_for_people(
        self, telegram: Telegram, tgworker: Type, on_terminal: Callable[..., tuple[int, str]]
    ) -> None:
        piped = tgworker("chats", **telegram.env)
        none = tgworker("chats", "nothing", **telegram.env)
        shown = on_terminal("chats", "pyth", **telegram.env)

        [chat] = [json.loads(line) for line in piped.stdout.splitlines()]
        assert (0, "", "") == (piped.exit_code, piped.stderr, none.stdout)
        assert ("supergroup", "ru_python", "Python", True) == (
            *(chat["type"], chat["username"], chat["title"], chat["readable"]),
        )
        assert 0 == shown[0]
        assert str(chat["id"]) in shown[1]
        assert "1 chat of 1" in shown[1]
