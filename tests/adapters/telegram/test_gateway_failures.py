"""Whatever goes wrong between here and Telegram is one of four errors, and the gateway works again afterwards."""

import logging

import pytest
import structlog
import trio
from telethon.tl.alltlobjects import LAYER

from tests.logs import capture_logs
from tgworker.core.model import ChatRef, HistoryQuery
from tgworker.errors import (
    AccountUnusableError,
    ChatUnavailableError,
    FloodWaitError,
    SettingsError,
    TransientError,
)
from tgworker.simulator.wire.cipher import key_id

HISTORY = "messages.getHistory"
NEWS = ChatRef(username="news")
PAGE = HistoryQuery(limit=10)


@pytest.fixture
async def news(gateway):
    return await gateway.resolve(NEWS)


@pytest.fixture
def asked(simulator):
    """Waits until the simulator was asked so many times."""

    async def until(method, times):
        # It counts and tells nobody, so there is nothing else to wait for.
        while simulator.stats.requests[method] < times:  # noqa: ASYNC110  # see above
            await trio.lowlevel.checkpoint()

    return until


async def assert_works(gateway, chat):
    assert 10 == len((await gateway.history(chat, PAGE)).ids)


class TestRefusals:
    """Each is asked once: repeating is not the gateway's business."""

    @pytest.mark.parametrize(
        "name",
        ["INTERNAL", "RPC_CALL_FAIL", "RPC_MCGET_FAIL", "TIMEOUT", "WORKER_BUSY_TOO_LONG_RETRY"]
        + ["INTERDC_2_CALL_ERROR", "NO_WORKERS_RUNNING"],
    )
    async def test_a_server_that_stumbles_is_to_be_asked_again(
        self, gateway, news, simulator, name
    ):
        code = {"NO_WORKERS_RUNNING": -500}.get(name)
        fault = {"method": HISTORY, "times": 1, "error": name}
        simulator.add_faults(fault if code is None else fault | {"code": code})

        # Telethon's client would sleep two seconds first.
        with trio.fail_after(1.9), pytest.raises(TransientError) as caught:
            await gateway.history(news, PAGE)

        assert "server" == caught.value.error_type
        assert 1 == simulator.stats.requests[HISTORY]
        await assert_works(gateway, news)

    @pytest.mark.parametrize(
        ("name", "seconds"),
        [
            ("FLOOD_WAIT_70", 70),
            ("FLOOD_WAIT_0", 0),
            ("FLOOD_PREMIUM_WAIT_30", 30),
            ("SLOWMODE_WAIT_90", 90),
            ("FLOOD_TEST_PHONE_WAIT_50", 50),
            ("FLOOD_OF_A_NEW_KIND_40", 40),
            ("FLOOD_WITHOUT_A_NUMBER", 60),
        ],
    )
    async def test_a_flood_wait_names_the_method_and_the_seconds_and_nobody_waits_here(
        self, gateway, news, simulator, name, seconds
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "error": name, "code": 420})

        with trio.fail_after(5), pytest.raises(FloodWaitError) as caught:
            await gateway.history(news, PAGE)

        assert (HISTORY, seconds) == (caught.value.method, caught.value.seconds)
        await assert_works(gateway, news)

    @pytest.mark.parametrize(
        "name",
        ["CHANNEL_PRIVATE", "CHANNEL_INVALID", "PEER_ID_INVALID", "CHAT_ADMIN_REQUIRED"]
        + ["CHAT_ID_INVALID", "USER_BANNED_IN_CHANNEL", "INVITE_HASH_EXPIRED", "CHAT_FORBIDDEN"]
        + ["LIMIT_INVALID", "SOMETHING_NEW"],
    )
    async def test_a_chat_that_cannot_be_had_is_named_by_telegrams_own_word(
        self, gateway, news, simulator, name
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "error": name})

        with pytest.raises(ChatUnavailableError) as caught:
            await gateway.history(news, PAGE)

        assert name.lower() == caught.value.error_type
        await assert_works(gateway, await gateway.resolve(NEWS))

    @pytest.mark.parametrize(
        "name",
        ["AUTH_KEY_UNREGISTERED", "AUTH_KEY_DUPLICATED", "SESSION_REVOKED", "SESSION_EXPIRED"]
        + ["USER_DEACTIVATED", "USER_DEACTIVATED_BAN", "FROZEN_METHOD_INVALID"]
        + ["FROZEN_PARTICIPANT_MISSING"],
    )
    async def test_an_account_that_cannot_work_is_named_by_telegrams_own_word(
        self, gateway, news, simulator, name
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "error": name})

        with pytest.raises(AccountUnusableError) as caught:
            await gateway.history(news, PAGE)

        assert name.lower() == caught.value.error_type

    async def test_an_unknown_401_means_the_account(self, gateway, news, simulator):
        simulator.add_faults({"method": HISTORY, "error": "KEY_FROM_ANOTHER_PLANET", "code": 401})

        with pytest.raises(AccountUnusableError, match="tgworker login"):
            await gateway.history(news, PAGE)

    async def test_a_data_center_that_nobody_knows_is_no_reason_to_give_up(
        self, gateway, news, simulator
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "error": "STATS_MIGRATE_9"})
        simulator.add_faults({"method": HISTORY, "nth": 2, "error": "USER_MIGRATE_99"})

        for _ in range(2):
            with pytest.raises(TransientError):
                await gateway.history(news, PAGE)

        await assert_works(gateway, news)


