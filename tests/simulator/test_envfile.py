"""The files with which a worker uses a simulator."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from telethon.network import ConnectionTcpFull
from telethon.sessions import SQLiteSession
from telethon.tl import functions

from tgworker.settings import load_settings
from tgworker.simulator.envfile import Access, EnvFileError, write_env_file


@pytest.fixture
def access() -> Access:
    return Access(("127.0.0.1", 4430), "the key\n", bytes(range(1, 256)) + b"\1", "+79990000001")


def sourced(out: Path) -> dict[str, str]:
    """What a shell makes of the file."""
    script = 'set -a; . "$1"; env -0'
    done = subprocess.run(
        ["env", "-i", "/bin/sh", "-c", script, "sh", str(out)], capture_output=True, check=True
    )
    pairs = (line.partition("=") for line in done.stdout.decode().split("\0"))
    return {key: value for key, _, value in pairs if key.startswith("TELEGRAM_")}


@pytest.mark.parametrize("folder", ["plain", "with space", 'd€ep #1 $HOME `x` "y" & ; * ~'])
def test_shell_and_dotenv_read_the_same(tmp_path: Path, folder: str, access: Access) -> None:
    out = tmp_path / folder / "sim.env"
    out.parent.mkdir()
    write_env_file(out, access)

    expected = {
        "TELEGRAM_API_ID": "12345",
        "TELEGRAM_API_HASH": "0123456789abcdef0123456789abcdef",
        "TELEGRAM_PHONE": "+79990000001",
        "TELEGRAM_SESSION": f"{out}.session",
        "TELEGRAM_SERVER": "127.0.0.1:4430",
        "TELEGRAM_SERVER_KEY": f"{out}.pem",
    }
    assert expected == sourced(out)
    assert expected == dict(dotenv_values(out))


def test_the_workers_settings_take_it(tmp_path: Path, access: Access) -> None:
    write_env_file(tmp_path / "sim.env", access)

    settings = load_settings({}, dotenv=tmp_path / "sim.env")

    assert "127.0.0.1:4430" == settings.telegram_server
    assert "the key\n" == settings.telegram_server_key.read_text()


def test_only_the_public_key_is_for_everybody(tmp_path: Path, access: Access) -> None:
    write_env_file(tmp_path / "sim.env", access)

    assert {"sim.env": 0o600, "sim.env.pem": 0o644, "sim.env.session": 0o600} == {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()
    }


def test_paths_are_absolute_and_old_files_are_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: Access
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sim.env", "sim.env.session"):
        (tmp_path / name).write_bytes(b"something old")

    write_env_file(Path("sim.env"), access)

    assert str(tmp_path / "sim.env.session") == sourced(tmp_path / "sim.env")["TELEGRAM_SESSION"]


def test_the_session_holds_address_and_key(tmp_path: Path, access: Access) -> None:
    write_env_file(tmp_path / "sim.env", access)

    session = SQLiteSession(str(tmp_path / "sim.env.session"))
    found = (session.dc_id, session.server_address, session.port, session.auth_key.key)
    session.close()
    assert (2, "127.0.0.1", 4430, access.auth_key) == found


@pytest.mark.parametrize("folder", ["it's", "back\\slash", "${HOME}", "two\nlines"])
def test_a_path_that_would_be_misread_is_refused(
    tmp_path: Path, folder: str, access: Access
) -> None:
    (tmp_path / folder).mkdir()

    with pytest.raises(EnvFileError, match="choose another path"):
        write_env_file(tmp_path / folder / "sim.env", access)
    assert [] == list((tmp_path / folder).iterdir())


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path, access: Access) -> None:
    with pytest.raises(EnvFileError, match="No such file or directory"):
        write_env_file(tmp_path / "missing" / "sim.env", access)


def test_nothing_is_left_behind_when_a_file_cannot_be_put_in_place(
    tmp_path: Path, access: Access
) -> None:
    (tmp_path / "sim.env").mkdir()

    with pytest.raises(EnvFileError):
        write_env_file(tmp_path / "sim.env", access)
    assert {"sim.env", "sim.env.pem", "sim.env.session"} == {p.name for p in tmp_path.iterdir()}


async def test_telethon_is_signed_in_with_the_session(
    tmp_path: Path, serve: Any, connect: Any, history: Any
) -> None:
    async with serve() as server:
        key = server.keys.make(7).auth_key
        write_env_file(
            tmp_path / "sim.env",
            Access(server.address, server.public_key_pem, key, "+79990000001"),
        )
        session = SQLiteSession(str(tmp_path / "sim.env.session"))
        async with connect(server, session=session, connection=ConnectionTcpFull) as client:
            page = await client(history(limit=1))
            [me] = await client(functions.users.GetUsersRequest([]))

    assert (250, 7) == (page.messages[0].id, me.id)
