"""One run of a plan: trouble, then quiet, then the verdict."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

from attrs import define, field, frozen

from tests.chaos.house import LEASE_SECONDS, House, Seat, open_house, wait_until
from tests.chaos.plan import CHATS, DAYS, FIRST, Act, Plan, Step, draw_plan, world_file
from tests.chaos.verdict import Difference, Shelf, compare, open_work, read_shelf

STEP_PATIENCE_SECONDS = 3.0
"""No request for so long: then the next step is due anyway."""
DEAD_SECONDS = 0.3
"""The same while nobody can work."""
QUIET_SECONDS = 120.0
"""By then everything must be done."""

EXPECTED_ERRORS = {"command.lost"}
"""What a worker may say that was stalled while its lease ended."""

_references: dict[int, Shelf] = {}


@frozen
class Result:
    """How a run ended. ``problems`` is empty if all is well."""

    plan: Plan
    seconds: float
    dealt: Counter[str]
    """How often each kind of trouble struck."""
    commands: int
    difference: Difference
    problems: tuple[str, ...]


def run_seed(seed: int, folder: Path) -> Result:
    """Carry a seed's plan out in an empty folder, which is left as it is in the end.

    Raises:
        AssertionError: it could not be carried out, because somebody did not do what was waited for.
    """
    plan = draw_plan(seed)
    began = time.monotonic()
    with open_house(folder, world_file(plan.world), plan.workers) as house:
        reference = _reference(house, plan.world)
        run = _Run(plan, house)
        run.trouble()
        done = run.quiet()
        archive = read_shelf(house.stage.data)
        difference = compare(reference, archive)
        problems = [] if done else ["the queue did not become empty"]
        problems += [*house.failures, *run.problems()]
        problems += [f"wrong file: {path}" for path in difference.wrong_files]
        problems += [f"left open: {entry}" for entry in open_work(archive)]
        dealt = run.dealt + _faults_dealt(house)
    seconds = time.monotonic() - began
    return Result(plan, seconds, dealt, len(run.command_ids), difference, tuple(problems))


def _reference(house: House, world: int) -> Shelf:
    """What a single undisturbed fetch makes of the world; it is compared with the world itself, too."""
    if world not in _references:
        stage, work = house.stage, house.stage.data
        stage.data = stage.folder / "reference"
        days = ["--from", str(FIRST), "--to", str(FIRST.replace(day=DAYS))]
        names = [chat.names[0] for chat in CHATS]
        fetch = stage.run("fetch", *days, "--", *names, FETCH_CONCURRENCY="4")
        assert 0 == fetch.wait(), fetch.stderr.read_text()
        for chat in CHATS:
            folder = "group.4242" if chat.label == "-4242" else chat.label
            key: Any = -4242 if chat.label == "-4242" else chat.label
            for day in stage.world.days(key):
                truth = stage.world.truth(key, day)
                assert truth == stage.artifact(folder, day)["messages"], (folder, day)
        _references[world] = read_shelf(stage.data)
        stage.data = work
        stage._http("POST", "/reset")
    return _references[world]


@define
class _Run:
    plan: Plan
    house: House
    dealt: Counter[str] = field(factory=Counter)
    command_ids: list[str] = field(factory=list)
    # What waits for Redis to be back: commands, and workers whose leases are to end.
    _unpushed: list[dict[str, Any]] = field(factory=list)
    _orphaned: set[str] = field(factory=set)

    def trouble(self) -> None:
        self.house.stage.faults(*self.plan.faults)
        for command in self.plan.commands:
            self._push(command)
        for seat in self.house.seats:
            self.house.start(seat)
        wait_until(lambda: self.house.stage.requests() > 0, QUIET_SECONDS)
        for step in self.plan.steps:
            self._await_requests(step.after)
            self._do(step)
            self.house.check_alive()

    def quiet(self) -> bool:
        """End all trouble; whether all commands are done in time."""
        house = self.house
        house.stage._http("DELETE", "/faults")
        if not house.redis_up:
            self._start_redis()
        for seat in house.seats:
            if seat.stalled:
                house.resume(seat)
            elif seat.process is None:
                house.start(seat)
        done = wait_until(self._done, QUIET_SECONDS)
        house.check_alive()
        for seat in house.seats:
            if seat.process is not None:
                house.terminate(seat)
        house.await_ends()
        return done

    def problems(self) -> list[str]:
        """What the event log and the dead list have to complain of."""
        ends: dict[str, list[dict[str, Any]]] = {id: [] for id in self.command_ids}
        for _, fields in self.house.redis.xrange("tg_events:log"):
            event = json.loads(fields[b"event"])
            if event["event"] in ("completed", "failed"):
                ends[event["command_id"]].append(event)
        said = [f"command {id} is lost" for id, events in ends.items() if not events]
        for id, events in ends.items():
            said += [
                f"command {id} failed: {event['error_type']}: {event['error']}"
                for event in events
                if event["event"] == "failed"
            ]
        if dead := self.house.redis.llen("{tg_commands}:dead"):
            said.append(f"{dead} commands are dead")
        for process in self.house.stage.processes:
            said += [f"said: {e}" for e in process.errors() if e["event"] not in EXPECTED_ERRORS]
            said += [f"on stderr: {text[-500:]}"] if (text := process.stderr.read_text()) else []
        return said

    def _done(self) -> bool:
        if not self.plan.slow:
            self.house.end_rests()
        return self.house.idle()

    def _await_requests(self, count: int) -> None:
        house, wanted = self.house, self.house.stage.stats()["total"] + count
        able = house.redis_up and any(seat.process and not seat.stalled for seat in house.seats)

        def answered() -> bool:
            # With nothing left to do, no request will come either.
            return house.stage.stats()["total"] >= wanted or (able and self._done())

        wait_until(answered, STEP_PATIENCE_SECONDS if able else DEAD_SECONDS)

    def _do(self, step: Step) -> None:
        house, seat = self.house, self.house.seats[step.worker]
        if step.act not in (Act.PUSH, Act.FAULT):
            self.dealt[step.act] += 1
        match step.act:
            case Act.PUSH:
                self._push(step.body)
            case Act.FAULT:
                house.stage.faults(step.body)
            case Act.START_REDIS:
                self._start_redis()
            case Act.KILL_REDIS:
                house.kill_redis()
            case Act.START:
                house.start(seat)
            case _ if seat.process is not None:
                self._strike(step.act, seat)

    def _strike(self, act: Act, seat: Seat) -> None:
        match act:
            case Act.KILL:
                self.house.kill(seat)
                self._end_leases(seat)
            case Act.TERMINATE:
                self.house.terminate(seat)
            case Act.STALL:
                self.house.stall(seat)
                self._end_leases(seat)
            case Act.CONTINUE:
                self.house.resume(seat)

    def _end_leases(self, seat: Seat) -> None:
        """Let what a dead or stalled worker holds go to others: by and by, or as if that had happened already."""
        if self.plan.slow:
            if seat.stalled and self.house.redis_up:
                wait_until(lambda: not self.house.commands_of(seat.name), 2 * LEASE_SECONDS)
        elif self.house.redis_up:
            self.house.expire_leases(seat.name)
        else:
            self._orphaned.add(seat.name)

    def _start_redis(self) -> None:
        self.house.start_redis()
        for name in self._orphaned:
            self.house.expire_leases(name)
        self._orphaned.clear()
        waiting, self._unpushed = self._unpushed, []
        for command in waiting:
            self._push(command)

    def _push(self, command: dict[str, Any]) -> None:
        """A producer waits for Redis, too."""
        if not self.house.redis_up:
            self._unpushed.append(command)
            return
        number = len(self.command_ids)
        command_id = str(UUID(int=(self.plan.seed << 32) + number))
        self.command_ids.append(self.house.stage.push(**command, command_id=command_id))


def _faults_dealt(house: House) -> Counter[str]:
    """How often each of Telegram's faults struck; errors by their names."""
    dealt = Counter(house.stage.stats()["faults"])
    del dealt["error"]
    log = house.stage._http("GET", "/log")
    errors = (entry["outcome"] for entry in log if entry["outcome"].isupper())
    return dealt + Counter(errors)