class TestConnections:
    @pytest.mark.parametrize(
        "fault", [{"drop": "before"}, {"drop": "after"}, {"garbage": True}], ids=str
    )
    async def test_a_lost_connection_fails_the_request_and_the_next_one_connects(
        self, gateway, news, simulator, fault
    ):
        simulator.add_faults({"method": HISTORY, "times": 1} | fault)

        with trio.fail_after(3), pytest.raises(TransientError):
            await gateway.history(news, PAGE)

        await assert_works(gateway, news)
        assert 2 == simulator.stats.connections_total

    async def test_an_answer_that_never_comes_is_given_up_and_so_is_the_connection(
        self, open_on, simulator
    ):
        async with open_on(request_timeout=1.5) as gateway:
            news = await gateway.resolve(NEWS)
            simulator.add_faults({"method": HISTORY, "times": 1, "half_open": True})

            with pytest.raises(TransientError) as caught:
                await gateway.history(news, PAGE)

            assert "timeout" == caught.value.error_type
            await assert_works(gateway, news)

    async def test_who_waits_on_a_connection_that_is_given_up_hears_of_it_at_once(
        self, gateway, news, simulator, asked
    ):
        simulator.add_faults({"method": HISTORY, "delay_ms": 60_000})
        failed = []

        async def wait():
            with pytest.raises(TransientError) as caught:
                await gateway.history(news, PAGE)
            failed.append(caught.value.error_type)

        with trio.fail_after(4):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                nursery.start_soon(wait)
                await asked(HISTORY, 2)
                simulator.add_faults({"method": "contacts.resolveUsername", "drop": "before"})
                with pytest.raises(TransientError):
                    await gateway.resolve(ChatRef(username="board"))

        assert ["network"] * 2 == failed

    async def test_a_wrong_salt_is_put_right_without_anybody_noticing(
        self, gateway, news, simulator
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "bad_salt": True})

        await assert_works(gateway, news)

    async def test_a_key_that_telegram_forgot_means_the_account(self, gateway, news, simulator):
        simulator.add_faults({"method": HISTORY, "times": 1, "revoke_key": True})

        with pytest.raises(AccountUnusableError) as caught:
            await gateway.history(news, PAGE)

        assert "auth_key_not_found" == caught.value.error_type

    async def test_a_connection_that_rested_too_long_is_replaced(
        self, gateway, news, simulator, monkeypatch
    ):
        monkeypatch.setattr("tgworker.adapters.telegram.link.IDLE_SECONDS", 0.0)

        await assert_works(gateway, news)

        assert 2 == simulator.stats.connections_total

    async def test_a_connection_on_which_an_answer_is_waited_for_is_not_replaced(
        self, gateway, news, simulator, monkeypatch
    ):
        monkeypatch.setattr("tgworker.adapters.telegram.link.IDLE_SECONDS", 0.0)
        simulator.add_faults({"method": HISTORY, "times": 1, "delay_ms": 300})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.history, news, PAGE)
            while not simulator.stats.requests.get(HISTORY):  # noqa: ASYNC110  # it tells nobody
                await trio.sleep(0.01)
            connections = simulator.stats.connections_total
            await gateway.history(news, PAGE)

        assert connections == simulator.stats.connections_total

    async def test_what_telethon_makes_of_it_is_never_louder_than_a_warning(
        self, gateway, news, simulator, caplog
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "garbage": True})

        with pytest.raises(TransientError):
            await gateway.history(news, PAGE)

        telethon = [each for each in caplog.records if each.name.startswith("telethon")]
        assert logging.WARNING == max(record.levelno for record in telethon)

    async def test_the_connections_log_lines_are_not_those_of_the_command_that_opened_it(
        self, open_on, simulator, caplog
    ):
        seen = []

        class Handler(logging.Handler):
            def emit(self, record):
                seen.append(structlog.contextvars.get_contextvars().get("command_id"))

        logger, handler = logging.getLogger("telethon"), Handler()
        logger.addHandler(handler)
        try:
            with structlog.contextvars.bound_contextvars(command_id="c-1"):
                async with open_on() as gateway:
                    news = await gateway.resolve(NEWS)
                    simulator.add_faults({"method": HISTORY, "times": 1, "drop": "before"})
                    with pytest.raises(TransientError):
                        await gateway.history(news, PAGE)
        finally:
            logger.removeHandler(handler)

        assert {None} == set(seen)


