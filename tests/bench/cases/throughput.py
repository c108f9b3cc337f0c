"""How fast a chat is fetched beside other ways to read it, and for how many requests."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from tests.bench.figures import Case, Point, Row, Target, at_least, at_most, more_than, ratios
from tests.bench.peers import FLOOR, KURIGRAM, SCRIPT, TG_ARCHIVE, Pace, Peer
from tests.bench.stage import CHAT, Bench, BenchError, BenchStage, chat, days

HISTORY = "messages.getHistory"


def run_throughput(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 20_000)
    return beside(bench, count, {FLOOR: at_least(0.75), SCRIPT: at_least(1.5)})


def run_peers(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 10_000)
    return beside(bench, count, {KURIGRAM: more_than(1), TG_ARCHIVE: more_than(1)})


def beside(bench: Bench, count: int, targets: Mapping[Peer, Target]) -> Iterator[Row]:
    """A row for each peer. Whoever can't be run has one that says why; the others are measured all the same."""
    reasons: dict[Peer, str] = {}
    for peer in targets:
        bench.note(f"making an environment for {peer.name}, once")
        try:
            peer.environment.python()
        except BenchError as error:
            reasons[peer] = str(error)

    with bench.stage(chat(per_day=[count // 10])) as stage:

        def read(peer: Peer) -> Pace:
            if peer not in reasons:
                try:
                    return peer.read(stage, count)
                except BenchError as error:
                    reasons[peer] = str(error)
            return Pace(math.nan, math.nan, math.nan)

        _fetch(stage, count)  # whoever reads first also pays for the making of the messages
        programs = {peer.name: partial(read, peer) for peer in targets if peer not in reasons}
        took = bench.in_turn({"tgworker": partial(_fetch, stage, count), **programs})

    what = f"tgworker fetch, {count:,} messages, start to end"
    for peer, target in targets.items():
        unit = f"× {peer.name}"
        if peer in reasons:
            yield Row(what, unit, target=target, reason=reasons[peer])
            continue
        ours, theirs = took["tgworker"], took[peer.name]
        raw: dict[str, list[float]] = {}
        for name, paces in (("tgworker", ours), (peer.name, theirs)):
            raw[f"{name}, messages a second"] = [count / pace.whole for pace in paces]
            raw[f"{name}, CPU µs a message"] = [pace.cpu / count * 1e6 for pace in paces]
        whole = ratios([pace.whole for pace in theirs], [pace.whole for pace in ours])
        yield Row(what, unit, whole, target, raw=raw)
        reading = ratios([pace.reading for pace in theirs], [pace.reading for pace in ours])
        yield Row("  once all are connected", unit, reading)


def _fetch(stage: BenchStage, count: int) -> Pace:
    run = stage.fetch_once(CHAT, *days())
    end = final(run.output)
    if end["processed"] != count:
        raise BenchError(f"tgworker fetch saved {end['processed']} of {count} messages")
    return Pace(run.seconds, float(end["duration_sec"]), run.cpu_seconds)


def run_sizes(bench: Bench) -> Iterator[Row]:
    """Whether a message costs the same in a chat of any size, beside what a command costs anyway."""
    sizes = (1_000, 5_000, 10_000) if bench.quick else (1_000, 10_000, 100_000)
    with bench.stage(*(chat(f"chat_{n}", per_day=[n // 10]) for n in sizes)) as stage:

        def seconds_for_a_thousand(n: int) -> float:
            end = final(stage.fetch_once(f"chat_{n}", *days()).output)
            return float(end["duration_sec"]) / n * 1000

        for n in sizes:
            seconds_for_a_thousand(n)
        took = bench.in_turn({f"{n:,}": partial(seconds_for_a_thousand, n) for n in sizes})
    middle = f"{sizes[1]:,}"
    for n in sizes:
        yield Row(
            f"time for a message, {n:,} of them",
            f"× of {middle}",
            ratios(took[f"{n:,}"], took[middle]),
            raw={"seconds for 1,000": took[f"{n:,}"]},
            point=Point("time for a message, by messages in the chat", n),
        )


def final(output: bytes) -> dict[str, Any]:
    """The last event of the one command that ``tgworker fetch`` carried out.

    Raises:
        BenchError: it was not completed.
    """
    for line in output.splitlines():
        event = json.loads(line)
        if event.get("event") == "completed":
            return dict(event)
    raise BenchError("no command was completed")


def run_requests(bench: Bench) -> Iterator[Row]:
    count = 40_000
    with bench.stage(chat(per_day=[count // 10], plain=True)) as stage:
        data = stage.fresh()
        stage.calm()
        stage.fetch_once(CHAT, *days(), DATA_DIR=data)
        pages, all_kinds = stage.requests(HISTORY), stage.stats()["total"]
        stage.calm()
        stage.fetch_once(CHAT, *days(), DATA_DIR=data)
        again = stage.requests(HISTORY)
        begins = stage.stats()["total"]
    yield Row("history requests, batch", "per 1,000", [pages * 1000 / count], at_most(10.1))
    yield Row("history requests, second run", "in all", [again], at_most(0))
    yield Row("requests of other kinds, first run", "in all", [all_kinds - pages])
    yield Row("requests of other kinds, second run", "in all", [begins - again])


CASES = (
    Case(
        "throughput",
        "messages a second of `tgworker fetch` beside Telethon alone",
        run_throughput,
        rounds=5,
        quick_rounds=2,
    ),
    Case("peers", "the same beside other programs", run_peers, rounds=3, quick_rounds=1),
    Case("requests", "what a fetch asks of Telegram", run_requests, rounds=1, quick_rounds=1),
    Case("sizes", "time for a message in chats of any size", run_sizes, rounds=3, quick_rounds=1),
)
