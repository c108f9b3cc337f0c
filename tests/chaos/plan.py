"""What goes wrong in one run, drawn from a seed alone: the commands, and what befalls whom, in which order.

Steps are paced by how many requests Telegram has answered, not by a clock: so a slow machine sees the same trouble at
about the same place of the work.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

from attrs import define, field, frozen

FIRST, DAYS = date(2025, 11, 1), 5
WORLDS = 4
"""So many different worlds there are; a seed uses one of them."""
SLOW_EVERY = 5
"""Each fifth seed is a slow one: leases run to their real end, and a connection may stay half open."""


class Act(enum.StrEnum):
    """What a step does."""

    PUSH = "push"
    FAULT = "fault"
    KILL = "kill -9"
    TERMINATE = "SIGTERM"
    STALL = "SIGSTOP"
    CONTINUE = "SIGCONT"
    START = "start"
    KILL_REDIS = "redis kill -9"
    START_REDIS = "redis start"


@frozen
class Step:
    """`act`, once ``after`` more requests are answered; ``worker`` and ``body`` as far as the act needs them."""

    after: int
    act: Act
    worker: int = 0
    body: dict[str, Any] = field(factory=dict)


@frozen
class Plan:
    """One run. ``commands`` and ``faults`` are there from the beginning; ``steps`` may add more."""

    seed: int
    workers: int
    commands: tuple[dict[str, Any], ...]
    faults: tuple[dict[str, Any], ...]
    steps: tuple[Step, ...]

    @property
    def world(self) -> int:
        return self.seed % WORLDS

    @property
    def slow(self) -> bool:
        return self.seed % SLOW_EVERY == 0


@frozen
class ChatNames:
    """The name faults know a chat by, and those that commands may call it by."""

    label: str
    names: tuple[str, ...]


CHATS = (
    ChatNames("chaos_talk", ("@chaos_talk", "chaos_talk", "https://t.me/Chaos_Talk")),
    ChatNames("chaos_news", ("@chaos_news", "@CHAOS_NEWS")),
    ChatNames("chaos_topics", ("@chaos_topics",)),
    ChatNames("-4242", ("-4242",)),
)
_TYPES = ("supergroup", "channel", "forum", "group")
_PER_DAY = (0, 1, 99, 100, 101, 180, 260, 330)


def world_file(number: int) -> dict[str, Any]:
    """The world of that number, as a simulator reads it."""
    rng = random.Random(f"world {number}")
    chats = []
    for chat, kind in zip(CHATS, _TYPES, strict=True):
        per_day = rng.sample(_PER_DAY, DAYS)
        named = {"id": 4242} if kind == "group" else {"username": chat.label}
        days = {"from": str(FIRST), "to": str(FIRST + timedelta(days=DAYS - 1))}
        chats.append({**named, **days, "title": kind, "type": kind, "per_day": per_day})
    return {"seed": number, "chats": chats, "latency_ms": 30}


def draw_plan(seed: int) -> Plan:
    """The run of that seed; the same each time."""
    rng = random.Random(seed)
    workers = rng.choice((2, 2, 3))
    commands = list(_commands(rng))
    rng.shuffle(commands)
    early = rng.randint(len(commands) // 2, len(commands))
    later: list[Step | None] = [
        Step(rng.randint(0, 8), Act.PUSH, body=command) for command in commands[early:]
    ]
    later += [Step(rng.randint(0, 4), Act.FAULT, body=fault) for fault in _network_faults(rng)]
    later += [None] * rng.randint(5, 9)
    rng.shuffle(later)
    house = _House(rng, ["up"] * workers)
    steps = [step or house.blow(rng.randint(0, 12)) for step in later]
    faults = [*_spoiled_pages(rng), *_mishaps(rng, slow=seed % SLOW_EVERY == 0)]
    return Plan(seed, workers, tuple(commands[:early]), tuple(faults), tuple(steps))


def _commands(rng: random.Random) -> Iterator[dict[str, Any]]:
    """For each chat one command over all its days, and some that overlap with it."""
    for chat in CHATS:
        yield _command(rng, chat, 0, DAYS - 1)
        for _ in range(rng.randint(1, 2)):
            first = rng.randrange(DAYS)
            yield _command(rng, chat, first, rng.randint(first, DAYS - 1))


def _command(rng: random.Random, chat: ChatNames, first: int, last: int) -> dict[str, Any]:
    days = [str(FIRST + timedelta(days=number)) for number in (first, last)]
    command: dict[str, Any] = {
        "chat": rng.choice(chat.names),
        "strategy": rng.choice(("auto", "batch", "per_day", "sequential")),
    }
    if first == last:
        command |= {"mode": "date", "date": days[0]}
    else:
        command |= {"mode": "range", "from": days[0], "to": days[1]}
    if rng.random() < 0.2:
        command["options"] = {"force": True}
    return command


_HISTORY = "messages.getHistory"
_NETWORK: tuple[dict[str, Any], ...] = (
    {"drop": "before"},
    {"drop": "after"},
    {"garbage": True},
    {"bad_salt": True},
    {"delay_ms": 400},
    {"error": "INTERNAL"},
    {"error": "TIMEOUT"},
    {"error": "FLOOD_WAIT_1"},
    {"error": "FLOOD_WAIT_2"},
)
_PAGE: tuple[dict[str, Any], ...] = (
    {"short": 37},
    {"short": 10, "short_end": "oldest"},
    {"repeat": True},
    {"empty": True},
    {"shuffle": True},
)


def _spoiled_pages(rng: random.Random) -> Iterator[dict[str, Any]]:
    """A chat gets one kind of spoiled page at most, and never on two requests in a row.

    Two contradictions in a row can tell a perfect lie, which nobody could see through (see `core.paging`).
    """
    for chat in CHATS:
        if rng.random() < 0.8:
            spoil = {"method": _HISTORY, "chat": chat.label, "every": rng.randint(5, 7)}
            yield {**spoil, **rng.choice(_PAGE)}


def _network_faults(rng: random.Random) -> Iterator[dict[str, Any]]:
    for _ in range(rng.randint(2, 4)):
        yield {"method": _HISTORY, "nth": rng.randint(1, 5), **rng.choice(_NETWORK)}


def _mishaps(rng: random.Random, *, slow: bool) -> Iterator[dict[str, Any]]:
    """What strikes before the house is in disorder."""
    for _ in range(2):
        yield {"method": _HISTORY, "nth": rng.randint(3, 30), **rng.choice(_NETWORK)}
    if rng.random() < 0.3:
        yield {"method": "contacts.resolveUsername", "nth": 1, "error": "INTERNAL"}
    if slow:
        yield {"method": _HISTORY, "nth": rng.randint(1, 30), "half_open": True}


@define
class _House:
    """Who is up while the plan is drawn, so that no step is impossible."""

    rng: random.Random
    workers: list[str]
    redis_up: bool = True

    def blow(self, after: int) -> Step:
        """One thing that may happen now to a worker or to Redis."""
        choices: list[Callable[[int], Step]] = [self._redis]
        choices += [lambda after, n=n: self._worker(after, n) for n in range(len(self.workers))]
        # What is down soon comes back, and the last one seldom goes: trouble without work shows nothing.
        last = self.workers.count("up") == 1
        weights = [1.0 if self.redis_up else 6.0]
        weights += [(0.2 if last else 1.0) if state == "up" else 3.0 for state in self.workers]
        (choice,) = self.rng.choices(choices, weights)
        return choice(after)

    def _redis(self, after: int) -> Step:
        self.redis_up = not self.redis_up
        return Step(after, Act.START_REDIS if self.redis_up else Act.KILL_REDIS)

    def _worker(self, after: int, number: int) -> Step:
        acts = {
            "up": ((Act.KILL, "down"), (Act.TERMINATE, "down"), (Act.STALL, "stalled")),
            "stalled": ((Act.CONTINUE, "up"), (Act.CONTINUE, "up"), (Act.KILL, "down")),
            "down": ((Act.START, "up"),),
        }
        act, self.workers[number] = self.rng.choice(acts[self.workers[number]])
        return Step(after, act, number)
