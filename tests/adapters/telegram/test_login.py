"""A login over TCP: by code, by QR code, with the second password; refused, lost on the way, sent to another place."""

import os
import re
import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import trio
from attrs import define, field
from telethon.crypto import AuthKey
from telethon.network import authenticator
from telethon.sessions import SQLiteSession, StringSession
from telethon.tl import functions, types

from tgworker.adapters.telegram import open_gateway, open_session
from tgworker.adapters.telegram.asking import open_telegram
from tgworker.adapters.telegram.login import (
    check_login,
    open_login,
    read_login,
    read_string_login,
    sign_in_by_code,
    sign_in_by_qr,
    write_login,
)
from tgworker.adapters.telegram.login.codes import sent_code
from tgworker.adapters.telegram.login.login import _account
from tgworker.adapters.telegram.session import KnownChat
from tgworker.core.model import Chat, ChatType
from tgworker.errors import (
    AccountUnusableError,
    LoginError,
    SettingsError,
    StorageError,
    TransientError,
)
from tgworker.simulator.compose import open_simulator
from tgworker.simulator.methods import make_methods
from tgworker.simulator.server import open_server
from tgworker.simulator.world import World, parse_world

NOW = datetime(2025, 11, 20, tzinfo=UTC)
PHONE, CODE, PASSWORD = "+4930901820", "54321", "s3cond"
NEWS = KnownChat(Chat(-1001, ChatType.CHANNEL, "News", "news", ("news",)), 77)


@define
class Person:
    """Answers with what was prepared, and notes what it was told."""

    codes: list[str] = field(factory=lambda: [CODE])
    passwords: list[str] = field(factory=list)
    phones: list[str] = field(factory=list)
    told: list[str] = field(factory=list)
    ways: list[str] = field(factory=list)
    hints: list[str] = field(factory=list)
    scan: object = None

    async def phone(self):
        return self.phones.pop(0)

    async def code(self, sent):
        self.ways.append(sent.way)
        return self.codes.pop(0)

    async def password(self, hint):
        self.hints.append(hint)
        return self.passwords.pop(0)

    def show(self, token):
        self.told.append(token.url)
        self.scan(token)

    def tell(self, text):
        self.told.append(text)


def fixed(secret):
    """Random bytes, but for a side's secret in a key exchange."""
    return lambda length: secret if length == len(secret) else os.urandom(length)


def make_world(**account):
    spec = {
        "seed": 7,
        "users": 3,
        "chats": [],
        "account": {"phone": PHONE, "code": CODE, **account},
    }
    return World(parse_world(spec, now=NOW))


@asynccontextmanager
async def telegram_with(**account):
    """A simulator whose account is like that, with keys that Telethon knows."""
    async with open_simulator(make_world(**account)) as simulator:
        yield simulator


@pytest.fixture
def begin(loop, tmp_path):
    """Opens a login at a simulator."""

    @asynccontextmanager
    async def open_it(simulator, **options):
        key = tmp_path / "key.pem"
        key.write_text(simulator.public_key_pem)
        host, port = simulator.address
        place = {"server": f"{host}:{port}", "server_key": key, "request_timeout": 5.0}
        async with open_login(api_id=1, api_hash="hash", **{**place, **options}) as login:
            yield login

    return open_it


@pytest.fixture
async def plain():
    async with telegram_with() as simulator:
        yield simulator


@pytest.fixture
async def guarded():
    async with telegram_with(password=PASSWORD, hint="as ever") as simulator:
        yield simulator


def requests(simulator, *names):
    counts = simulator.stats.summary()["requests"]
    return [counts.get(name, 0) for name in names]


