"""The Lua scripts against everything at once: lost replies, late requests, stalled workers, in any order.

Hypothesis plays the producers, the workers, the network and the clock. After each step, what lies in Redis is compared
with a plain model: nothing lost, nothing twice, never two holders, finished exactly once.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import redis
import trio
import trio_asyncio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tgworker.adapters.redis.admin import retry
from tgworker.adapters.redis.connection import open_redis
from tgworker.adapters.redis.keys import QueueKeys
from tgworker.adapters.redis.queue import RedisCommandQueue
from tgworker.errors import QueueUnavailableError
from tgworker.ports import Claim, Dead, Done, Held, Outcome, Park

WORKERS = ("a", "b")
MAX_DELIVERIES = 4
KEYS = QueueKeys("tg_commands")

workers = st.sampled_from(WORKERS)
fates = st.sampled_from(["answered", "answered", "reply lost", "held back"])
outcomes = st.sampled_from([Done(), Park(0), Park(100), Dead("no")])


class Portal:
    """A trio-asyncio loop in a thread, for a test that is not async itself."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._live,))

    def __enter__(self) -> Portal:
        self._thread.start()
        assert self._ready.wait(20)
        return self

    def __exit__(self, *error: object) -> None:
        trio.from_thread.run_sync(self._over.set, trio_token=self._token)
        self._thread.join()

    def run(self, function: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        async def in_loop() -> Any:
            trio_asyncio.current_loop.set(self._loop)
            return await function(*args)

        return trio.from_thread.run(in_loop, trio_token=self._token)

    async def _live(self) -> None:
        self._token, self._over = trio.lowlevel.current_trio_token(), trio.Event()
        async with trio_asyncio.open_loop() as loop, open_redis(self._url) as client:
            self._loop, self.client = loop, client
            self._ready.set()
            await self._over.wait()


class Jobs(RuleBasedStateMachine):
    """The class attributes are set by the test."""

    portal: Portal
    redis: redis.Redis
    deaf_client: Callable[..., Any]

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushdb()
        self.clients = {name: self.deaf_client(self.portal.client) for name in WORKERS}
        self.queues = {
            name: RedisCommandQueue(client, worker_id=name, max_deliveries=MAX_DELIVERIES)
            for name, client in self.clients.items()
        }
        self.pushed: list[bytes] = []
        self.claims: list[tuple[str, Claim]] = []
        self.unanswered: set[str] = set()
        self.done: Counter[bytes] = Counter()

    @initialize()
    def a_worker_holds_a_command(self) -> None:
        self.push()
        self.push()
        self.claim("a", "answered")

    @rule()
    def push(self) -> None:
        self.pushed.append(b"%d" % len(self.pushed))
        self.redis.rpush("tg_commands", self.pushed[-1])

    @rule(name=workers, fate=fates)
    def claim(self, name: str, fate: str) -> None:
        got = self.ask(name, fate, self.queues[name].claim)
        if got is None:
            self.unanswered.add(name)
        else:
            self.unanswered.discard(name)
        if isinstance(got, Claim):
            assert got.payload not in self.done, "a finished command was handed out"
            assert 1 <= got.deliveries <= MAX_DELIVERIES
            assert not got.exhausted or MAX_DELIVERIES == got.deliveries
            assert self.is_current(got)
            before = [old.epoch for _, old in self.claims if old.payload == got.payload]
            assert got.epoch > max(before, default=0), "two claims of one epoch"
            self.claims.append((name, got))

    @rule(name=workers)
    def a_stalled_worker_is_superseded(self, name: str) -> None:
        self.leases_end()
        self.claim(name, "answered")

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), fate=fates)
    def renew(self, data: st.DataObject, fate: str) -> None:
        name, claim = data.draw(st.sampled_from(self.claims[-4:]))
        current = self.is_current(claim)
        renewal = self.ask(name, fate, self.queues[name].renew, claim)
        assert renewal is None or current is isinstance(renewal, Held)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), fate=fates, outcome=outcomes)
    def finish(self, data: st.DataObject, fate: str, outcome: Outcome) -> None:
        name, claim = data.draw(st.sampled_from(self.claims[-4:]))
        current = self.is_current(claim)
        was_done = self.state_of(claim) == (b"done", claim.epoch)
        finished = self.ask(name, fate, self.queues[name].finish, claim, outcome)
        if current:
            assert finished is not False
        elif outcome == Done() and finished is not None:
            assert was_done is finished
        self.note_done()

    @precondition(lambda self: any(client.held for client in self.clients.values()))
    @rule(name=workers)
    def late_requests_arrive(self, name: str) -> None:
        self.portal.run(self.clients[name].deliver_held)
        self.note_done()

    @rule()
    def the_dead_are_retried(self) -> None:
        dead = self.redis.llen(KEYS["dead"])
        assert dead == self.portal.run(retry, self.portal.client, "tg_commands").total()

    @rule()
    def leases_end(self) -> None:
        for number in self.redis.zrange(KEYS["lease"], 0, -1):
            self.redis.zadd(KEYS["lease"], {number: 1})

    @rule()
    def parked_commands_fall_due(self) -> None:
        for number in self.redis.zrange(KEYS["parked"], 0, -1):
            self.redis.zadd(KEYS["parked"], {number: 1})

    @invariant()
    def every_command_is_in_exactly_one_place(self) -> None:
        places = Counter(self.redis.lrange("tg_commands", 0, -1))
        leased = {*self.redis.zrange(KEYS["lease"], 0, -1)}
        parked = {*self.redis.zrange(KEYS["parked"], 0, -1)}
        dead = Counter(self.redis.lrange(KEYS["dead"], 0, -1))
        for name, job in self.jobs().items():
            here = (name in leased, name in parked, dead[name])
            match job[b"state"]:
                case b"running":
                    assert here in [(True, False, 0), (False, True, 0)]
                case b"parked":
                    assert (False, True, 0) == here
                case b"dead":
                    assert (False, False, 1) == here
                case _:
                    assert (b"done", False, False, 0) == (job[b"state"], *here)
                    continue
            places[job[b"payload"]] += 1
        assert Counter(self.pushed) == places + self.done

    @invariant()
    def every_lease_has_one_worker_that_knows_of_it_or_will_ask_again(self) -> None:
        jobs = self.jobs()
        for name in self.redis.zrange(KEYS["lease"], 0, -1):
            epoch, worker = int(jobs[name][b"epoch"]), jobs[name][b"worker"].decode()
            known = [
                who
                for who, claim in self.claims
                if (claim.job_id, claim.epoch) == (int(name), epoch)
            ]
            assert [worker] == known or (not known and worker in self.unanswered)

    def teardown(self) -> None:
        """Whatever happened, a worker that comes later gets everything that is not over."""
        for client in self.clients.values():
            self.portal.run(client.deliver_held)
        self.note_done()
        self.leases_end()
        self.parked_commands_fall_due()
        last = RedisCommandQueue(
            self.portal.client, worker_id="last", max_deliveries=MAX_DELIVERIES
        )
        while isinstance(claim := self.portal.run(last.claim), Claim):
            assert self.portal.run(last.finish, claim, Done())
        self.note_done()
        dead = [
            self.redis.hget(KEYS[f"job:{int(number)}"], "payload")
            for number in self.redis.lrange(KEYS["dead"], 0, -1)
        ]
        assert Counter(self.pushed) == self.done + Counter(dead)

    def ask(self, name: str, fate: str, act: Callable[..., Awaitable[Any]], *args: Any) -> Any:
        """What the worker learns; None: nothing."""
        client = self.clients[name]
        client.lose_replies = int(fate == "reply lost")
        client.hold_requests = int(fate == "held back")
        try:
            return self.portal.run(act, *args)
        except QueueUnavailableError:
            return None

    def jobs(self) -> dict[bytes, dict[bytes, bytes]]:
        numbers = range(1, int(self.redis.get(KEYS["seq"]) or 0) + 1)
        reads = self.redis.pipeline(transaction=False)
        for number in numbers:
            reads.hgetall(KEYS[f"job:{number}"])
        return {b"%d" % number: job for number, job in zip(numbers, reads.execute(), strict=True)}

    def state_of(self, claim: Claim) -> tuple[bytes | None, int]:
        state, epoch = self.redis.hmget(KEYS[f"job:{claim.job_id}"], "state", "epoch")
        return state, int(epoch)

    def is_current(self, claim: Claim) -> bool:
        return self.state_of(claim) == (b"running", claim.epoch)

    def note_done(self) -> None:
        """Enter what is over. Jobs have the numbers of their pushes, for each push became one job, in order."""
        for name, job in self.jobs().items():
            if job[b"state"] == b"done":
                self.done[self.pushed[int(name) - 1]] = 1


@pytest.fixture
def machine(redis_url: str, deaf_client: Callable[..., Any]) -> Iterator[type[Jobs]]:
    with redis.Redis.from_url(redis_url) as client, Portal(redis_url) as portal:
        world = {"portal": portal, "redis": client, "deaf_client": staticmethod(deaf_client)}
        yield type("Machine", (Jobs,), world)


def test_no_order_of_events_loses_or_doubles_a_command(machine: type[Jobs]) -> None:
    run_state_machine_as_test(machine, settings=settings(max_examples=20, stateful_step_count=40))
