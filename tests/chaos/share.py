"""Two workers on one queue and one folder: how they share the work, and what one does when the other is killed."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from attrs import define, frozen

from tests.chaos.house import House, Seat, open_house, wait_until
from tests.chaos.plan import FIRST

CHATS, ROUNDS, DAYS_EACH = 8, 5, 2
COMMANDS = CHATS * ROUNDS
"""In each round there is one for every chat, over days of its own."""
AGAIN_ROUNDS = 2
KILL_AFTER = 5
"""So many completed commands of `AGAIN_ROUNDS`; enough are left to see who does them."""
PATIENCE_SECONDS = 120.0


@frozen
class Shares:
    """What two workers did."""

    completed: Counter[str]
    """How many commands, by worker."""
    mixed_chats: tuple[str, ...]
    """Chats in which a day of one command was sealed between two days of another: two wrote at once."""
    seconds: float


@frozen
class Inheritance:
    """What became of the commands that a killed worker held."""

    commands: int
    heirs: frozenset[str]
    seconds: float
    """From the kill to the end of the last of them."""


@define
class Pair:
    """Two workers that are ready. Unless ``patient``, rests and a dead worker's leases are cut short."""

    house: House
    patient: bool

    def share(self) -> Shares:
        """Hand the commands to both, and let them work undisturbed."""
        began = time.monotonic()
        self._push(range(ROUNDS))
        self._await(self.house.idle, "the queue to become empty")
        seconds = time.monotonic() - began
        events = self._events()
        mixed = (chat for chat, ids in _sealing_order(events).items() if _is_mixed(ids))
        return Shares(Counter(_ends(events).values()), tuple(mixed), seconds)

    def inherit(self) -> Inheritance:
        """Hand out commands that fetch something again, and kill one worker in the middle."""
        house, victim = self.house, self.house.seats[0]
        done = len(_ends(self._events()))
        self._push(range(AGAIN_ROUNDS), options={"force": True})
        self._await(lambda: len(_ends(self._events())) >= done + KILL_AFTER, "the middle")
        self._await(lambda: self._is_caught_at_work(victim), "it to hold a command")
        house.kill(victim)
        began = time.monotonic()
        held = house.commands_of(victim.name)
        if not self.patient:
            house.expire_leases(victim.name)
        self._await(lambda: held <= _ends(self._events()).keys(), "the end of what it held")
        seconds = time.monotonic() - began
        self._await(house.idle, "the queue to become empty")
        ends = _ends(self._events())
        return Inheritance(len(held), frozenset(ends[id] for id in held), seconds)

    def _push(self, rounds: Iterable[int], **fields: Any) -> None:
        for n in rounds:
            days = {"from": str(_day(n * DAYS_EACH)), "to": str(_day((n + 1) * DAYS_EACH - 1))}
            for number in range(CHATS):
                self.house.stage.push(chat=f"@shared_{number}", mode="range", **days, **fields)

    def _is_caught_at_work(self, seat: Seat) -> bool:
        """Stop a worker; if it holds nothing just now, let it go on."""
        self.house.stall(seat)
        if self.house.commands_of(seat.name):
            return True
        self.house.resume(seat)
        return False

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        def happens() -> bool:
            if not self.patient:
                self.house.end_rests()
            return condition()

        if not wait_until(happens, PATIENCE_SECONDS):
            raise AssertionError(f"waited {PATIENCE_SECONDS:g} s in vain for {what}")

    def _events(self) -> list[dict[str, Any]]:
        log = self.house.stage.redis.xrange("tg_events:log")
        return [json.loads(fields[b"event"]) for _, fields in log]


@contextmanager
def open_pair(folder: Path, *, patient: bool) -> Iterator[Pair]:
    """Two workers on a world of several chats."""
    chat = {"type": "channel", "from": str(FIRST), "to": str(_day(ROUNDS * DAYS_EACH - 1))}
    chats = [
        {**chat, "username": f"shared_{number}", "title": "Shared", "per_day": [60, 130, 0, 220]}
        for number in range(CHATS)
    ]
    world = {"seed": 8, "chats": chats, "latency_ms": 40}
    # As long as the default, so that the waits are those of real workers.
    with open_house(folder, world, 2, REDIS_BLOCK_SECONDS="5" if patient else "0.5") as house:
        for seat in house.seats:
            house.start(seat)
        for seat in house.seats:
            assert seat.process is not None
            seat.process.wait_line("worker.ready")
        yield Pair(house, patient)


def _ends(events: Iterable[dict[str, Any]]) -> dict[str, str]:
    """By whom each completed command was completed."""
    return {e["command_id"]: e["worker_id"] for e in events if e["event"] == "completed"}


def _sealing_order(events: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """For each chat, whose days were sealed one after the other, by command."""
    order: dict[str, list[str]] = {}
    for event in events:
        if event.get("day"):
            order.setdefault(event["chat"], []).append(event["command_id"])
    return order


def _is_mixed(command_ids: list[str]) -> bool:
    turns = [id for id, _ in groupby(command_ids)]
    return len(turns) > len(set(turns))


def _day(number: int) -> date:
    return FIRST + timedelta(days=number)
