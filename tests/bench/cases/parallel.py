"""Many chats far away: what more fetches at once, and more workers, bring."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial

from tests.bench.cases.worker import RANGE
from tests.bench.figures import Case, Row, at_least, ratios
from tests.bench.stage import Bench, BenchStage, chat
from tests.e2e.stage import Process

LATENCY_MS = 100
NAMES = tuple(f"chat_{number}" for number in range(8))


def run_concurrency(bench: Bench) -> Iterator[Row]:
    with _far_away(bench) as stage:

        def seconds(at_once: int) -> float:
            return _seconds(stage, _workers(stage, 1, concurrency=at_once))

        took = bench.in_turn({str(n): partial(seconds, n) for n in (1, 4)})
    yield Row(
        "8 chats at 100 ms, FETCH_CONCURRENCY 4",
        "× of 1",
        ratios(took["1"], took["4"]),
        at_least(3.8),
        raw={f"{name} at once, seconds": values for name, values in took.items()},
    )


def run_workers(bench: Bench) -> Iterator[Row]:
    with _far_away(bench) as stage:

        def seconds(workers: int) -> float:
            return _seconds(stage, _workers(stage, workers, concurrency=2))

        took = bench.in_turn({str(n): partial(seconds, n) for n in (1, 2)})
    yield Row(
        "8 chats at 100 ms, two workers with a login each",
        "× one worker",
        ratios(took["1"], took["2"]),
        at_least(1.9),
        raw={f"{name} workers, seconds": values for name, values in took.items()},
    )


def _far_away(bench: Bench) -> AbstractContextManager[BenchStage]:
    per_day = bench.size(300, 40)
    chats = [chat(name, per_day=[per_day], plain=True) for name in NAMES]
    return bench.stage(*chats, latency_ms=LATENCY_MS, accounts=2)


def _workers(stage: BenchStage, number: int, *, concurrency: int) -> list[Process]:
    """So many workers on one archive and one queue, ready."""
    data = stage.fresh()
    logins = (stage.env["TELEGRAM_SESSION"], str(stage.folder / "1.env.session"))
    return [
        stage.worker(
            DATA_DIR=data,
            WORKER_ID=f"fetcher-{place}",
            TELEGRAM_SESSION=logins[place],
            FETCH_CONCURRENCY=str(concurrency),
            HEALTH_FILE=str(stage.folder / f"healthy{place}"),
        )
        for place in range(number)
    ]


def _seconds(stage: BenchStage, workers: list[Process]) -> float:
    """From the first push to the end of the last command."""
    began = time.perf_counter()
    stage.drain(*[stage.push(chat=name, **RANGE) for name in NAMES])
    seconds = time.perf_counter() - began
    stage.end(*workers)
    return seconds


CASES = (
    Case("concurrency", "eight chats at once against one after another", run_concurrency, 3, 1),
    Case("workers", "two workers against one", run_workers, 3, 1),
)
