"""Figures of one run, on this machine: how fast, for how many requests, in how much memory.

Run by ``bin/bench``. Nothing here passes or fails; between machines compare the ratios, not the rates.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen
from dotenv import dotenv_values

CHAT = "bench_chat"
DAYS = 4
READER = Path(__file__).with_name("reader.py")


@frozen
class Figure:
    """What one program took to read the whole chat; memory is the peak of its process."""

    name: str
    seconds: float
    requests: int
    megabytes: float


@frozen
class Bench:
    """A simulator with one big chat."""

    folder: Path
    env: dict[str, str]
    control: str

    def measure(self, name: str, args: list[str], **env: str) -> Figure:
        """Run a program to its end, start-up included."""
        before = self._requests()
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, *args],
            env={**os.environ, **self.env, **env},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        if status != 0:
            raise SystemExit(f"{name} failed; nothing can be said of it")
        return Figure(name, seconds, self._requests() - before, usage.ru_maxrss / 1024)

    def _requests(self) -> int:
        with urllib.request.urlopen(f"{self.control}/stats", timeout=10) as answer:
            return int(json.load(answer)["requests"].get("messages.getHistory", 0))


@contextmanager
def open_bench(per_day: int, *, plain: bool) -> Iterator[Bench]:
    chat = {"username": CHAT, "title": "Bench", "type": "channel", "plain": plain}
    chat |= {"from": "2025-11-01", "to": f"2025-11-{DAYS:02}", "per_day": [per_day]}
    with tempfile.TemporaryDirectory(prefix="tgworker-bench-") as name:
        folder = Path(name)
        (folder / "world.json").write_text(json.dumps({"seed": 1, "chats": [chat]}))
        args = ["simulate", "--world", "world.json", "--env-file", "world.env"]
        with subprocess.Popen(
            [sys.executable, "-m", "tgworker", *args], cwd=folder, stdout=subprocess.PIPE
        ) as simulator:
            assert simulator.stdout is not None
            try:
                control = json.loads(simulator.stdout.readline())["control_url"]
                yield Bench(folder, settings(folder), control)
            finally:
                simulator.terminate()


def settings(folder: Path) -> dict[str, str]:
    values: dict[str, Any] = dict(dotenv_values(folder / "world.env"))
    return {**values, "REQUESTS_PER_SECOND": "100000", "REQUEST_BURST": "100000"}


def run(bench: Bench) -> Iterator[Figure]:
    fetch = ["-m", "tgworker", "fetch", CHAT, "--full", "--force"]
    # The first reader pays for the making of the messages.
    bench.measure("warm-up", [str(READER), "pages", CHAT])
    yield bench.measure("raw pages, thrown away", [str(READER), "pages", CHAT])
    yield bench.measure("Telethon's iter_messages", [str(READER), "iter", CHAT])
    yield bench.measure("tgworker fetch, json", fetch, DATA_DIR="json")
    yield bench.measure("tgworker fetch, jsonl", fetch, DATA_DIR="jsonl", ARTIFACT_FORMAT="jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bin/bench", description=__doc__)
    parser.add_argument("--per-day", type=int, default=10_000, help=f"on each of {DAYS} days")
    parser.add_argument("--plain", action="store_true", help="text only, no media, no markup")
    options = parser.parse_args()
    messages = DAYS * options.per_day
    print(f"{messages:,} messages; each program from its start to its end\n")
    print(f"{'':28}{'seconds':>9}{'msg/s':>10}{'of raw':>8}{'requests':>10}{'peak MB':>9}")
    raw = 0.0
    with open_bench(options.per_day, plain=options.plain) as bench:
        for figure in run(bench):
            raw = raw or figure.seconds
            print(
                f"{figure.name:28}{figure.seconds:9.2f}{messages / figure.seconds:10,.0f}"
                f"{raw / figure.seconds:8.2f}{figure.requests:10}{figure.megabytes:9.0f}",
                flush=True,
            )


main()
