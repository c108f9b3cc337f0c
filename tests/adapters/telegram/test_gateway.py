"""The gateway against a real MTProto server: what is asked, what comes back, and what a restart costs."""

import json
from datetime import UTC, date, datetime

import pytest
import trio
from structlog.testing import capture_logs
from telethon import TelegramClient
from trio_asyncio import aio_as_trio

from tgworker.adapters.telegram import open_session, trust_server_key
from tgworker.core.codec import to_json
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery
from tgworker.errors import ChatUnavailableError, TransientError
from tgworker.simulator.world import World, parse_world

FIRST_DAY = date(2025, 11, 1)
NOW = datetime(2025, 11, 20, tzinfo=UTC)


async def whole_history(gateway, chat):
    """Every page of a chat, oldest first, as the worker walks it."""
    last_id = 0
    while True:
        page = await gateway.history(chat, HistoryQuery(offset_id=last_id + 1, add_offset=-100))
        newer = [id for id in page.ids if id > last_id]
        if not newer:
            return
        last_id = newer[-1]
        yield page


class TestResolve:
    @pytest.mark.parametrize(
        ("ref", "type", "title", "usernames"),
        [
            (ChatRef(username="ru_python"), ChatType.SUPERGROUP, "Python", ("ru_python",)),
            (ChatRef(username="news"), ChatType.CHANNEL, "News", ("news",)),
            (ChatRef(username="board"), ChatType.FORUM, "Board", ("board",)),
            (ChatRef(id=-1001555000111), ChatType.SUPERGROUP, "Hidden", ()),
            (ChatRef(id=-4555111), ChatType.GROUP, "Friends", ()),
        ],
    )
    async def test_a_chat_of_any_kind_is_found_by_name_or_id(
        self, gateway, world, ref, type, title, usernames
    ):
        chat = await gateway.resolve(ref)

        id = world.chat(ref.username or ref.id).marked_id
        username = usernames[0] if usernames else None
        assert Chat(id, type, title, username, usernames) == chat

    async def test_a_name_costs_one_request_once_and_none_after_a_restart(self, open_on, simulator):
        async with open_on() as gateway:
            first = await gateway.resolve(ChatRef(username="ru_python"))
            again = await gateway.resolve(ChatRef(username="ru_python"))
        async with open_on() as restarted:
            later = await restarted.resolve(ChatRef(username="ru_python"))
            by_id = await restarted.resolve(ChatRef(id=first.id))

        assert [first] * 3 == [again, later, by_id]
        assert 1 == simulator.stats.requests["contacts.resolveUsername"]

    async def test_a_user_can_be_resolved_and_its_type_is_user(self, gateway, world):
        user = next(user for user in world.people.users if user.shown_username)

        chat = await gateway.resolve(ChatRef(username=user.shown_username.lower()))

        assert (user.id, ChatType.USER) == (chat.id, chat.type)

    async def test_a_name_that_another_program_met_is_asked_for_by_its_id(
        self, open_on, met, world, simulator
    ):
        known = world.chat("news")
        met(known.marked_id, known.access_hash, "news")

        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(username="news"))

        assert known.marked_id == chat.id
        assert 0 == simulator.stats.requests["contacts.resolveUsername"]
        assert 1 == simulator.stats.requests["channels.getChannels"]

    async def test_what_another_program_had_wrong_is_resolved_afresh(
        self, open_on, met, world, simulator
    ):
        met(world.chat("news").marked_id, 1, "news")

        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(username="news"))

        assert world.chat("news").marked_id == chat.id
        assert 1 == simulator.stats.requests["contacts.resolveUsername"]

    @pytest.mark.parametrize(
        ("ref", "error_type"),
        [
            (ChatRef(username="nobody_here"), "username_not_occupied"),
            (ChatRef(username="x"), "username_invalid"),
            (ChatRef(id=-1001999999999), "chat_not_found"),
            (ChatRef(id=-1999999999), "chat_not_found"),
            (ChatRef(id=99), "chat_not_found"),
        ],
    )
    async def test_a_chat_that_cannot_be_had_says_why(self, gateway, ref, error_type):
        with pytest.raises(ChatUnavailableError) as caught:
            await gateway.resolve(ref)

        assert error_type == caught.value.error_type

    async def test_a_private_chat_is_called_private(self, gateway, world):
        world.make_private("news")

        with pytest.raises(ChatUnavailableError) as caught:
            await gateway.resolve(ChatRef(username="news"))

        assert "channel_private" == caught.value.error_type


