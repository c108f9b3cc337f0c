"""A worker beside its Redis: how fast through the queue, how soon it answers, what it costs when nothing happens."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from uuid import uuid4

from tests.bench.cases.throughput import final
from tests.bench.figures import Case, Row, at_least, at_most, percentile, ratios
from tests.bench.stage import CHAT, FIRST, LAST, Bench, BenchStage, chat, days
from tests.e2e.stage import PATIENCE, Process

RANGE = {"mode": "range", "from": FIRST, "to": LAST}
SETTLE_SECONDS = 2.0


def run_queue(bench: Bench) -> Iterator[Row]:
    count = bench.size(100_000, 20_000)
    with bench.stage(chat(per_day=[count // 10])) as stage:

        def through_redis() -> float:
            worker = stage.worker(DATA_DIR=stage.fresh())
            (end,) = stage.drain(stage.push(chat=CHAT, **RANGE))
            stage.end(worker)
            return float(end["duration_sec"])

        def fetch() -> float:
            return float(final(stage.fetch_once(CHAT, *days()).output)["duration_sec"])

        fetch()
        took = bench.in_turn({"run": through_redis, "fetch": fetch})
    yield Row(
        f"tgworker run, {count:,} messages by one command",
        "× fetch",
        ratios(took["fetch"], took["run"]),
        at_least(0.95),
        raw={f"{name} seconds": values for name, values in took.items()},
    )


def run_lifecycle(bench: Bench) -> Iterator[Row]:
    """From the start of the process to its end; submitting is measured while the worker is idle.

    Beside them, in each round, what nothing written in Python can do without.
    """
    took: dict[str, list[float]] = {
        name: [] for name in ("ready", "submit", "end", "libraries", "bare")
    }
    with bench.stage(chat(per_day=[10])) as stage:
        for _ in bench.each_round():
            at = time.perf_counter()
            worker = stage.worker(DATA_DIR=stage.fresh())
            took["ready"].append(time.perf_counter() - at)
            run = stage.measure([*_python(_SUBMIT), CHAT, "--from", FIRST, "--to", LAST])
            took["submit"].append(run.seconds)
            stage.drain(run.output.decode().strip())
            at = time.perf_counter()
            worker.signal(signal.SIGTERM)
            worker.process.wait(PATIENCE)
            took["end"].append(time.perf_counter() - at)
            stage.end(worker)
            took["libraries"].append(stage.measure(_python(_LIBRARIES)).seconds)
            took["bare"].append(stage.measure(_python("pass")).seconds)
    yield Row("start to READY", "s", took["ready"], at_most(1.5))
    yield Row("tgworker-submit", "s", took["submit"], at_most(0.3))
    yield Row("SIGTERM when idle, to the end", "s", took["end"], at_most(0.5))
    yield Row("start to READY", "× importing", ratios(took["ready"], took["libraries"]))
    yield Row("tgworker-submit", "× bare Python", ratios(took["submit"], took["bare"]))


_SUBMIT = "from tgworker.cli.main import submit; submit()"
_LIBRARIES = "import telethon, trio_asyncio, redis.asyncio"


def _python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run_answer(bench: Bench) -> Iterator[Row]:
    """One command at a time to a worker that is idle, for a day that is sealed: what counts is when it is heard."""
    times = bench.size(200, 50)
    with bench.stage(chat(per_day=[10])) as stage:
        worker = stage.worker(DATA_DIR=stage.fresh())
        stage.drain(stage.push(chat=CHAT, **RANGE))
        waits, echoes = [], []
        for _ in bench.each_round():
            waits.append(_milliseconds_to_started(stage, times))
            echoes.append(_milliseconds_of_an_echo(stage, times))
        stage.end(worker)
    for name, share, bound in (("p50", 0.5, 5), ("p99", 0.99, 25)):
        samples = [percentile(wait, share) for wait in waits]
        what = f"RPUSH to started, idle worker, {name} of {times}"
        yield Row(what, "ms", samples, at_most(bound))
    medians = ([percentile(each, 0.5) for each in some] for some in (waits, echoes))
    yield Row("the same, p50", "× Redis alone", ratios(*medians))


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


def _milliseconds_of_an_echo(stage: BenchStage, times: int) -> list[float]:
    """What Redis alone takes for it: a push, and a message to who listens."""
    waits = []
    with stage.redis.pubsub(ignore_subscribe_messages=True) as echo:
        echo.subscribe("bench_echo")
        echo.get_message(timeout=1)
        for _ in range(times):
            at = time.perf_counter()
            stage.redis.rpush("bench_list", "{}")
            stage.redis.publish("bench_echo", "{}")
            echo.get_message(timeout=PATIENCE)
            waits.append((time.perf_counter() - at) * 1000)
    stage.redis.delete("bench_list")
    return waits


def run_idle(bench: Bench) -> Iterator[Row]:
    seconds = bench.size(30, 5)
    with bench.stage(chat(per_day=[10])) as stage:
        worker = stage.worker(DATA_DIR=stage.fresh(), METRICS_MODE="scrape", HTTP_PORT="0")
        time.sleep(SETTLE_SECONDS)
        shares = [_share_of_core(worker, seconds) for _ in bench.each_round()]
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
