"""A move to another data center takes the login along, and the session with it."""

import sqlite3
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import trio
from structlog.testing import capture_logs
from telethon.tl import functions, types

from tgworker.adapters.telegram import open_gateway, open_session
from tgworker.core.model import ChatRef, HistoryQuery
from tgworker.errors import TransientError
from tgworker.simulator.faults import parse_faults
from tgworker.simulator.methods import help
from tgworker.simulator.rpc import Methods, RpcFault
from tgworker.simulator.server import open_server

ACCOUNT = 77
FRIENDS = ChatRef(id=-5)
NOON = datetime(2025, 11, 7, 12, 0, tzinfo=UTC)


class DataCenters:
    """A server that is every data center. The account has moved to the fourth, and its key is good there only."""

    def __init__(self):
        self.moves_to = 4
        self.granted = True
        self.at_home = set()

    @property
    def methods(self):
        return Methods(
            {
                **help.handlers(lambda: NOON.timestamp()),
                functions.users.GetUsersRequest: lambda caller, request: [types.User(ACCOUNT)],
                functions.messages.GetChatsRequest: self.get_chats,
                functions.messages.GetHistoryRequest: self.get_history,
                functions.auth.ExportAuthorizationRequest: self.export,
                functions.auth.ImportAuthorizationRequest: self.import_,
            }
        )

    def get_chats(self, caller, request):
        chat = types.Chat(5, "Friends", types.ChatPhotoEmpty(), 1, NOON, 1)
        return types.messages.Chats([chat])

    def get_history(self, caller, request):
        if caller.auth_key_id not in self.at_home:
            raise RpcFault(303, f"USER_MIGRATE_{self.moves_to}")
        message = types.Message(id=1, peer_id=types.PeerChat(5), date=NOON, message="moved")
        return types.messages.Messages(messages=[message], topics=[], chats=[], users=[])

    def export(self, caller, request):
        if not self.granted:
            raise RpcFault(400, "DC_ID_INVALID")
        return types.auth.ExportedAuthorization(ACCOUNT, b"ticket %d" % request.dc_id)

    def import_(self, caller, request):
        if (ACCOUNT, b"ticket 4") != (request.id, request.bytes):
            raise RpcFault(400, "AUTH_BYTES_INVALID")
        caller.sign_in(ACCOUNT)
        self.at_home.add(caller.auth_key_id)
        return types.auth.Authorization(types.User(ACCOUNT))


@pytest.fixture
def centers():
    return DataCenters()


@pytest.fixture
async def server(centers):
    async with open_server(centers.methods) as running:
        yield running


@pytest.fixture
def session(server, write_session):
    return write_session(server.keys.make(ACCOUNT).auth_key, address=server.address)


@pytest.fixture
def open_on(server, session, tmp_path, loop):
    key = tmp_path / "server.pem"
    key.write_text(server.public_key_pem)

    @asynccontextmanager
    async def open_it(**options):
        async with open_gateway(api_id=1, session=session, server_key=key, **options) as opened:
            yield opened

    return open_it


def login(path):
    with sqlite3.connect(path) as file:
        row = file.execute("select dc_id, server_address, auth_key from sessions").fetchone()
    file.close()
    return row


async def test_the_request_is_answered_by_the_new_center_and_so_are_those_after_a_restart(
    open_on, server, session
):
    async with open_on() as gateway:
        chat = await gateway.resolve(FRIENDS)
        pages = [await gateway.history(chat, HistoryQuery()) for _ in range(2)]
    moved = login(session)
    async with open_on() as restarted:
        pages.append(await restarted.history(chat, HistoryQuery()))

    assert ["moved"] * 3 == [page.messages[0].text for page in pages]
    assert (4, server.address[0]) == moved[:2]
    assert 1 == server.stats.requests["auth.importAuthorization"]


async def test_a_login_that_was_moved_away_from_the_server_that_is_set_does_not_go_back_there(
    open_on, server
):
    set_server = "{}:{}".format(*server.address)
    async with open_on(server=set_server) as gateway:
        chat = await gateway.resolve(FRIENDS)
        await gateway.history(chat, HistoryQuery())
        left = server.stats.connections_total
    server.faults.add(parse_faults({"dc": 2, "error": "INTERNAL"}))
    async with open_on(server=set_server) as restarted:
        page = await restarted.history(chat, HistoryQuery())

    assert "moved" == page.messages[0].text
    assert left + 1 == server.stats.connections_total
    assert 1 == server.stats.requests["auth.importAuthorization"]


async def test_a_session_that_cannot_be_written_is_moved_all_the_same(
    open_on, server, session, monkeypatch
):
    before = login(session)

    def refuse(*args):
        raise sqlite3.OperationalError("database or disk is full")

    async with open_on() as gateway:
        chat = await gateway.resolve(FRIENDS)
        monkeypatch.setattr("tgworker.adapters.telegram.session.TelegramSession.move", refuse)
        with capture_logs() as lines:
            page = await gateway.history(chat, HistoryQuery())
            pages = [page, await gateway.history(chat, HistoryQuery())]

    assert ["moved"] * 2 == [page.messages[0].text for page in pages]
    assert before == login(session)
    assert ["telegram.session_not_written", "telegram.moved"] == [line["event"] for line in lines]


async def test_requests_that_are_sent_away_together_move_once(open_on, server):
    async with open_on() as gateway:
        chat = await gateway.resolve(FRIENDS)
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(gateway.history, chat, HistoryQuery())

    assert 1 == server.stats.requests["auth.importAuthorization"]


async def test_a_move_that_fails_leaves_the_login_as_it_was(open_on, session, centers):
    before = login(session)
    centers.granted = False

    async with open_on() as gateway:
        chat = await gateway.resolve(FRIENDS)
        with pytest.raises(TransientError, match="cannot move to data center 4"):
            await gateway.history(chat, HistoryQuery())

    assert before == login(session)


async def test_a_center_that_is_nowhere_leaves_the_login_as_it_was(open_on, session, centers):
    before = login(session)
    centers.moves_to = 9

    async with open_on() as gateway:
        chat = await gateway.resolve(FRIENDS)
        with pytest.raises(TransientError, match="data center 9"):
            await gateway.history(chat, HistoryQuery())

    assert before == login(session)


async def test_the_moved_login_can_be_read_as_any_other(open_on, session):
    async with open_on() as gateway:
        await gateway.history(await gateway.resolve(FRIENDS), HistoryQuery())

    with open_session(session) as opened:
        assert (4, True) == (opened.dc_id, bool(opened.auth_key))
