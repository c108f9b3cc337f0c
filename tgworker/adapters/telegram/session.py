"""The session file: the account's login, and the chats this worker fetches. Whoever has it is logged in.

It is Telethon's own SQLite format, and sessions made by other programs work. Telethon writes every user of every answer
into it; this one keeps only what `remember` is given, in tables of its own. Each change is one SQLite transaction, so a
crash at any point leaves the login as it was before or after.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen
from telethon.crypto import AuthKey
from telethon.sessions import SQLiteSession

from tgworker.adapters.telegram.plain import TL
from tgworker.core.model import Chat, ChatType, Relatives

_TABLES = """
begin;
create table if not exists tgworker_chats (
    id integer primary key, access_hash integer not null, type text not null, title text not null
);
create table if not exists tgworker_usernames (
    username text primary key, chat_id integer not null, place integer not null
);
create table if not exists tgworker_former_usernames (
    username text primary key, chat_id integer not null
);
create table if not exists tgworker_relatives (
    chat_id integer primary key, discussion_id integer, predecessor_id integer,
    successor_id integer, successor_hash integer
);
create table if not exists tgworker_account (user_id integer not null);
create table if not exists tgworker_floods (
    method text primary key, ends_at real not null, seconds real not null
);
create table if not exists tgworker_moves (auth_key_id text primary key, server text not null);
commit;
"""
_OF_ONE_ACCOUNT = (
    *("tgworker_chats", "tgworker_usernames", "tgworker_former_usernames", "tgworker_relatives"),
    *("tgworker_account", "tgworker_floods", "tgworker_moves", "entities", "update_state"),
)


@frozen
class KnownChat:
    """A chat with the key to ask for it: Telegram gives one to each account, and wants it with the id."""

    chat: Chat
    access_hash: int
    """0 for basic groups, which need none."""


@frozen
class KnownRelatives:
    """What is known of a chat's relatives, with the key to its successor, whom nobody may have met yet."""

    relatives: Relatives
    successor_hash: int | None = None


