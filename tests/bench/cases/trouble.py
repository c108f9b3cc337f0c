"""What a crash costs, and what watching costs."""

from __future__ import annotations

import socket
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.bench.cases.throughput import HISTORY
from tests.bench.cases.worker import RANGE
from tests.bench.figures import Case, Row, at_most, ratios
from tests.bench.stage import CHAT, Bench, BenchStage, chat, days

CHATS = tuple(f"chat_{number}" for number in range(4))
FIRST_CHAT = "first_chat"
SCRAPE_SECONDS = 0.5
QUIET = {"METRICS_MODE": "off", "LOG_LEVEL": "ERROR"}
NOBODY = "http://127.0.0.1:9"
"""Nothing listens there."""
NO_SUCH_CHAT = "nobody_here"
"""A command for it fails, which somebody is to be told."""


def run_kill(bench: Bench) -> Iterator[Row]:
    """Four chats at once, killed in the middle, fetched again: what was asked beyond an undisturbed run."""
    per_day = bench.size(500, 100)
    with bench.stage(*(chat(name, per_day=[per_day]) for name in CHATS), latency_ms=2) as stage:
        fetch = [*CHATS, *days()]
        stage.calm()
        stage.fetch_once(*fetch, FETCH_CONCURRENCY="4")
        calm = stage.requests(HISTORY)
        again = [_killed(stage, fetch, calm * part // 8) - calm for part in _parts(bench)]
    samples = [extra * 100 / len(CHATS) for extra in again]
    yield Row(
        "messages fetched again after kill -9, for each chat", "messages", samples, at_most(100)
    )


def _parts(bench: Bench) -> Iterator[int]:
    """Eighths of the work after which to kill."""
    return (2 + number % 5 for number in bench.each_round())


def _killed(stage: BenchStage, fetch: list[str], after: int) -> int:
    """Requests for history that a killed fetch and its repetition made together."""
    data = stage.fresh()
    stage.calm()
    victim = stage.run("fetch", *fetch, DATA_DIR=data, FETCH_CONCURRENCY="4")
    while stage.requests(HISTORY) < after:
        time.sleep(0.005)
    victim.close()
    stage.fetch_once(*fetch, DATA_DIR=data, FETCH_CONCURRENCY="4")
    return stage.requests(HISTORY)


def run_watching(bench: Bench) -> Iterator[Row]:
    """The same fetch by workers that say nothing, that are watched, and that can't reach who watches."""
    count = bench.size(50_000, 20_000)
    chats = chat(per_day=[count // 10]), chat(FIRST_CHAT, per_day=[10])
    stops: list[float] = []
    with bench.stage(*chats) as stage, _log_store() as store, _deaf() as deaf:
        ways: dict[str, Callable[[], float]] = {
            "quiet": partial(_seconds, stage, **QUIET),
            "watched": partial(_watched, stage, LOKI_URL=store, VICTORIA_LOGS_URL=store),
            "absent": partial(_unreachable, stage, stops, NOBODY),
            "deaf": partial(_unreachable, stage, stops, deaf),
        }
        ways["quiet"]()
        took = bench.in_turn(ways)
    for way, what in (
        ("watched", "logs shipped by plain HTTP, metrics scraped"),
        ("absent", "log stores, Pushgateway and webhook that are not there"),
        ("deaf", "log stores, Pushgateway and webhook that do not answer"),
    ):
        costs = [(ratio - 1) * 100 for ratio in ratios(took[way], took["quiet"])]
        raw = {f"{name} seconds": took[name] for name in ("quiet", way)}
        yield Row(what, "% more time", costs, at_most(5), raw=raw)
    yield Row("stop while none of them can be reached", "s", stops, at_most(3))


def _seconds(stage: BenchStage, **env: str) -> float:
    worker = stage.run("run", DATA_DIR=stage.fresh(), **env)
    seconds = _of_the_second(stage)
    stage.end(worker)
    return seconds


def _unreachable(stage: BenchStage, stops: list[float], address: str) -> float:
    env = dict.fromkeys(
        ("LOKI_URL", "VICTORIA_LOGS_URL", "PUSHGATEWAY_URL", "NOTIFY_WEBHOOK_URL"), address
    )
    worker = stage.run(
        "run", DATA_DIR=stage.fresh(), METRICS_MODE="push", PUSH_INTERVAL_SECONDS="1", **env
    )
    stage.final(stage.push(chat=NO_SUCH_CHAT, **RANGE))
    seconds = _of_the_second(stage)
    began = time.monotonic()
    stage.end(worker)
    stops.append(time.monotonic() - began)
    return seconds


def _watched(stage: BenchStage, **env: str) -> float:
    worker = stage.worker(DATA_DIR=stage.fresh(), METRICS_MODE="scrape", HTTP_PORT="0", **env)
    url = worker.wait_line("http.listening")["url"]
    done = threading.Event()

    def scrape() -> None:
        while not done.wait(SCRAPE_SECONDS):
            urllib.request.urlopen(f"{url}/metrics", timeout=10).read()

    scraper = threading.Thread(target=scrape)
    scraper.start()
    try:
        seconds = _of_the_second(stage)
    finally:
        done.set()
        scraper.join()
    stage.end(worker)
    return seconds


def _of_the_second(stage: BenchStage) -> float:
    """What a command takes that is not the first: a quiet worker does not say when it is ready."""
    stage.drain(stage.push(chat=FIRST_CHAT, **RANGE))
    (end,) = stage.drain(stage.push(chat=CHAT, **RANGE))
    return float(end["duration_sec"])


class _Store(BaseHTTPRequestHandler):
    """Takes every line and says nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _deaf() -> Iterator[str]:
    """Where connections are taken and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def _log_store() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Store) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


CASES = (
    Case("kill", "what a crash makes fetched twice", run_kill, 5, 1),
    Case("watching", "what logs, metrics and their absence cost", run_watching, 5, 1),
)