class TestHistory:
    @pytest.mark.parametrize("name", ["ru_python", "news", "board", -1001555000111, -4555111])
    async def test_its_pages_are_the_worlds_truth(self, gateway, world, name):
        ref = ChatRef(id=name) if isinstance(name, int) else ChatRef(username=name)
        chat = await gateway.resolve(ref)

        pages = [page async for page in whole_history(gateway, chat)]

        messages = [json.loads(to_json(message)) for page in pages for message in page.messages]
        truth = [row for day in world.days(name) for row in world.truth(name, day)]
        assert truth == messages

    async def test_its_people_are_those_who_wrote(self, gateway, world, midnight):
        chat = await gateway.resolve(ChatRef(username="ru_python"))

        page = await gateway.history(
            chat, HistoryQuery(offset_date=midnight(FIRST_DAY, 1), limit=100)
        )

        people = [json.loads(to_json(person)) for person in page.people]
        truth = world.people_truth("ru_python", FIRST_DAY)
        assert [{k: v for k, v in row.items() if k != "messages"} for row in truth] == people

    async def test_the_question_is_telegrams_own_word_for_word(self, gateway, simulator, midnight):
        chat = await gateway.resolve(ChatRef(username="news"))
        query = HistoryQuery(
            offset_id=50, offset_date=midnight(FIRST_DAY), add_offset=-20, limit=20, min_id=3
        )

        await gateway.history(chat, query)

        expected = {
            "offset_id": 50,
            "offset_date": "2025-11-01T00:00:00+00:00",
            "add_offset": -20,
            "limit": 20,
            "min_id": 3,
        }
        assert expected == simulator.stats.log[-1].args

    async def test_of_deleted_messages_the_id_is_kept(self, gateway, simulator):
        chat = await gateway.resolve(ChatRef(username="news"))
        whole = await gateway.history(chat, HistoryQuery(limit=10))
        simulator.add_faults({"method": "messages.getHistory", "as_empty": True})

        page = await gateway.history(chat, HistoryQuery(limit=10))

        assert (whole.ids, ()) == (page.ids, page.messages)

    async def test_an_answer_out_of_order_is_put_in_order(self, gateway, simulator):
        chat = await gateway.resolve(ChatRef(username="news"))
        straight = await gateway.history(chat, HistoryQuery(limit=30))
        simulator.add_faults({"method": "messages.getHistory", "shuffle": True})

        assert straight == await gateway.history(chat, HistoryQuery(limit=30))

    async def test_a_new_name_of_the_chat_is_learned_from_any_page(self, open_on, world, simulator):
        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(username="news"))
            world.rename("news", "Newest")
            await gateway.history(chat, HistoryQuery(limit=1))
        async with open_on() as restarted:
            renamed = await restarted.resolve(ChatRef(username="newest"))

        assert (chat.id, "newest", ("newest",)) == (renamed.id, renamed.username, renamed.usernames)
        assert 1 == simulator.stats.requests["contacts.resolveUsername"]

    async def test_a_chat_under_another_accounts_key_is_forgotten_and_asked_for_anew(
        self, open_on, edit_session
    ):
        async with open_on() as gateway:
            await gateway.resolve(ChatRef(username="news"))
        edit_session("update tgworker_chats set access_hash = 1")

        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(username="news"))
            with pytest.raises(ChatUnavailableError) as caught:
                await gateway.history(chat, HistoryQuery(limit=1))
            again = await gateway.resolve(ChatRef(username="news"))
            page = await gateway.history(again, HistoryQuery(limit=1))

        assert ("channel_invalid", 1) == (caught.value.error_type, len(page.ids))

    async def test_a_chat_that_was_never_resolved_is_refused(self, gateway):
        stranger = Chat(-1001000000001, ChatType.CHANNEL, "Stranger")

        with pytest.raises(ChatUnavailableError, match="resolved first"):
            await gateway.history(stranger, HistoryQuery())

    async def test_requests_side_by_side_share_one_connection(self, gateway, simulator):
        chats = [await gateway.resolve(ChatRef(username=name)) for name in ("news", "board")]
        pages = {}

        async def fetch(chat):
            pages[chat.username] = await gateway.history(chat, HistoryQuery(limit=10))

        async with trio.open_nursery() as nursery:
            for chat in chats * 5:
                nursery.start_soon(fetch, chat)

        assert {"@news", "@board"} == {page.messages[0].chat for page in pages.values()}
        assert 1 == simulator.stats.connections_total


class TestPrivacy:
    async def test_no_user_reaches_the_session_file(self, open_on, edit_session):
        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(username="ru_python"))
            pages = [page async for page in whole_history(gateway, chat)]

        entities = edit_session("select * from entities")
        chats = edit_session("select id from tgworker_chats")
        assert any(page.people for page in pages)
        assert ([], [(chat.id,)]) == (entities, chats)


class Carrier:
    """Carries everything at once, and keeps what was asked."""

    def __init__(self):
        self.methods = []

    async def __call__(self, method, request):
        self.methods.append(method)
        return await request()