class TelegramSession(SQLiteSession):  # type: ignore[misc]  # Telethon ships no types
    """A Telethon session that keeps no users. Open it with `session_file.open_session`."""

    def __init__(self, path: Path) -> None:
        try:
            super().__init__(str(path))
            self._cursor().executescript(_TABLES)
        except (sqlite3.Error, ValueError):
            # Telethon connects before it looks at the file, and leaves one that it refuses open.
            if self._conn is not None:
                self._conn.close()
            raise
        self._changing = threading.Lock()

    def move(self, dc_id: int, host: str, port: int, auth_key: AuthKey, left: str | None) -> None:
        """Be at another data center from now on, durably. `left`: ``host:port`` of the one that was set, if one was.

        Raises:
            sqlite3.Error: the file cannot be written; it is as it was.
        """
        with self._transaction() as cursor:
            self._be_at(cursor, dc_id, host, port, auth_key, left)

    def sign_in(
        self, user_id: int, dc_id: int, host: str, port: int, auth_key: AuthKey, left: str | None
    ) -> None:
        """Be another login from now on, durably and at once; the rest as `move`.

        What is known of chats stays only if the account is the same: the keys to them are good for no other.
        """
        with self._transaction() as cursor:
            if user_id != self.account:
                for table in _OF_ONE_ACCOUNT:
                    cursor.execute(f"delete from {table}")
                cursor.execute("insert into tgworker_account values (?)", (user_id,))
            self._be_at(cursor, dc_id, host, port, auth_key, left)

    def _be_at(
        self,
        cursor: sqlite3.Cursor,
        dc_id: int,
        host: str,
        port: int,
        auth_key: AuthKey,
        left: str | None,
    ) -> None:
        self.set_dc(dc_id, host, port)
        self.auth_key = auth_key
        if left is not None:
            row = (_name(auth_key), left)
            cursor.execute("insert or replace into tgworker_moves values (?, ?)", row)

    def has_left(self, server: str) -> bool:
        """Whether the login began at this ``host:port`` and was moved away from there: its key is not good there."""
        query = "select server from tgworker_moves where auth_key_id = ?"
        row: tuple[str] | None = self._execute(query, _name(self.auth_key))
        return row == (server,)

    def process_entities(self, tlo: TL) -> None:
        """Nothing: whom Telethon sees go by is nobody's business. See `remember`."""

    def known_chats(self) -> list[KnownChat]:
        """Every chat that was remembered."""
        cursor = self._cursor()
        usernames: dict[int, list[str]] = {}
        for chat_id, username in cursor.execute(
            "select chat_id, username from tgworker_usernames order by chat_id, place"
        ):
            usernames.setdefault(chat_id, []).append(username)
        rows = cursor.execute("select id, access_hash, type, title from tgworker_chats order by id")
        return [
            _known(id, access_hash, type, title, usernames.get(id, []))
            for id, access_hash, type, title in rows.fetchall()
        ]

    def former_usernames(self) -> dict[str, int]:
        """The names that chats had once, and whose they were."""
        rows = self._cursor().execute("select username, chat_id from tgworker_former_usernames")
        return dict(rows.fetchall())

    def known_relatives(self) -> dict[int, KnownRelatives]:
        """What was remembered of relatives, by the chat's id."""
        rows = self._cursor().execute(
            "select chat_id, discussion_id, predecessor_id, successor_id, successor_hash"
            " from tgworker_relatives"
        )
        return {id: KnownRelatives(Relatives(*ids), hash) for id, *ids, hash in rows.fetchall()}

    def get_entity_rows_by_id(self, id: int, exact: bool = True) -> tuple[int, int] | None:
        """Id and access hash of a user or chat, as Telethon has it; also of the successor of a group."""
        row: tuple[int, int] | None = super().get_entity_rows_by_id(id, exact)
        if row is not None:
            return row
        found: tuple[int, int] | None = self._execute(
            "select successor_id, successor_hash from tgworker_relatives where successor_id = ?", id
        )
        return found

    def remember(self, known: KnownChat) -> None:
        """Keep a chat, durably. A username it has is taken from the chat that had it before.

        Names it has no more are kept as former ones.

        Raises:
            sqlite3.Error: the file cannot be written; it is as it was.
        """
        chat = known.chat
        with self._transaction() as cursor:
            cursor.execute(
                "insert or replace into tgworker_chats values (?, ?, ?, ?)",
                (chat.id, known.access_hash, chat.type, chat.title),
            )
            cursor.execute(
                "insert or replace into tgworker_former_usernames"
                " select username, chat_id from tgworker_usernames where chat_id = ?",
                (chat.id,),
            )
            cursor.execute("delete from tgworker_usernames where chat_id = ?", (chat.id,))
            cursor.executemany(
                "delete from tgworker_former_usernames where username = ?",
                [(username,) for username in chat.usernames],
            )
            cursor.executemany(
                "insert or replace into tgworker_usernames values (?, ?, ?)",
                [(username, chat.id, place) for place, username in enumerate(chat.usernames)],
            )

    def remember_relatives(self, chat_id: int, known: KnownRelatives) -> None:
        """Keep who belongs with a chat, durably. Raises: sqlite3.Error, as `remember`."""
        told = known.relatives
        row = (chat_id, told.discussion, told.predecessor, told.successor, known.successor_hash)
        with self._transaction() as cursor:
            cursor.execute("insert or replace into tgworker_relatives values (?, ?, ?, ?, ?)", row)

    def forget_relatives(self, id: int) -> None:
        """Undo `remember_relatives` for this chat, and wherever it is one. Raises: sqlite3.Error."""
        with self._transaction() as cursor:
            cursor.execute(
                "delete from tgworker_relatives where ? in (chat_id, discussion_id, successor_id)",
                (id,),
            )

    def forget(self, id: int) -> None:
        """Undo `remember`, durably. Raises: sqlite3.Error, as there."""
        with self._transaction() as cursor:
            cursor.execute("delete from tgworker_usernames where chat_id = ?", (id,))
            cursor.execute("delete from tgworker_former_usernames where chat_id = ?", (id,))
            cursor.execute("delete from tgworker_chats where id = ?", (id,))

    @property
    def account(self) -> int | None:
        """The id of the user who is logged in, as Telegram told it last."""
        row = self._cursor().execute("select user_id from tgworker_account").fetchone()
        return None if row is None else int(row[0])

    def remember_account(self, user_id: int) -> None:
        """Keep who is logged in, durably; what Telegram asked another account to do is none of this one's business.

        Raises: sqlite3.Error, as `remember`.
        """
        if user_id == self.account:
            return
        with self._transaction() as cursor:
            if self.account is not None:
                cursor.execute("delete from tgworker_floods")
            cursor.execute("delete from tgworker_account")
            cursor.execute("insert into tgworker_account values (?)", (user_id,))

    def floods(self) -> dict[str, tuple[float, float]]:
        """By method: when the rest ends that Telegram wants, in seconds since 1970, and how long it was."""
        rows = self._cursor().execute("select method, ends_at, seconds from tgworker_floods")
        return {method: (ends_at, seconds) for method, ends_at, seconds in rows.fetchall()}

    def remember_flood(self, method: str, ends_at: float, seconds: float) -> None:
        """Keep a rest, durably; those that are over go. Raises: sqlite3.Error, as `remember`."""
        with self._transaction() as cursor:
            cursor.execute("delete from tgworker_floods where ends_at < ?", (ends_at - seconds,))
            cursor.execute(
                "insert or replace into tgworker_floods values (?, ?, ?)",
                (method, ends_at, seconds),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """All that is done with the cursor, or nothing; one thread at a time."""
        with self._changing:
            try:
                yield self._cursor()
                self._conn.commit()
            except sqlite3.Error:
                self._conn.rollback()
                raise


def _name(key: AuthKey) -> str:
    """Of the key, and tells nothing of it."""
    return f"{key.key_id:016x}"


def _known(id: int, access_hash: int, type: str, title: str, usernames: list[str]) -> KnownChat:
    username = usernames[0] if usernames else None
    return KnownChat(Chat(id, ChatType(type), title, username, tuple(usernames)), access_hash)
