"""A worker beside its Redis: how fast through the queue, how soon it answers, what it costs when nothing happens."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.cases.throughput import duration
from tests.bench.figures import Case, Row, at_least, at_most, in_turn, percentile, ratios
from tests.bench.stage import CHAT, FIRST, LAST, Bench, BenchStage, chat, days
from tests.e2e.stage import PATIENCE, Process

RANGE = {"mode": "range", "from": FIRST, "to": LAST}
SETTLE_SECONDS = 2.0


def run_queue(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 20_000)
    with bench.stage(chat(per_day=[count // 10])) as stage:

        def through_redis() -> float:
            worker = stage.worker(DATA_DIR=stage.fresh())
            (final,) = stage.drain(stage.push(chat=CHAT, **RANGE))
            stage.end(worker)
            return float(final["duration_sec"])

        def fetch() -> float:
            return duration(stage.fetch_once(CHAT, *days()).output)

        fetch()
        took = in_turn(bench.rounds, {"run": through_redis, "fetch": fetch})
    yield Row(
        f"tgworker run, {count:,} messages by one command",
        "× fetch",
        ratios(took["fetch"], took["run"]),
        at_least(0.95),
        raw={f"{name} seconds": values for name, values in took.items()},
    )


def run_lifecycle(bench: Bench) -> Iterator[Row]:
    """From the start of the process to its end; submitting is measured while the worker is idle."""
    began: list[float] = []
    submitted: list[float] = []
    ended: list[float] = []
    submit = [sys.executable, "-c", "from tgworker.cli.submit import submit; submit()"]
    with bench.stage(chat(per_day=[10])) as stage:
        for _ in range(bench.rounds):
            at = time.perf_counter()
            worker = stage.worker(DATA_DIR=stage.fresh())
            began.append(time.perf_counter() - at)
            run = stage.measure([*submit, CHAT, "--from", FIRST, "--to", LAST])
            submitted.append(run.seconds)
            stage.drain(run.output.decode().strip())
            at = time.perf_counter()
            worker.signal(signal.SIGTERM)
            worker.process.wait(PATIENCE)
            ended.append(time.perf_counter() - at)
            stage.end(worker)
    yield Row("start to READY", "s", began, at_most(1.5))
    yield Row("tgworker-submit", "s", submitted, at_most(0.3))
    yield Row("SIGTERM when idle, to the end", "s", ended, at_most(0.5))


def run_answer(bench: Bench) -> Iterator[Row]:
    """One command at a time to a worker that is idle, for a day that is sealed: what counts is when it is heard."""
    times = bench.size(200, 50)
    with bench.stage(chat(per_day=[10])) as stage:
        worker = stage.worker(DATA_DIR=stage.fresh())
        stage.drain(stage.push(chat=CHAT, **RANGE))
        waits = [_milliseconds_to_started(stage, times) for _ in range(bench.rounds)]
        stage.end(worker)
    for name, share, bound in (("p50", 0.5, 5), ("p99", 0.99, 25)):
        samples = [percentile(wait, share) for wait in waits]
        what = f"RPUSH to started, idle worker, {name} of {times}"
        yield Row(what, "ms", samples, at_most(bound))


def _milliseconds_to_started(stage: BenchStage, times: int) -> list[float]:
    waits = []
    with stage.redis.pubsub(ignore_subscribe_messages=True) as events:
        events.subscribe("tg_events")
        events.get_message(timeout=1)  # the confirmation
        for _ in range(times):
            command = {"command": "fetch", "chat": CHAT, "mode": "date", "date": FIRST}
            command_id = str(uuid4())
            payload = json.dumps({**command, "command_id": command_id})
            at = time.perf_counter()
            stage.redis.rpush("tg_commands", payload)
            seen = {}
            while "completed" not in seen:
                message = events.get_message(timeout=PATIENCE)
                now = time.perf_counter()
                event = json.loads(message["data"])
                if event.get("command_id") == command_id:
                    seen[event["event"]] = now
            waits.append((seen["started"] - at) * 1000)
    return waits


def run_idle(bench: Bench) -> Iterator[Row]:
    seconds = bench.size(30, 5)
    with bench.stage(chat(per_day=[10])) as stage:
        worker = stage.worker(DATA_DIR=stage.fresh(), METRICS_MODE="scrape", HTTP_PORT="0")
        time.sleep(SETTLE_SECONDS)
        shares = [_share_of_core(worker, seconds) for _ in range(bench.rounds)]
        stage.end(worker)
    yield Row(f"idle worker, over {seconds} s", "% of a core", shares, at_most(0.5))


def _share_of_core(worker: Process, seconds: float) -> float:
    """By the CPU clock of another process, whose number Linux makes of its pid (clock_getcpuclockid)."""
    clock = (~worker.process.pid << 3) | 2
    began, used = time.monotonic(), time.clock_gettime(clock)
    time.sleep(seconds)
    return (time.clock_gettime(clock) - used) / (time.monotonic() - began) * 100


CASES = (
    Case("queue", "the same through Redis, with `tgworker run`", run_queue, 5, 1),
    Case("lifecycle", "start, `tgworker-submit`, stop", run_lifecycle, 7, 2),
    Case("answer", "how soon an idle worker begins what is pushed", run_answer, 5, 1),
    Case("idle", "what a worker costs that has nothing to do", run_idle, 3, 1),
)
