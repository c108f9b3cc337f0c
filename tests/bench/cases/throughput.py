"""How fast a chat is fetched beside other ways to read it, and for how many requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial

from tests.bench.figures import Case, Point, Row, at_least, at_most, in_turn, ratios
from tests.bench.peers import FLOOR, SCRIPT
from tests.bench.stage import CHAT, Bench, BenchError, BenchStage, chat, days

HISTORY = "messages.getHistory"


def run_throughput(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 20_000)
    with bench.stage(chat(per_day=[count // 10])) as stage:
        programs: dict[str, Callable[[], float]] = {
            "tgworker": partial(_fetch, stage),
            "floor": partial(FLOOR.seconds, stage, FLOOR.python()),
            "script": partial(SCRIPT.seconds, stage, SCRIPT.python()),
        }
        programs["floor"]()  # whoever reads first also pays for the making of the messages
        took = in_turn(bench.rounds, programs)
    for name, bound in (("floor", 0.75), ("script", 1.5)):
        speed = ratios(took[name], took["tgworker"])
        raw = {"tgworker seconds": took["tgworker"], f"{name} seconds": took[name]}
        what = f"tgworker fetch, {count:,} messages"
        yield Row(what, f"× {name}", speed, at_least(bound), raw=raw)


def _fetch(stage: BenchStage) -> float:
    return stage.fetch_once(CHAT, *days()).seconds


def run_sizes(bench: Bench) -> Iterator[Row]:
    """Whether a message costs the same in a chat of any size."""
    sizes = [1_000, 10_000, bench.size(100_000, 20_000)]
    with bench.stage(*(chat(f"chat_{n}", per_day=[n // 10]) for n in sizes)) as stage:

        def seconds(n: int) -> float:
            output = stage.fetch_once(f"chat_{n}", *days()).output
            return duration(output) / n * 1000

        seconds(sizes[-1])
        took = in_turn(bench.rounds, {str(n): partial(seconds, n) for n in sizes})
    per_thousand = {n: ratios(took[str(n)], took[str(sizes[0])]) for n in sizes}
    for n in sizes[1:]:
        yield Row(
            f"time for a message, {n:,} of them",
            f"× of {sizes[0]:,}",
            per_thousand[n],
            raw={"seconds for 1,000": took[str(n)]},
            point=Point("time for a message, by messages in the chat", n),
        )


def duration(output: bytes) -> float:
    """What ``tgworker fetch`` said its one command took, in seconds.

    Raises:
        BenchError: it said nothing of the kind.
    """
    for line in output.splitlines():
        event = json.loads(line)
        if event.get("event") == "completed":
            return float(event["duration_sec"])
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
        "messages a second of `tgworker fetch`, from its start to its end, beside others",
        run_throughput,
        rounds=5,
        quick_rounds=2,
    ),
    Case("requests", "what a fetch asks of Telegram", run_requests, rounds=1, quick_rounds=1),
    Case("sizes", "time for a message in chats of any size", run_sizes, rounds=3, quick_rounds=1),
)