class TestByCode:
    async def test_what_it_comes_to_is_a_session_that_a_worker_can_use(
        self, plain, begin, tmp_path
    ):
        with open_session(tmp_path / "new") as session:
            async with begin(plain) as login:
                me = await sign_in_by_code(login, Person(), phone=PHONE, password=None)
                await login.write(session, me)
        host, port = plain.address

        async with open_gateway(
            api_id=1, session=tmp_path / "new", server=f"{host}:{port}"
        ) as gateway:
            assert me == await gateway.me()
            assert (me.id, 2) == (gateway.account, gateway.data_center)
        assert ("archivist", PHONE[1:]) == (me.username, me.phone)
        telethons = SQLiteSession(str(tmp_path / "new"))
        assert (2, host, port) == (telethons.dc_id, telethons.server_address, telethons.port)
        telethons.close()

    async def test_wrong_answers_are_asked_for_again(self, guarded, begin):
        person = Person(codes=["1", CODE], passwords=["guess", PASSWORD], phones=["+1", PHONE])

        async with begin(guarded) as login:
            await sign_in_by_code(login, person, phone=None, password="old")

        assert ["as ever", "as ever"] == person.hints
        assert [
            "That is no phone number Telegram knows: write it with the country's code, +49…",
            "That is not the code.",
            "TELEGRAM_PASSWORD is not the account's second password.",
            "That is not the account's second password.",
        ] == person.told

    async def test_answers_that_are_wrong_too_often_end_it(self, guarded, begin):
        async with begin(guarded) as login:
            with pytest.raises(LoginError, match="not the code") as wrong:
                await sign_in_by_code(login, Person(codes=["1"] * 9), phone=PHONE, password=None)
            with pytest.raises(LoginError, match="second password"):
                person = Person(passwords=["1"] * 9)
                await sign_in_by_code(login, person, phone=PHONE, password=None)
            with pytest.raises(LoginError, match="no phone number"):
                await sign_in_by_code(login, Person(phones=["+1"] * 9), phone=None, password=None)

        assert "phone_code_invalid" == wrong.value.error_type
        assert [5, 5] == [requests(guarded, "auth.signIn")[0] - 1, 9 - len(person.passwords)]

    async def test_a_code_can_be_sent_in_other_ways_until_there_are_none(self, plain, begin):
        plain.add_faults({"method": "auth.resendCode", "nth": 2, "error": "SEND_CODE_UNAVAILABLE"})
        person = Person(codes=["", "", CODE])

        async with begin(plain) as login:
            await sign_in_by_code(login, person, phone=PHONE, password=None)

        assert ["of 5 digits to the Telegram app on the account's other devices"] == person.ways[:1]
        assert ["of 5 digits by SMS"] * 2 == person.ways[1:]
        assert "by a phone call in 60 s at the earliest" in person.told[0]
        assert [1, 1] == requests(plain, "auth.sendCode", "auth.resendCode")

    async def test_after_an_expired_code_a_new_one_is_sent(self, plain, begin):
        plain.add_faults({"method": "auth.signIn", "times": 1, "error": "PHONE_CODE_EXPIRED"})
        person = Person(codes=[CODE, CODE])

        async with begin(plain) as login:
            await sign_in_by_code(login, person, phone=PHONE, password=None)

        assert ["The code has expired. A new one is on its way."] == person.told
        assert [2, 2] == requests(plain, "auth.sendCode", "auth.signIn")

    async def test_an_account_of_another_data_center_is_followed_there(self, begin, tmp_path):
        async with telegram_with(dc=4, password=PASSWORD) as simulator:
            with open_session(tmp_path / "new") as session:
                async with begin(simulator) as login:
                    me = await sign_in_by_code(login, Person(), phone=PHONE, password=PASSWORD)
                    await login.write(session, me)
            host, port = simulator.address
            simulator.add_faults({"dc": 2, "error": "INTERNAL"})

            async with open_gateway(
                api_id=1, session=tmp_path / "new", server=f"{host}:{port}"
            ) as gateway:
                assert (me, 4) == (await gateway.me(), gateway.data_center)


