"""One suite for `CommandQueue`: what holds on a real Redis holds for the twin in memory."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest
import trio
import trio.testing

from tgworker.errors import QueueUnavailableError
from tgworker.ports import Cancelled, Claim, Dead, Done, Held, Lost, NothingDue, Park

GARBAGE = [
    b"",
    b"\x00\xff\xfe",
    b"null",
    b"[1,2",
    b'"\xd0"',
    b"{" * 2000,
    b"x" * 70_000,
    b"\r\n*1\r\n",
]


async def test_commands_are_claimed_in_the_order_they_were_pushed(bench: Any) -> None:
    await bench.push(b"1", b"2", b"3")
    one, other = bench.worker("one"), bench.worker("other")

    claims = [await one.claim(), await other.claim(), await one.claim()]

    assert [b"1", b"2", b"3"] == [claim.payload for claim in claims]
    assert [(1, 1)] * 3 == [(claim.epoch, claim.deliveries) for claim in claims]


async def test_an_empty_queue_has_nothing_due(bench: Any) -> None:
    assert NothingDue(None) == await bench.worker("one").claim()
    assert 0 == await bench.worker("one").depth()


async def test_depth_counts_what_waits_and_not_what_is_held(bench: Any) -> None:
    await bench.push(b"1", b"2", b"3")
    worker = bench.worker("one")

    await worker.claim()

    assert 2 == await worker.depth()
    assert (1, 0, 0) == await bench.counts()


async def test_what_is_held_or_rests_is_under_way(bench: Any) -> None:
    """By the ids the claims have, not what waits, and not what has ended; a lease that ended makes no difference."""
    worker = bench.worker("one")
    assert frozenset() == await worker.under_way()
    ids = [str(uuid4()) for _ in range(6)]
    await bench.push(b"", *(b'{"command_id":"%b"}' % id.encode() for id in ids))
    claims = [await worker.claim() for _ in range(5)]

    await bench.expire(claims[0])
    for claim, outcome in zip(claims[1:4], (Park(900), Done(), Dead("bad")), strict=True):
        await worker.finish(claim, outcome)

    assert {claims[0].command_id, ids[0], ids[3]} == await worker.under_way()


@pytest.mark.parametrize("payload", GARBAGE)
async def test_any_bytes_come_out_as_they_went_in(bench: Any, payload: bytes) -> None:
    await bench.push(payload)
    worker = bench.worker("one")

    claim = await worker.claim()
    await worker.finish(claim, Dead("invalid_command"))

    assert payload == claim.payload
    assert UUID(claim.command_id)
    assert [(payload, "invalid_command")] == await bench.dead()


async def test_a_commands_own_id_is_kept(bench: Any) -> None:
    command_id = str(uuid4())
    await bench.push(json.dumps({"command_id": command_id}).encode())

    assert command_id == (await bench.worker("one").claim()).command_id


async def test_an_id_that_was_made_stays_over_redeliveries(bench: Any) -> None:
    await bench.push(b"{}")
    first = await bench.worker("one").claim()

    await bench.expire(first)
    second = await bench.worker("other").claim()

    assert first.command_id == second.command_id


async def test_after_a_lost_reply_the_same_claim_comes_again(bench: Any) -> None:
    await bench.push(b"1", b"2")
    worker = bench.worker("one")
    bench.lose_reply()

    with pytest.raises(QueueUnavailableError):
        await worker.claim()
    again, then = await worker.claim(), await worker.claim()

    assert (b"1", 1, 1) == (again.payload, again.epoch, again.deliveries)
    assert b"2" == then.payload


async def test_a_claim_whose_reply_was_lost_goes_to_others_when_its_lease_ends(bench: Any) -> None:
    await bench.push(b"1", b"2")
    worker, other = bench.worker("one"), bench.worker("other")
    bench.lose_reply()
    with pytest.raises(QueueUnavailableError):
        await worker.claim()
    lost = Claim(job_id=1, epoch=1, payload=b"1", command_id="", deliveries=1)

    await bench.expire(lost)
    taken = await other.claim()
    own = await bench.due(worker)

    assert (b"1", 2, 2) == (taken.payload, taken.epoch, taken.deliveries)
    assert b"2" == own.payload


async def test_when_a_lease_ends_another_worker_gets_the_command_with_a_higher_epoch(
    bench: Any,
) -> None:
    await bench.push(b"1", b"2")
    stalled, other = bench.worker("stalled", lease=0.05), bench.worker("other")

    before = await stalled.claim()
    assert b"2" == (await other.claim()).payload
    after = await bench.due(other)

    assert (before.job_id, before.epoch + 1, 2) == (after.job_id, after.epoch, after.deliveries)


async def test_a_renewed_lease_does_not_end(bench: Any) -> None:
    await bench.push(b"1")
    worker, other = bench.worker("one", lease=30), bench.worker("other")
    claim = await worker.claim()

    held = await worker.renew(claim)

    assert isinstance(held, Held)
    assert 20 < held.lease_seconds <= 30
    assert isinstance(await other.claim(), NothingDue)


async def test_who_was_superseded_can_change_nothing(bench: Any) -> None:
    await bench.push(b"1")
    stalled, other = bench.worker("stalled"), bench.worker("other")
    before = await stalled.claim()
    await bench.expire(before)
    after = await other.claim()

    assert Lost() == await stalled.renew(before)
    for outcome in (Done(), Park(0), Dead("no")):
        assert not await stalled.finish(before, outcome)
    assert isinstance(await other.renew(after), Held)
    assert (1, 0, 0) == await bench.counts()


async def test_who_was_superseded_did_not_finish_what_the_other_finished(bench: Any) -> None:
    await bench.push(b"1")
    stalled, other = bench.worker("stalled"), bench.worker("other")
    before = await stalled.claim()
    await bench.expire(before)

    assert await other.finish(await other.claim(), Done())

    assert not await stalled.finish(before, Done())


async def test_an_ended_lease_nobody_asked_for_is_still_good(bench: Any) -> None:
    await bench.push(b"1")
    worker, other = bench.worker("one"), bench.worker("other")
    claim = await worker.claim()

    await bench.expire(claim)

    assert isinstance(await worker.renew(claim), Held)
    assert isinstance(await other.claim(), NothingDue)
    await bench.expire(claim)
    assert await worker.finish(claim, Done())
    assert isinstance(await other.claim(), NothingDue)


async def test_a_finished_command_is_gone_and_may_be_finished_again(bench: Any) -> None:
    await bench.push(b"1")
    worker = bench.worker("one")
    claim = await worker.claim()
    bench.lose_reply()

    with pytest.raises(QueueUnavailableError):
        await worker.finish(claim, Done())

    assert await worker.finish(claim, Done())
    assert not await worker.finish(claim, Dead("no"))
    assert Lost() == await worker.renew(claim)
    assert (0, 0, 0) == await bench.counts()
    assert NothingDue(None) == await worker.claim()


async def test_a_parked_command_comes_back_when_due_and_the_delivery_is_not_counted(
    bench: Any,
) -> None:
    await bench.push(b"1")
    worker, other = bench.worker("one"), bench.worker("other")
    claim = await worker.claim()

    assert await worker.finish(claim, Park(0.05))
    assert await worker.finish(claim, Park(0.05))
    again = await bench.due(other)

    assert (2, 1) == (again.epoch, again.deliveries)
    assert not await worker.finish(claim, Park(0))


async def test_claim_says_when_the_next_parked_command_is_due(bench: Any) -> None:
    await bench.push(b"1", b"2")
    worker = bench.worker("one")
    await worker.finish(await worker.claim(), Park(300))
    await worker.finish(await worker.claim(), Park(100))

    nothing = await worker.claim()

    assert 90 < nothing.next_due_seconds <= 100


async def test_claim_says_when_the_next_lease_ends_for_its_holder_may_be_dead(bench: Any) -> None:
    await bench.push(b"1", b"2")
    holder = bench.worker("holder", lease=30)
    await holder.finish(await holder.claim(), Park(100))
    await holder.claim()

    nothing = await bench.worker("other").claim()

    assert 25 < nothing.next_due_seconds <= 30


async def test_a_parked_command_that_is_due_goes_before_those_that_wait(bench: Any) -> None:
    await bench.push(b"1", b"2")
    worker = bench.worker("one")

    await worker.finish(await worker.claim(), Park(0))

    assert b"1" == (await worker.claim()).payload


async def test_a_command_that_was_handed_out_too_often_is_handed_out_to_be_buried(
    bench: Any,
) -> None:
    await bench.push(b"poison")
    worker = bench.worker("one", max_deliveries=2)
    for deliveries in (1, 2):
        claim = await worker.claim()
        assert (deliveries, False) == (claim.deliveries, claim.exhausted)
        await bench.expire(claim)

    last = await worker.claim()
    assert (b"poison", 2, 3, True) == (last.payload, last.deliveries, last.epoch, last.exhausted)
    assert [] == await bench.dead()
    assert await worker.finish(last, Dead("max_deliveries"))

    assert isinstance(await worker.claim(), NothingDue)
    assert [(b"poison", "max_deliveries")] == await bench.dead()
    assert (0, 0, 1) == await bench.counts()


async def test_whoever_dies_of_burying_a_command_leaves_that_to_the_next(bench: Any) -> None:
    await bench.push(b"poison")
    one, other = bench.worker("one", max_deliveries=1), bench.worker("other", max_deliveries=5)
    await bench.expire(await one.claim())

    for worker in (one, other):
        claim = await worker.claim()
        assert (1, True) == (claim.deliveries, claim.exhausted)
        await bench.expire(claim)
    claim = await one.claim()
    await one.finish(claim, Park(0))
    claim = await other.claim()

    assert (1, True) == (claim.deliveries, claim.exhausted)


async def test_a_burial_whose_reply_was_lost_comes_again(bench: Any) -> None:
    await bench.push(b"poison")
    worker = bench.worker("one", max_deliveries=1)
    await bench.expire(await worker.claim())
    bench.lose_reply()

    with pytest.raises(QueueUnavailableError):
        await worker.claim()
    claim = await worker.claim()

    assert (2, 1, True) == (claim.epoch, claim.deliveries, claim.exhausted)


async def test_parking_for_ever_kills_no_command(bench: Any) -> None:
    await bench.push(b"1")
    worker = bench.worker("one", max_deliveries=2)

    for _ in range(5):
        claim = await worker.claim()
        assert 1 == claim.deliveries
        await worker.finish(claim, Park(0))

    assert [] == await bench.dead()


async def test_a_dead_command_is_never_handed_out_again(bench: Any) -> None:
    await bench.push(b"1")
    worker = bench.worker("one")
    claim = await worker.claim()

    assert await worker.finish(claim, Dead("why"))
    assert await worker.finish(claim, Dead("why"))

    assert isinstance(await worker.claim(), NothingDue)
    assert [(b"1", "why")] == await bench.dead()


async def test_a_cancelled_command_is_seen_at_the_next_renewal(bench: Any) -> None:
    await bench.push(b"1")
    worker = bench.worker("one")
    claim = await worker.claim()

    assert await bench.cancel(claim.command_id)
    assert Cancelled() == await worker.renew(claim)

    assert await worker.finish(claim, Done())
    assert not await bench.cancel(claim.command_id)


async def test_cancelling_a_parked_command_makes_it_due(bench: Any) -> None:
    await bench.push(b"1")
    worker = bench.worker("one")
    claim = await worker.claim()
    await worker.finish(claim, Park(300))

    assert await bench.cancel(claim.command_id)
    again = await worker.claim()

    assert (claim.command_id, False, True) == (again.command_id, claim.cancelled, again.cancelled)
    assert Cancelled() == await worker.renew(again)


async def test_a_command_that_waits_is_cancelled_by_its_own_id(bench: Any) -> None:
    command_id = str(uuid4())
    payload = json.dumps({"command_id": command_id}).encode()
    await bench.push(*[b"%d" % n for n in range(450)], payload, b"last")
    worker = bench.worker("one")

    assert await bench.cancel(command_id)
    claim = await worker.claim()

    assert (payload, command_id, 1) == (claim.payload, claim.command_id, claim.deliveries)
    assert claim.cancelled
    assert Cancelled() == await worker.renew(claim)
    assert 451 == await worker.depth()


async def test_cancelling_an_unknown_command_changes_nothing(bench: Any) -> None:
    await bench.push(b"1")

    assert not await bench.cancel(str(uuid4()))
    assert 1 == await bench.worker("one").depth()


async def test_waiting_ends_at_once_when_something_waits(bench: Any) -> None:
    await bench.push(b"1")

    with trio.fail_after(5):
        await bench.worker("one").wait(60)


@pytest.mark.parametrize("seconds", [0.02, 0.001, 0, -1])
async def test_waiting_ends_after_its_time(bench: Any, seconds: float) -> None:
    with trio.fail_after(5):
        await bench.worker("one").wait(seconds)


async def test_a_push_wakes_every_worker_that_waits_and_keeps_the_order(bench: Any) -> None:
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            for name in ("one", "two", "three"):
                nursery.start_soon(bench.worker(name).wait, 60)
            await trio.testing.wait_all_tasks_blocked(0.05)
            await bench.push(b"1", b"2")

    worker = bench.worker("one")
    assert [b"1", b"2"] == [(await worker.claim()).payload for _ in range(2)]


async def test_a_wait_cancelled_while_commands_are_pushed_loses_none(bench: Any) -> None:
    worker = bench.worker("one")

    async def push(number: int) -> None:
        with trio.CancelScope(shield=True):
            await bench.push(b"%d" % number)

    for number in range(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(worker.wait, 60)
            nursery.start_soon(push, number)
            for _ in range(number % 12):
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()

    claimed = [(await worker.claim()).payload for _ in range(60)]

    assert [b"%d" % number for number in range(60)] == claimed
    assert isinstance(await worker.claim(), NothingDue)


async def test_a_claim_cancelled_at_any_point_comes_again(bench: Any) -> None:
    await bench.push(*[b"%d" % number for number in range(40)])
    worker = bench.worker("one")
    claims = []
    for steps in range(40):
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:

                async def claim() -> None:
                    claims.append(await worker.claim())

                nursery.start_soon(claim)
                for _ in range(steps % 14):
                    await trio.lowlevel.checkpoint()
                scope.cancel()
    while isinstance(claim := await worker.claim(), Claim):
        claims.append(claim)

    assert [b"%d" % number for number in range(40)] == [claim.payload for claim in claims]
    assert {1} == {claim.deliveries for claim in claims}


async def test_two_workers_never_get_the_same_command(bench: Any) -> None:
    await bench.push(*[b"%d" % number for number in range(100)])
    got: list[bytes] = []

    async def work(name: str) -> None:
        worker = bench.worker(name)
        while isinstance(claim := await worker.claim(), Claim):
            got.append(claim.payload)
            assert await worker.finish(claim, Done())

    async with trio.open_nursery() as nursery:
        for name in ("one", "two", "three"):
            nursery.start_soon(work, name)

    assert 100 == len(got) == len(set(got))
    assert (0, 0, 0) == await bench.counts()


async def test_too_many_commands_are_not_asked_for(
    redis_bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis serves nobody else while it answers."""
    monkeypatch.setattr("tgworker.adapters.redis.queue.MOST_UNDER_WAY", 2)
    await redis_bench.push(b"1", b"2", b"3")
    worker = redis_bench.worker("one")
    counts = []
    for _ in range(3):
        await worker.claim()
        known = await worker.under_way()
        counts.append(None if known is None else len(known))

    assert [1, 2, None] == counts
