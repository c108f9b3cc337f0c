"""Whether cost grows with size: memory with the day, a command with the archive."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

from tests.bench.figures import Case, Point, Row, at_most, ratios
from tests.bench.stage import FIRST, Bench, BenchStage, chat
from tgworker.adapters.archive.folders import ChatFile
from tgworker.adapters.archive.index import YearIndex
from tgworker.core.codec import to_json
from tgworker.core.model import ArtifactFormat, ChatType, DayRow

CURVE = "peak memory, by messages in the day"
COMMANDS = 20


def run_memory(bench: Bench) -> Iterator[Row]:
    """The peak is the kernel's count for the process, Python and its libraries included."""
    sizes = (10_000, 100_000) if bench.quick else (10_000, 100_000, 1_000_000)
    small, big = sizes[0], sizes[-1]
    one_day = partial(chat, plain=True, **{"from": FIRST, "to": FIRST})
    with bench.stage(*(one_day(f"day_of_{n}", per_day=[n]) for n in sizes)) as stage:

        def peak(n: int) -> float:
            return stage.fetch_once(f"day_of_{n}", "--date", FIRST).mebibytes

        held = bench.in_turn({f"a day of {n:,}": partial(peak, n) for n in sizes})
    for n, peaks in zip(sizes, held.values(), strict=True):
        what = f"a day of {n:,} messages"
        yield Row(what, "MiB", peaks, at_most(120), point=Point(CURVE, n))
    growth = ratios(held[f"a day of {big:,}"], held[f"a day of {small:,}"])
    yield Row(f"a day of {big:,} messages", f"× of {small:,}", growth, at_most(1.15))


def run_archive(bench: Bench) -> Iterator[Row]:
    """The same commands in an archive of many sealed days and in an empty one; each for a day that is new in both."""
    sealed = bench.size(100_000, 10_000)
    names = [f"round_{number}" for number in range(bench.rounds)]
    chats = [chat(name, per_day=[200], to="2025-11-30") for name in names]
    costs: dict[str, list[_Cost]] = {"full": [], "empty": []}
    with bench.stage(*chats) as stage:
        full = Path(stage.fresh())
        fill(full, sealed)
        for number in bench.each_round():
            turn = ["full", "empty"] if number % 2 else ["empty", "full"]
            for kind in turn:
                data = str(full) if kind == "full" else stage.fresh()
                costs[kind].append(_cost(stage, names[number], data))
    for what in ("seconds", "bytes_written"):
        above, below = ([getattr(cost, what) for cost in costs[kind]] for kind in costs)
        yield Row(
            f"a command among {sealed:,} sealed days, {what.replace('_', ' ')}",
            "× empty",
            ratios(above, below),
            at_most(1.1),
            raw={"full": above, "empty": below},
        )


class _Cost:
    """What the middle one of some commands cost."""

    def __init__(self, seconds: list[float], written: list[int]) -> None:
        self.seconds = statistics.median(seconds)
        self.bytes_written = statistics.median(written)


def _cost(stage: BenchStage, name: str, data: str) -> _Cost:
    worker = stage.worker(DATA_DIR=data)
    seconds, written = [], []
    for number in range(COMMANDS + 1):
        day = date.fromisoformat(FIRST) + timedelta(number)
        before, began = _written(worker.process.pid), time.perf_counter()
        stage.drain(stage.push(chat=name, mode="date", date=str(day)))
        seconds.append(time.perf_counter() - began)
        written.append(_written(worker.process.pid) - before)
    stage.end(worker)
    # The first one also finds the chat.
    return _Cost(seconds[1:], written[1:])


def _written(pid: int) -> int:
    """Bytes that a process has written so far, to files and pipes. Source: proc(5), ``/proc/pid/io``."""
    fields = Path(f"/proc/{pid}/io").read_text().split()
    return int(fields[fields.index("wchar:") + 1])


def fill(data: Path, sealed: int) -> None:
    """Lay out an archive with so many sealed days, a year for each chat; a chat's artifacts are links to one file."""
    body = b'{"messages":[]}\n'
    digest = hashlib.sha256(body).hexdigest()
    seen = datetime(2025, 1, 2, tzinfo=UTC)
    for number, start in enumerate(range(0, sealed, 365)):
        days = [date(2024, 1, 1) + timedelta(n) for n in range(min(365, sealed - start))]
        name, id = f"sealed_{number}", 7_000_000_000 + number
        year = data / name / "2024"
        year.mkdir(parents=True)
        first = year / f"discussions_{days[0]}.json"
        first.write_bytes(body)
        for day in days[1:]:
            (year / f"discussions_{day}.json").hardlink_to(first)
        rows = tuple(
            DayRow(day, 0, None, None, len(body), digest, True, seen, ArtifactFormat.JSON)
            for day in days
        )
        index = YearIndex("1.0.0", f"@{name}", id, 2024, rows)
        (year / "index.json").write_bytes(to_json(index))
        whose = ChatFile("1.0.0", id, name, (name,), name, ChatType.SUPERGROUP)
        (data / name / "chat.json").write_bytes(to_json(whose))


CASES = (
    Case("memory", "the most memory a fetch holds", run_memory, 2, 1),
    Case("archive", "a command in a big archive against an empty one", run_archive, 5, 1),
)