class TestGreeting:
    """A connection's first request says who is calling, and is a request of its own neither here nor there."""

    @pytest.fixture
    def caller(self, simulator, session, edit_session):
        """The account's key, as the server knows it."""
        [(key,)] = edit_session("select auth_key from sessions")
        return simulator.server.keys.find(key_id(key)).caller

    async def test_it_goes_with_the_first_request_of_each_connection_and_with_no_other(
        self, open_on, simulator, caller
    ):
        async with open_on() as gateway:
            assert LAYER == caller.layer
            caller.layer = None
            news = await gateway.resolve(NEWS)
            simulator.add_faults({"method": HISTORY, "times": 1, "drop": "before"})
            with pytest.raises(TransientError):
                await gateway.history(news, PAGE)
            assert None is caller.layer
            asked = simulator.stats.total

            await assert_works(gateway, news)

        assert (LAYER, asked + 1) == (caller.layer, simulator.stats.total)

    @pytest.mark.parametrize(
        ("name", "kind", "again"),
        [
            ("CONNECTION_NOT_INITED", TransientError, True),
            ("CHANNEL_PRIVATE", ChatUnavailableError, False),
        ],
    )
    async def test_it_is_said_again_if_telegram_has_not_heard_it(
        self, open_on, simulator, caller, name, kind, again
    ):
        async with open_on() as gateway:
            caller.layer = None
            simulator.add_faults({"method": "contacts.resolveUsername", "times": 1, "error": name})

            with pytest.raises(kind):
                await gateway.resolve(NEWS)
            await gateway.resolve(NEWS)

        assert again == (caller.layer is not None)
        assert 1 == simulator.stats.connections_total

    async def test_requests_that_wait_for_one_connection_all_get_their_answers(
        self, open_on, simulator
    ):
        async with open_on() as gateway:
            news = await gateway.resolve(NEWS)
            simulator.add_faults({"method": HISTORY, "times": 1, "drop": "before"})
            with pytest.raises(TransientError):
                await gateway.history(news, PAGE)
            simulator.add_faults({"method": HISTORY, "delay_ms": 30})
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(assert_works, gateway, news)

        assert 2 == simulator.stats.connections_total