class TestByQrCode:
    @pytest.fixture
    def accept(self, write_session):
        """Scans a code with another client of the account."""

        async def scan(simulator, token):
            path = write_session(simulator.authorised_key(), "phone", address=simulator.address)
            with open_session(path) as session:
                async with open_telegram(
                    session, api_id=1, address=None, connect_timeout=5, request_timeout=5
                ) as telegram:
                    await telegram.ask(functions.auth.AcceptLoginTokenRequest(token.secret))

        return scan

    @pytest.mark.parametrize("dc", [2, 4])
    @pytest.mark.parametrize("password", [{}, {"password": PASSWORD}], ids=["", "password"])
    async def test_who_lets_it_be_scanned_signs_in(self, begin, accept, dc, password):
        person = Person(passwords=[PASSWORD])
        async with telegram_with(dc=dc, **password) as simulator, begin(simulator) as login:
            async with trio.open_nursery() as nursery:
                person.scan = lambda token: nursery.start_soon(accept, simulator, token)
                me = await sign_in_by_qr(login, person, password=None)

            assert simulator.world.account.id == me.id
            assert [True] == [url.startswith("tg://login?token=") for url in person.told]
            assert [int(dc == 4)] == requests(simulator, "auth.importLoginToken")

    async def test_one_that_has_expired_is_followed_by_another(self, begin):
        async with telegram_with(token_seconds=0.2) as simulator, begin(simulator) as login:
            with trio.CancelScope() as scope:
                person = Person(scan=lambda token: len(person.told) == 3 and scope.cancel())
                await sign_in_by_qr(login, person, password=None)

        assert 3 == len(set(person.told))


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "kind", "advice"),
        [
            ("PHONE_NUMBER_BANNED", AccountUnusableError, "recover@telegram.org"),
            ("PHONE_NUMBER_UNOCCUPIED", AccountUnusableError, "Sign up in Telegram's own app"),
            ("PHONE_NUMBER_INVALID", SettingsError, "TELEGRAM_PHONE: .* country's code"),
            ("PHONE_NUMBER_FLOOD", LoginError, "wait a day"),
            ("PHONE_PASSWORD_FLOOD", LoginError, "wait a day"),
            ("FLOOD_WAIT_80", LoginError, "wait 80 s before the next try"),
            ("FLOOD_WAIT_75000", LoginError, "wait 20 h 50 min before the next try"),
            ("API_ID_INVALID", SettingsError, "TELEGRAM_API_HASH .*my.telegram.org"),
            ("API_ID_PUBLISHED_FLOOD", SettingsError, "get your own"),
            ("SOMETHING_NEW", LoginError, "SOMETHING_NEW"),
        ],
    )
    async def test_a_refusal_says_what_to_do(self, plain, begin, error, kind, advice):
        plain.add_faults({"method": "auth.sendCode", "error": error})

        async with begin(plain) as login:
            with pytest.raises(kind, match=advice):
                await sign_in_by_code(login, Person(), phone=PHONE, password=None)

        assert [1] == requests(plain, "auth.sendCode")

    async def test_a_number_without_an_account_is_told_after_the_code_too(self, loop):
        with pytest.raises(AccountUnusableError, match="Nobody has an account"):
            _account(types.auth.AuthorizationSignUpRequired())

    async def test_a_challenge_that_is_stale_is_asked_for_anew(self, guarded, begin):
        guarded.add_faults({"method": "auth.checkPassword", "times": 1, "error": "SRP_ID_INVALID"})

        async with begin(guarded) as login:
            await sign_in_by_code(login, Person(), phone=PHONE, password=PASSWORD)

        assert [2, 2] == requests(guarded, "account.getPassword", "auth.checkPassword")

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (types.auth.SentCodeTypeSetUpEmailRequired(), "e-mail address for this account"),
            (None, "for money only"),
        ],
    )
    def test_where_no_code_is_sent_it_says_why(self, answer, words):
        with pytest.raises(LoginError, match=words):
            sent_code(answer and types.auth.SentCode(answer, "hash"))

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            (types.auth.SentCodeTypeCall(5), "5 digits by a phone call"),
            (types.auth.SentCodeTypeMissedCall("+49", 4), r"last 4 digits of its number, \+49…"),
            (types.auth.SentCodeTypeFlashCall("+49*"), r"missed call from \+49\*"),
            (types.auth.SentCodeTypeEmailCode("a***@b", 6), r"6 digits by e-mail to a\*\*\*@b"),
            (types.auth.SentCodeTypeFragmentSms("https://f", 5), "5 digits to https://f"),
            (types.auth.SentCodeTypeSmsWord(), "a word"),
            (types.auth.SentCodeTypeSmsPhrase(), "a phrase"),
            (types.auth.SentCodeTypeFirebaseSms(5), "own apps"),
        ],
    )
    def test_it_says_where_the_code_comes(self, kind, words):
        sent = sent_code(types.auth.SentCode(kind, "hash", types.auth.CodeTypeCall(), 7))

        assert re.search(words, sent.way)
        assert ("by a phone call", 7, "hash" in repr(sent)) == (
            sent.next_way,
            sent.next_after,
            False,
        )


