"""Whenever a process is killed that makes, upgrades or changes a session file, the old login is there, or the new."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from tests.crash.strace import Call, Fault, read_trace
from tests.crash.sweep import KILL, End, is_below, live_once
from tgworker.adapters.telegram import open_session

OLD, NEW = bytes(range(256)), bytes(range(255, -1, -1))
NAME = "mine.session"
KILLS = 8
"""Of each life, spread over its system calls; beside those around each change of a name."""


def before_all(folder: Path) -> None:
    """Nobody has signed in yet."""


def before_it(folder: Path) -> None:
    """Somebody has."""
    session = SQLiteSession(str(folder / NAME))
    session.set_dc(2, "127.0.0.1", 443)
    session.auth_key = AuthKey(OLD)
    session.save()
    session.close()


def long_before_it(folder: Path) -> None:
    """Somebody has, with the first Telethon there was."""
    before_it(folder)
    with sqlite3.connect(folder / NAME) as file:
        file.execute("drop table update_state")
        file.execute("alter table sessions drop column takeout_id")
        file.execute("alter table sessions drop column tmp_auth_key")
        file.execute("alter table entities drop column date")
        file.execute("update version set version = 2")
    file.close()


def sign_in(folder: Path) -> None:
    with open_session(folder / NAME) as session:
        session.sign_in(7, 4, "127.0.0.1", 444, AuthKey(NEW), None)


def login_in(folder: Path) -> tuple[bytes | None, int]:
    """The key and the data center, and they belong together."""
    with open_session(folder / NAME) as session:
        return (session.auth_key.key if session.auth_key else None), session.dc_id


def chosen(calls: list[Call]) -> list[Call]:
    """Some all over, and the moments that matter: around the moving of a file, and the end."""
    moves = [place for place, call in enumerate(calls) if call.plain_name == "rename"]
    wanted = {place + step for place in moves for step in (-1, 0, 1)} | {len(calls) - 1}
    wanted |= set(range(0, len(calls), max(1, len(calls) // KILLS)))
    return [call for place, call in enumerate(calls) if place in wanted]


@pytest.mark.parametrize(
    ("begin", "old"),
    [(before_all, (None, 0)), (before_it, (OLD, 2)), (long_before_it, (OLD, 2))],
    ids=["new", "signed in again", "upgraded"],
)
def test_no_kill_costs_the_login(
    strace: None,
    tmp_path: Path,
    begin: Callable[[Path], None],
    old: tuple[bytes | None, int],
) -> None:
    root = tmp_path.resolve()
    folder, trace = root / "sessions", root / "trace"

    def live(*faults: Fault) -> End:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        begin(folder)
        return live_once(sign_in, folder, trace, *faults)

    assert End.DONE is live()
    calls = [call for call in read_trace(trace) if is_below(call, folder)]
    assert (NEW, 4) == login_in(folder)

    found = set()
    for call in chosen(calls):
        assert End.KILLED is live(Fault(call.name, KILL, str(call.number))), call
        key, dc_id = login_in(folder)
        found.add((key, dc_id))
        left = {path.name for path in folder.iterdir()} - {f"{NAME}-journal"}
        assert {NAME, f"{NAME}.lock"} == left, call
        assert 0o600 == (folder / NAME).stat().st_mode & 0o777, call
        assert End.DONE is live_once(sign_in, folder)
        assert (NEW, 4) == login_in(folder), call

    assert {old, (NEW, 4)} >= found
    assert old in found