class TestCancellation:
    async def test_a_request_can_be_cancelled_while_it_waits_and_the_connection_lives_on(
        self, gateway, news, simulator, asked
    ):
        simulator.add_faults({"method": HISTORY, "times": 1, "delay_ms": 60_000})

        async with trio.open_nursery() as nursery:
            nursery.start_soon(gateway.history, news, PAGE)
            await asked(HISTORY, 1)
            nursery.cancel_scope.cancel()

        await assert_works(gateway, news)
        assert 1 == simulator.stats.connections_total

    async def test_connecting_can_be_cancelled_and_the_next_request_connects(
        self, open_on, simulator, asked
    ):
        async with open_on() as gateway:
            news = await gateway.resolve(NEWS)
            simulator.add_faults({"method": HISTORY, "times": 1, "drop": "before"})
            with pytest.raises(TransientError):
                await gateway.history(news, PAGE)
            simulator.add_faults({"method": HISTORY, "times": 1, "delay_ms": 60_000})

            async with trio.open_nursery() as nursery:
                nursery.start_soon(gateway.history, news, PAGE)
                await asked(HISTORY, 2)
                nursery.cancel_scope.cancel()

            await assert_works(gateway, news)

    async def test_cancelled_at_any_moment_of_a_request_it_ends_and_leaves_the_gateway_usable(
        self, gateway, news
    ):
        for steps in range(40):
            with trio.CancelScope() as scope:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(gateway.history, news, PAGE)
                    for _ in range(steps):
                        await trio.lowlevel.checkpoint()
                    scope.cancel()

        await assert_works(gateway, news)


class TestOpening:
    async def test_a_server_that_cannot_be_reached_is_logged_and_asked_again_later(
        self, open_on, session
    ):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]
        await listeners[0].aclose()

        with capture_logs() as lines:
            async with open_on(server=f"127.0.0.1:{port}") as gateway:
                connected = gateway.connected
                with pytest.raises(TransientError, match=f"cannot connect to 127.0.0.1:{port}"):
                    await gateway.resolve(NEWS)

        assert not connected
        assert ["telegram.account_not_checked"] == [line["event"] for line in lines]

    async def test_a_flood_wait_at_the_start_is_heeded_by_the_next_start(self, open_on, simulator):
        simulator.add_faults({"method": "users.getUsers", "error": "FLOOD_WAIT_600"})
        with capture_logs() as lines:
            for _ in range(2):
                async with open_on() as gateway:
                    rest = await gateway.open_flood_ledger().rest("users.getUsers")

        assert 0 < rest <= 600
        assert 1 == simulator.stats.requests["users.getUsers"]
        assert [("telegram.account_not_checked", "flood_wait")] * 2 == [
            (line["event"], line["error_type"]) for line in lines
        ]

    async def test_a_server_that_says_nothing_costs_no_more_than_the_timeout(self, open_on):
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listeners[0].socket.getsockname()[1]

        async with listeners[0]:
            with trio.fail_after(4):
                async with open_on(server=f"127.0.0.1:{port}", request_timeout=0.2) as gateway:
                    with pytest.raises(TransientError) as caught:
                        await gateway.resolve(NEWS)

        assert "timeout" == caught.value.error_type

    async def test_the_account_is_checked_with_one_request_and_the_connection_stays(
        self, open_on, simulator
    ):
        async with open_on() as gateway:
            connected = gateway.connected

        assert connected
        assert {"users.getUsers": 1} == dict(simulator.stats.requests)

    async def test_a_session_without_a_login_is_refused_before_anything_is_asked(
        self, open_on, tmp_path, simulator
    ):
        with pytest.raises(AccountUnusableError, match="tgworker login") as caught:
            async with open_on(session=tmp_path / "new"):
                pass

        assert ("not_logged_in", 0) == (caught.value.error_type, simulator.stats.total)

    async def test_a_session_that_was_logged_out_is_refused_with_what_to_do(
        self, open_on, write_session, simulator
    ):
        key = simulator.server.keys.make(None).auth_key

        with pytest.raises(AccountUnusableError, match="tgworker login") as caught:
            async with open_on(session=write_session(key, "logged_out.session")):
                pass

        assert "auth_key_unregistered" == caught.value.error_type

    @pytest.mark.parametrize("server", ["localhost", ":443", "host:port"])
    async def test_an_address_that_is_none_is_refused(self, open_on, server):
        with pytest.raises(SettingsError, match="TELEGRAM_SERVER"):
            async with open_on(server=server):
                pass

    async def test_an_error_that_no_task_waits_for_becomes_a_log_line(self, open_on, loop):
        before = loop.get_exception_handler()

        with capture_logs() as lines:
            async with open_on():
                loop.call_exception_handler(
                    {"message": "something fell", "exception": OSError("down the stairs")}
                )
        after = loop.get_exception_handler()

        assert [("telegram.loop_error", "something fell")] == [
            (line["event"], line["error"]) for line in lines
        ]
        assert before is after