class TestLookups:
    """What Telegram can be asked where the session knows nothing, or half of it."""

    @pytest.fixture
    def world(self):
        """Two pages of dialogs and a few."""
        day = {"from": "2025-11-01", "to": "2025-11-01", "type": "supergroup", "per_day": [1]}
        chats = [{"id": 1500000000 + n, "title": f"Chat {n}", **day} for n in range(205)]
        return World(parse_world({"seed": 7, "users": 3, "chats": chats}, now=NOW))

    async def test_a_chat_far_down_among_the_dialogs_is_found_page_by_page(
        self, gateway, simulator, world
    ):
        last = min(world.chats, key=lambda chat: (chat.history.dates[-1], chat.marked_id))
        carrier = Carrier()

        chat = await gateway.resolve(ChatRef(id=last.marked_id), carrier)
        await gateway.history(chat, HistoryQuery())

        assert (last.marked_id, last.title) == (chat.id, chat.title)
        assert ["messages.getDialogs"] * 3 == carrier.methods
        assert 3 == simulator.stats.requests["messages.getDialogs"]

    async def test_a_chat_that_is_in_no_dialog_is_sought_in_all_of_them(self, gateway, simulator):
        with pytest.raises(ChatUnavailableError, match="has to be a member") as caught:
            await gateway.resolve(ChatRef(id=-1009999999999))

        assert "chat_not_found" == caught.value.error_type
        assert 4 == simulator.stats.requests["messages.getDialogs"]

    async def test_a_user_that_another_program_met_is_asked_for_by_its_id(
        self, open_on, met, world, simulator
    ):
        user = world.people.users[0]
        met(user.id, user.access_hash)
        carrier = Carrier()

        async with open_on() as gateway:
            chat = await gateway.resolve(ChatRef(id=user.id), carrier)
            page = await gateway.history(chat, HistoryQuery())

        assert ((user.id, ChatType.USER), ()) == ((chat.id, chat.type), page.ids)
        assert ["users.getUsers"] == carrier.methods
        assert str(user.id) == simulator.stats.log[-1].chat

    async def test_a_chat_that_throws_the_account_out_is_not_sought_any_further(
        self, open_on, met, world, simulator
    ):
        chat = world.chats[0]
        met(chat.marked_id, chat.access_hash)
        simulator.add_faults({"method": "channels.getChannels", "error": "CHANNEL_PRIVATE"})

        async with open_on() as gateway:
            with pytest.raises(ChatUnavailableError) as caught:
                await gateway.resolve(ChatRef(id=chat.marked_id))

        assert "channel_private" == caught.value.error_type
        assert 0 == simulator.stats.requests["messages.getDialogs"]

    async def test_a_session_that_cannot_be_written_costs_a_line_and_not_the_fetch(
        self, open_on, edit_session, world
    ):
        async with open_on():
            edit_session(
                "create trigger full before insert on tgworker_chats "
                "begin select raise(abort, 'disk full'); end"
            )
        async with open_on() as gateway:
            with capture_logs() as lines:
                chat = await gateway.resolve(ChatRef(id=world.chats[0].marked_id))
            page = await gateway.history(chat, HistoryQuery())

        assert 1 == len(page.ids)
        assert [("telegram.session_not_written", "disk full")] == [
            (line["event"], line["error"]) for line in lines
        ]


class TestLogin:
    async def test_a_login_by_telethons_own_client_is_one_for_the_gateway(
        self, open_on, world, simulator, tmp_path
    ):
        path, key = tmp_path / "fresh.session", tmp_path / "server.pem"
        key.write_text(simulator.public_key_pem)
        trust_server_key(key)
        with open_session(path) as session:
            session.set_dc(2, *simulator.address)
            client = TelegramClient(session, 12345, "hash", receive_updates=False)
            await aio_as_trio(client.connect)()
            await aio_as_trio(client.send_code_request)(world.spec.account.phone)
            await aio_as_trio(client.sign_in)(world.spec.account.phone, world.spec.account.code)
            await aio_as_trio(client.disconnect)()

        async with open_on(session=path) as gateway:
            chat = await gateway.resolve(ChatRef(username="news"))

        assert "News" == chat.title


class TestSay:
    async def test_a_message_arrives_once_however_often_it_is_sent(self, gateway, world):
        chat = await gateway.resolve(ChatRef(username="ru_python"))

        for _ in range(2):
            await gateway.say(chat, "Два слова", -(2**63))

        assert [("@ru_python", "Два слова")] == [(sent.chat, sent.text) for sent in world.sent]

    async def test_a_chat_that_may_not_be_written_in_is_no_way(self, gateway, world):
        chat = await gateway.resolve(ChatRef(username="news"))

        with pytest.raises(ChatUnavailableError) as caught:
            await gateway.say(chat, "x", 1)

        assert "chat_admin_required" == caught.value.error_type
        assert [] == world.sent

    async def test_a_server_that_stumbles_is_no_message_sent_before(
        self, gateway, world, simulator
    ):
        chat = await gateway.resolve(ChatRef(username="ru_python"))
        simulator.add_faults({"method": "messages.sendMessage", "error": "INTERNAL"})

        with pytest.raises(TransientError):
            await gateway.say(chat, "x", 1)
