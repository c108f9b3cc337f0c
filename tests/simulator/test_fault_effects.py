"""Each kind of fault, as a real Telethon client meets it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
from telethon import errors
from telethon.network import ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpObfuscated
from telethon.tl import functions, types

from tgworker.simulator.faults import parse_faults
from tgworker.simulator.plan import FaultPlan

ASK = functions.help.GetNearestDcRequest()
HISTORY = "messages.getHistory"


@pytest.fixture
def plan() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
async def server(serve: Any, plan: FaultPlan) -> AsyncIterator[Any]:
    async with serve(faults=plan) as running:
        yield running


@pytest.fixture
async def client(server: Any, connect: Any) -> AsyncIterator[Any]:
    """A client that comes back when it loses the connection."""
    async with connect(server, connection_retries=10) as connected:
        yield connected


@pytest.fixture
def add(plan: FaultPlan) -> Any:
    def add_fault(**fault: Any) -> None:
        plan.add(parse_faults(fault))

    return add_fault


async def test_a_flood_wait(client: Any, server: Any, add: Any, history: Any) -> None:
    add(method=HISTORY, nth=2, error="FLOOD_WAIT_3")

    await client(history())
    with pytest.raises(errors.FloodWaitError) as caught:
        await client(history())
    await client(history())

    assert 3 == caught.value.seconds
    assert {"error": 1} == dict(server.stats.faults)
    assert ["ok", "FLOOD_WAIT_3", "ok"] == [entry.outcome for entry in list(server.stats.log)[-3:]]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (errors.ServerError, "INTERNAL"),
        (errors.ChannelPrivateError, "CHANNEL_PRIVATE"),
        (errors.AuthKeyDuplicatedError, "AUTH_KEY_DUPLICATED"),
        (errors.TimedOutError, "Timeout"),
    ],
)
async def test_any_rpc_error(
    client: Any, add: Any, history: Any, kind: type[Exception], message: str
) -> None:
    add(method=HISTORY, error=message)

    with pytest.raises(kind):
        await client.send(history())
    await client(ASK)


async def test_a_fault_for_one_chat_spares_the_others(client: Any, add: Any, history: Any) -> None:
    add(chat="-1000000001001", error="CHANNEL_PRIVATE")

    with pytest.raises(errors.ChannelPrivateError):
        await client(history(1001))
    assert 5 == len((await client(history(1002))).messages)


async def test_a_delay_holds_up_one_answer_and_not_the_next(
    client: Any, add: Any, history: Any
) -> None:
    add(method=HISTORY, delay_ms=200, times=1)
    answered = []

    async def ask(limit: int) -> None:
        page = await client(history(limit=limit))
        answered.append(len(page.messages))

    begun = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, 1)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(ask, 2)

    assert [2, 1] == answered
    assert 0.2 <= trio.current_time() - begun


async def test_latency_is_added_to_every_answer(serve: Any, connect: Any) -> None:
    async with serve(latency_s=0.01) as server, connect(server) as client:
        begun = trio.current_time()
        for _ in range(3):
            await client(ASK)

        assert 0.03 <= trio.current_time() - begun


@pytest.mark.parametrize(("drop", "carried_out"), [("before", 1), ("after", 2)])
async def test_a_dropped_connection_before_or_after_the_request_is_carried_out(
    client: Any, server: Any, add: Any, statuses: list[bool], drop: str, carried_out: int
) -> None:
    add(method="account.updateStatus", nth=1, drop=drop)
    server.stats.reset()

    await client(functions.account.UpdateStatusRequest(offline=False))

    assert carried_out == len(statuses)
    assert 2 == server.stats.connections_total
    assert ["drop", "ok"] == [
        entry.outcome for entry in server.stats.log if entry.method == "account.updateStatus"
    ]


async def test_a_half_open_connection_never_says_anything_again(
    server: Any, connect: Any, add: Any, history: Any, statuses: list[bool]
) -> None:
    add(method=HISTORY, nth=1, half_open=True)
    updates: list[Any] = []

    async with connect(server, receive_updates=True) as client:
        client.telethon._sender._updates_queue.put_nowait = updates.append
        with trio.move_on_after(0.2) as waited:
            await client(history())
        with trio.move_on_after(0.2) as waited_for_another:
            await client(functions.account.UpdateStatusRequest(offline=False))

        assert waited.cancelled_caught
        assert waited_for_another.cancelled_caught
        assert [False] == statuses
        assert [] == updates
        assert 1 == server.stats.connections_open


@pytest.mark.parametrize(
    "transport", [ConnectionTcpAbridged, ConnectionTcpFull, ConnectionTcpObfuscated]
)
async def test_garbage_makes_the_client_come_back(
    serve: Any, connect: Any, plan: FaultPlan, add: Any, history: Any, transport: type
) -> None:
    add(method=HISTORY, nth=1, garbage=True)

    async with (
        serve(faults=plan) as server,
        connect(server, connection=transport, connection_retries=10) as client,
    ):
        page = await client(history(limit=1))

        assert 250 == page.messages[0].id
        assert 2 <= server.stats.connections_total


async def test_a_wrong_salt_makes_the_client_send_again(
    client: Any, server: Any, add: Any, history: Any
) -> None:
    add(method=HISTORY, nth=1, bad_salt=True)
    before = client.telethon._sender._state.salt

    page = await client(history(limit=1))

    assert 250 == page.messages[0].id
    assert before != client.telethon._sender._state.salt
    assert 2 == server.stats.requests[HISTORY]
    assert 1 == server.stats.connections_total


async def test_a_revoked_key_is_of_no_use_any_more(
    serve: Any, connect: Any, make_client: Any, plan: FaultPlan, add: Any, history: Any
) -> None:
    add(method=HISTORY, revoke_key=True)

    async with serve(faults=plan) as server, connect(server) as client:
        with pytest.raises(errors.AuthKeyNotFound):
            await client(history())
        again = make_client(server, session=client.telethon.session)
        with pytest.raises(errors.AuthKeyNotFound):
            await again.connect()


@pytest.mark.parametrize("skew", [-4000, 4000])
async def test_a_clock_that_is_off_is_followed(
    client: Any, server: Any, add: Any, history: Any, skew: int
) -> None:
    add(clock_skew_s=skew)
    page = await client(history(limit=1))

    assert 250 == page.messages[0].id
    assert skew - 2 <= client.telethon._sender._state.time_offset <= skew + 2

    server.faults.clear()
    page = await client(history(limit=1))
    assert 250 == page.messages[0].id


async def test_a_clock_that_is_off_from_the_start_is_followed(
    serve: Any, connect: Any, add: Any, plan: FaultPlan
) -> None:
    add(clock_skew_s=-4000)

    async with serve(faults=plan) as server:
        async with connect(server) as signed_in, connect(server, signed_in=False) as new:
            assert "DE" == (await signed_in(ASK)).country == (await new(ASK)).country


@pytest.mark.parametrize("channel_id", [1001, 1002], ids=["objects", "bytes"])
@pytest.mark.parametrize(
    ("expected", "fault"),
    [
        ([5, 4], {"short": 2}),
        ([2, 1], {"short": 2, "short_end": "oldest"}),
        ([], {"short": 0}),
        ([], {"short": 0, "short_end": "oldest"}),
        ([5, 4, 3, 2, 1], {"short": 50, "short_end": "oldest"}),
        ([], {"empty": True}),
    ],
    ids=str,
)
async def test_short_and_empty_pages(
    client: Any,
    add: Any,
    history: Any,
    channel_id: int,
    expected: list[int],
    fault: dict[str, Any],
) -> None:
    add(method=HISTORY, nth=1, **fault)

    spoiled = await client(history(channel_id, offset_id=6))
    whole = await client(history(channel_id, offset_id=6))

    assert expected == [message.id for message in spoiled.messages]
    assert whole.count == spoiled.count
    assert [5, 4, 3, 2, 1] == [message.id for message in whole.messages]


@pytest.mark.parametrize("channel_id", [1001, 1002], ids=["objects", "bytes"])
async def test_a_page_of_deleted_messages(
    client: Any, add: Any, history: Any, channel_id: int
) -> None:
    add(method=HISTORY, as_empty=True)

    page = await client(history(channel_id, offset_id=4))

    assert [
        types.MessageEmpty(n, types.PeerChannel(channel_id)) for n in (3, 2, 1)
    ] == page.messages


async def test_a_page_out_of_order(client: Any, add: Any, history: Any) -> None:
    add(method=HISTORY, shuffle=True, seed=1)

    pages = [
        [message.id for message in (await client(history(limit=limit))).messages]
        for limit in (100, 2, 1)
    ]

    assert sorted(pages[0], reverse=True) != pages[0]
    assert set(range(151, 251)) == set(pages[0])
    assert [[249, 250], [250]] == pages[1:]


async def test_a_page_that_comes_again(client: Any, add: Any, history: Any) -> None:
    add(method=HISTORY, every=2, repeat=True)

    pages = [
        await client(history(channel, offset_id=offset, limit=2))
        for channel, offset in ((1001, 10), (1001, 20), (1002, 6), (1001, 30))
    ]

    assert [[9, 8], [9, 8], [5, 4], [9, 8]] == [
        [message.id for message in page.messages] for page in pages
    ]


async def test_nothing_to_repeat_is_answered_as_ever(client: Any, add: Any, history: Any) -> None:
    add(method=HISTORY, repeat=True)

    assert [9] == [m.id for m in (await client(history(offset_id=10, limit=1))).messages]


async def test_what_is_no_page_is_left_alone(client: Any, add: Any) -> None:
    add(method="*", empty=True, shuffle=True)

    assert "DE" == (await client(ASK)).country


@pytest.mark.parametrize("step", ["req_pq_multi", "req_DH_params", "set_client_DH_params"])
@pytest.mark.parametrize("effect", [{"garbage": True}, {"drop": "before"}], ids=str)
async def test_a_key_exchange_that_is_spoiled_can_be_begun_again(
    serve: Any,
    connect: Any,
    make_client: Any,
    plan: FaultPlan,
    add: Any,
    step: str,
    effect: dict[str, Any],
) -> None:
    add(method=step, times=1, **effect)
    add(method="*", nth=1, drop="before")  # what is for every method is not for the steps

    async with serve(faults=plan) as server:
        client = make_client(server, signed_in=False)
        with pytest.raises((errors.RPCError, OSError, EOFError, ValueError)):
            await client.connect()
        spoiled = dict(server.stats.faults)
        plan.clear()
        async with connect(server, signed_in=False) as again:
            assert "DE" == (await again(ASK)).country

    assert {next(iter(effect)): 1} == spoiled


async def test_a_half_open_key_exchange_leaves_the_client_waiting(
    serve: Any, make_client: Any, plan: FaultPlan, add: Any, asyncio_loop: Any
) -> None:
    add(method="req_pq_multi", half_open=True)

    async with serve(faults=plan) as server:
        client = make_client(server, signed_in=False)
        with trio.move_on_after(0.3) as waited:
            await client.connect()
        await client.run(client.telethon.disconnect)

    assert waited.cancelled_caught


async def test_a_server_that_is_gone_ends_connections_and_refuses_new_ones(
    client: Any, server: Any, add: Any, connect: Any
) -> None:
    before = await client(ASK)
    add(down_s=0.5)
    gone_at = trio.current_time()

    with pytest.raises(OSError):
        while trio.current_time() < gone_at + 0.4:
            await (await trio.open_tcp_stream(*server.address)).aclose()
    while trio.current_time() < gone_at + 5:
        try:
            await (await trio.open_tcp_stream(*server.address)).aclose()
        except OSError:
            await trio.sleep(0.05)
        else:
            break
    was_gone_s = trio.current_time() - gone_at

    assert 0.4 <= was_gone_s < 3
    async with connect(server) as again:
        assert before.country == (await again(ASK)).country


async def test_a_server_may_be_gone_from_its_start_on_and_end_like_that(
    serve: Any, add: Any, plan: FaultPlan
) -> None:
    add(down_s=60)

    with trio.fail_after(5):
        async with serve(faults=plan) as server:
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(OSError):
                await trio.open_tcp_stream(*server.address)