class TestTroubles:
    async def test_a_key_that_begins_with_a_zero_is_agreed_on_like_any_other(
        self, begin, tmp_path, monkeypatch
    ):
        """So begins one key in 256; these two secrets, found by trying, make one."""
        theirs, ours = b"\x5a" * 256, ((1 << 2000) + 208).to_bytes(256, "big")
        monkeypatch.setattr(authenticator, "os", SimpleNamespace(urandom=fixed(ours)))
        server = open_server(make_methods(make_world()), entropy=fixed(theirs))

        async with server as simulator, begin(simulator) as login:
            me = await sign_in_by_code(login, Person(), phone=PHONE, password=None)
            with open_session(tmp_path / "new") as session:
                await login.write(session, me)

        assert 1 == simulator.stats.connections_total

    async def test_a_request_without_an_answer_is_sent_again(self, plain, begin):
        plain.add_faults(
            [
                {"method": "req_pq_multi", "times": 1, "garbage": True},
                {"method": "auth.sendCode", "times": 1, "error": "AUTH_RESTART", "code": 500},
            ]
        )

        async with begin(plain) as login:
            me = await sign_in_by_code(login, Person(), phone=PHONE, password=None)

        assert plain.world.account.id == me.id

    @pytest.mark.parametrize("drop", ["before", "after"])
    async def test_an_answer_that_is_lost_costs_no_login(self, guarded, begin, drop):
        """The code and the password count once; whether they did, Telegram is asked."""
        guarded.add_faults(
            [
                {"method": "auth.signIn", "times": 1, "drop": "before"},
                {"method": "auth.checkPassword", "times": 1, "drop": drop},
            ]
        )
        person = Person()

        async with begin(guarded) as login:
            try:
                me = await sign_in_by_code(login, person, phone=PHONE, password=PASSWORD)
            except LoginError as error:
                raise AssertionError(person.told) from error

        assert guarded.world.account.id == me.id

    async def test_a_telegram_that_is_not_there_is_told_and_nothing_written(self, begin, plain):
        async with begin(plain, server="127.0.0.1:1") as login:
            with pytest.raises(TransientError, match="auth.sendCode"):
                await sign_in_by_code(login, Person(), phone=PHONE, password=None)

    async def test_a_session_that_can_not_be_written_keeps_the_login_it_had(
        self, plain, begin, write_session
    ):
        path = write_session(bytes(range(256)))
        with open_session(path) as session:
            session._cursor().execute(  # noqa: SLF001
                "create trigger full before insert on tgworker_account "
                "begin select raise(abort, 'disk full'); end"
            )
            async with begin(plain) as login:
                me = await sign_in_by_code(login, Person(), phone=PHONE, password=None)
                with pytest.raises(StorageError, match="disk full"):
                    await login.write(session, me)
        with open_session(path) as session:
            assert bytes(range(256)) == session.auth_key.key


class TestImport:
    async def test_a_string_session_becomes_a_session_file(self, simulator, loop, tmp_path):
        string = StringSession()
        string.set_dc(2, *simulator.address)
        string.auth_key = AuthKey(simulator.authorised_key())
        (tmp_path / "string.txt").write_text(f"{string.save()}\n")

        guest = read_login(tmp_path / "string.txt")
        me = await check_login(guest, api_id=1, request_timeout=5.0)
        with open_session(tmp_path / "new") as session:
            session.remember(NEWS)
            await write_login(session, guest, me)
            assert ([], me.id) == (session.known_chats(), session.account)
            session.remember(NEWS)
            await write_login(session, guest, me)
            assert [NEWS] == session.known_chats()

    async def test_a_session_of_any_age_is_taken_over_and_left_alone(
        self, simulator, loop, session
    ):
        make_old(session)
        before = session.read_bytes()

        guest = read_login(session)

        host, port = simulator.address
        me = await check_login(guest, api_id=1, server=f"{host}:{port}")
        assert simulator.world.account.id == me.id
        assert before == session.read_bytes()

    @pytest.mark.parametrize("text", ["", "hello", "1" + "A" * 351, "1" + "A" * 352, "1пароль"])
    def test_what_is_no_login_is_refused_and_not_shown(self, tmp_path, text):
        (tmp_path / "x").write_text(text)

        for read in (lambda: read_login(tmp_path / "x"), lambda: read_string_login(text)):
            with pytest.raises(LoginError) as caught:
                read()
            assert not text or text not in str(caught.value)
            assert caught.value.error_type == "no_login"

    def test_files_that_hold_none_are_named(self, tmp_path):
        (tmp_path / "broken").write_bytes(b"SQLite format 3\0 and no more")
        with sqlite3.connect(tmp_path / "other") as other:
            other.execute("create table notes (text)")
        other.close()
        with sqlite3.connect(tmp_path / "empty") as empty:
            empty.execute("create table version (version integer primary key)")
        empty.close()

        for name in ("broken", "other", "empty", "nothing"):
            with pytest.raises(LoginError, match=name):
                read_login(tmp_path / name)

    async def test_a_login_that_is_over_is_told(self, simulator, loop, write_session):
        guest = read_login(write_session(bytes(range(256)), address=simulator.address))

        with pytest.raises(AccountUnusableError):
            await check_login(guest, api_id=1)


def make_old(session):
    """As the first version of Telethon's sessions was."""
    with sqlite3.connect(session) as file:
        file.execute("drop table sent_files")
        file.execute(
            "create table sent_files (md5_digest blob, file_size integer, file_id integer)"
        )
        file.execute("drop table update_state")
        file.execute("alter table sessions drop column takeout_id")
        file.execute("alter table sessions drop column tmp_auth_key")
        file.execute("alter table entities drop column date")
        file.execute("update version set version = 1")
    file.close()
