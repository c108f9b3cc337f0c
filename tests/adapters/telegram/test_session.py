"""The session file is private, held by one worker, keeps no users and never loses the login."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession
from telethon.tl import types

from tgworker.adapters.telegram.session import KnownChat
from tgworker.adapters.telegram.session_file import open_session
from tgworker.core.model import Chat, ChatType
from tgworker.errors import SettingsError

KEY = bytes(range(256))
NEWS = KnownChat(Chat(-1001, ChatType.CHANNEL, "News", "news", ("news", "noticias")), 77)
GROUP = KnownChat(Chat(-5, ChatType.GROUP, "Friends"), 0)

HOLDER = """
import sys
from pathlib import Path
from tgworker.adapters.telegram.session_file import open_session

with open_session(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""

WRITER = """
import itertools, sys
from pathlib import Path
from tgworker.adapters.telegram.session import KnownChat
from tgworker.adapters.telegram.session_file import open_session
from tgworker.core.model import Chat, ChatType

with open_session(Path(sys.argv[1])) as session:
    print("writing", flush=True)
    for number in itertools.count():
        names = tuple(f"name{number}_{place}" for place in range(20))
        session.remember(KnownChat(Chat(-1 - number % 5, ChatType.CHANNEL, "t", names[0], names), 1))
        session.auth_key = session.auth_key
        session.save()
"""


def mode(path):
    return oct(path.stat().st_mode & 0o777)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sessions" / "worker.session"


@pytest.fixture
def open_umask():
    """Files are readable for everybody unless somebody sees to it."""
    before = os.umask(0)
    yield
    os.umask(before)


def run(script, path):
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def end(process):
    process.kill()
    process.communicate()


class TestPrivacy:
    def test_a_new_file_and_all_that_goes_with_it_is_for_its_owner_only(self, path, open_umask):
        with open_session(path) as session:
            session._cursor().execute("delete from sessions")  # noqa: SLF001  # makes a journal
            modes = {file.name: mode(file) for file in path.parent.iterdir()}

        names = ("worker.session", "worker.session-journal", "worker.session.lock")
        assert dict.fromkeys(names, "0o600") == modes
        assert "0o700" == mode(path.parent)

    def test_a_file_that_others_may_read_is_closed_to_them(self, write_session, open_umask):
        path = write_session(KEY)
        path.chmod(0o644)

        with open_session(path):
            assert "0o600" == mode(path)

    def test_users_that_telethon_sees_are_not_kept(self, path):
        with open_session(path) as session:
            session.process_entities([types.User(5, access_hash=6, first_name="Anna", phone="+7")])

            assert [] == session._cursor().execute("select * from entities").fetchall()


class TestLogin:
    def test_a_session_of_telethons_keeps_its_login(self, write_session):
        path = write_session(KEY, address=("149.154.167.51", 443))

        with open_session(path) as session:
            assert (KEY, "149.154.167.51", 443, 2) == (
                session.auth_key.key,
                session.server_address,
                session.port,
                session.dc_id,
            )

    def test_telethon_can_use_the_file_afterwards(self, path):
        with open_session(path) as session:
            session.set_dc(2, "149.154.167.51", 443)
            session.auth_key = AuthKey(KEY)
            session.remember(NEWS)

        telethons = SQLiteSession(str(path))
        assert KEY == telethons.auth_key.key
        telethons.close()

    def test_the_suffix_may_be_left_out_as_in_telethon(self, write_session):
        path = write_session(KEY)

        with open_session(path.with_suffix("")) as session:
            assert KEY == session.auth_key.key

    def test_whenever_the_process_is_killed_the_login_is_whole(self, write_session):
        path = write_session(KEY)
        for _ in range(3):
            process = run(WRITER, path)
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            end(process)

            with open_session(path) as session:
                assert KEY == session.auth_key.key
                assert all(len(each.chat.usernames) == 20 for each in session.known_chats())


class TestHolding:
    def test_a_second_worker_is_refused_and_told_who_holds_it(self, path):
        holder = run(HOLDER, path)
        try:
            holder.stdout.readline()

            with pytest.raises(SettingsError, match=rf"process {holder.pid}\b"), open_session(path):
                pass
        finally:
            end(holder)

    def test_a_worker_that_was_killed_holds_nothing(self, path):
        holder = run(HOLDER, path)
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)
        end(holder)

        with open_session(path) as session:
            assert [] == session.known_chats()

    def test_the_one_who_holds_it_is_not_disturbed_by_who_asks(self, path):
        with open_session(path) as session:
            with pytest.raises(SettingsError, match=f"process {os.getpid()}"), open_session(path):
                pass
            session.remember(NEWS)

            assert [NEWS] == session.known_chats()

    def test_a_holder_that_left_no_number_is_called_unknown(self, path):
        path.parent.mkdir()
        with open(f"{path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)

            with pytest.raises(SettingsError, match="process unknown"), open_session(path):
                pass

    def test_after_it_was_closed_anybody_may_have_it(self, path):
        for _ in range(2):
            with open_session(path):
                pass


class TestBadFiles:
    def test_what_is_no_database_is_refused_and_left_alone(self, tmp_path):
        path = tmp_path / "notes.session"
        path.write_text("my notes, which are no session" * 100)

        with pytest.raises(SettingsError, match="no session of Telethon"), open_session(path):
            pass

        assert path.read_text().startswith("my notes")

    def test_a_folder_in_its_place_is_refused(self, path):
        path.mkdir(parents=True)

        with pytest.raises(SettingsError, match="cannot be used"), open_session(path):
            pass

    def test_a_version_of_tomorrow_is_refused(self, write_session):
        path = write_session(KEY)
        with sqlite3.connect(path) as file:
            file.execute("update version set version = 99")
            file.execute("alter table sessions add column extra text")
        file.close()

        with pytest.raises(SettingsError, match="no session of Telethon"), open_session(path):
            pass

    def test_what_goes_wrong_inside_the_block_is_not_blamed_on_the_session(self, path):
        with pytest.raises(FileNotFoundError), open_session(path):
            raise FileNotFoundError


class TestKnownChats:
    def test_chats_are_remembered_across_restarts_whole(self, path):
        with open_session(path) as session:
            session.remember(NEWS)
            session.remember(GROUP)
        with open_session(path) as session:
            assert [NEWS, GROUP] == session.known_chats()

    def test_a_chat_is_known_by_its_latest_names(self, path):
        renamed = KnownChat(Chat(-1001, ChatType.FORUM, "Newer", "newer", ("newer",)), 78)
        with open_session(path) as session:
            session.remember(NEWS)
            session.remember(renamed)

            assert [renamed] == session.known_chats()

    def test_a_name_belongs_to_who_had_it_last(self, path):
        heir = KnownChat(Chat(-1002, ChatType.CHANNEL, "Heir", "news", ("news",)), 1)
        with open_session(path) as session:
            session.remember(NEWS)
            session.remember(heir)
            names = {each.chat.id: each.chat.usernames for each in session.known_chats()}

        assert {-1001: ("noticias",), -1002: ("news",)} == names

    def test_a_forgotten_chat_leaves_its_names(self, path):
        with open_session(path) as session:
            session.remember(NEWS)
            session.forget(NEWS.chat.id)

            assert [] == session.known_chats()

    def test_what_cannot_be_written_changes_nothing(self, path):
        with open_session(path) as session:
            session.remember(GROUP)
            cursor = session._cursor()
            cursor.execute(
                "create trigger full before insert on tgworker_usernames "
                "begin select raise(abort, 'disk full'); end"
            )
            with pytest.raises(sqlite3.Error, match="disk full"):
                session.remember(NEWS)

            assert [GROUP] == session.known_chats()
