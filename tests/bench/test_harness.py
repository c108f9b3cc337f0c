"""The bench itself: what it says of figures, and that it can measure. Nothing here looks at how fast anything is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from attrs import evolve
from click.testing import CliRunner
from rich.console import Console

from tests.bench import __main__ as program
from tests.bench import report
from tests.bench.cases import CASES
from tests.bench.cases.throughput import beside
from tests.bench.figures import Case, Point, Row, at_least, at_most, in_turn, percentile, ratios
from tests.bench.markdown import BEGIN, END, write_into
from tests.bench.peers import FLOOR, SCRIPT, TG_ARCHIVE
from tests.bench.peers.environment import Environment
from tests.bench.plot import draw
from tests.bench.progress import waiting_for
from tests.bench.report import Result
from tests.bench.stage import Bench, BenchError, chat, open_bench

FAST = Row("fast", "× floor", (0.7, 0.8, 0.9), at_least(0.75), raw={"seconds": (1.0, 2.0, 3.0)})
SLOW = Row("slow", "ms", (9.0,), at_most(5))
ABSENT = Row("absent", "× peer", reason="no wheel", target=at_least(1))
FREE = Row("free", "MiB", (1500.0,), point=Point("memory", 10))
ROWS = (FAST, SLOW, ABSENT, FREE)


def test_the_median_is_held_against_the_target() -> None:
    assert ["met", "missed", "not run", "–"] == [row.verdict for row in ROWS]


def test_a_line_tells_median_spread_target_and_verdict() -> None:
    assert ["fast", "0.8", "0.7", "…", "0.9", "×", "floor", "≥", "0.75", "met"] == report.line(
        FAST
    ).split()
    assert report.line(SLOW).endswith("one sample         ms            ≤ 5       missed")
    assert report.line(ABSENT).endswith("not run: no wheel")
    assert "1,500" in report.line(FREE)
    assert "0" == report.number(0)


def test_the_summary_names_what_missed_and_what_was_not_run() -> None:
    told = report.summary([Result("case", ROWS, 1.0)])

    assert "1 of 3 targets met; missed: slow (9 ms); not run: absent (× peer)." == told


def test_the_document_holds_the_samples_and_what_they_were_made_from() -> None:
    rows = report.document([Result("case", ROWS, 1.0)], quick=True, load=0.5)["cases"][0]["rows"]

    assert [0.7, 0.8, 0.9] == rows[0]["samples"]
    assert {"seconds": [1.0, 2.0, 3.0]} == rows[0]["raw"]
    assert "no wheel" == rows[2]["reason"]
    assert {"curve": "memory", "size": 10} == rows[3]["point"]


def test_the_plot_is_svg_with_a_point_for_each_size() -> None:
    rows = (FREE, Row("free", "MiB", (1600.0, 1700.0), point=Point("memory", 1000)), FAST)
    svg = ElementTree.fromstring(draw([Result("case", rows, 1.0)]))

    assert 2 == len(svg.findall(".//{*}circle"))
    assert 1 == len(ElementTree.fromstring(draw([Result("case", (FREE,), 1.0)])).findall(".//{*}g"))


def test_what_is_compared_takes_turns_at_being_first() -> None:
    order: list[str] = []

    def program_of(name: str) -> float:
        order.append(name)
        return float(len(order))

    took = in_turn(2, {name: lambda name=name: program_of(name) for name in "ab"})  # type: ignore[misc]

    assert ["a", "b", "b", "a"] == order
    assert {"a": (1.0, 4.0), "b": (2.0, 3.0)} == took
    assert (0.5, 4 / 3) == ratios(took["a"], took["b"])


def test_a_percentile_is_one_of_the_values() -> None:
    values = list(range(1, 201))

    assert (100, 198, 7) == (
        percentile(values, 0.5),
        percentile(values, 0.99),
        percentile([7], 0.99),
    )


def test_every_case_is_listed_once() -> None:
    names = [case.name for case in CASES]
    told = CliRunner().invoke(program.main, ["--list"])

    assert names == [line.split()[0] for line in told.stdout.splitlines()]
    assert len(names) == len(set(names))


def test_an_unknown_case_is_refused_with_those_there_are() -> None:
    told = CliRunner().invoke(program.main, ["through", "--quick"])

    assert 2 == told.exit_code
    assert "There is no case through. There are: throughput" in told.stderr


class Here:
    """The environment of the tests themselves."""

    def python(self) -> Path:
        return Path(sys.executable)


class Nowhere:
    def python(self) -> Path:
        raise BenchError("no wheel for\nthis | Python")


def test_a_tiny_case_is_measured_reported_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can't be had, or saw too little, is a row that says why, and the rest is measured all the same."""
    (tmp_path / "hasty.py").write_text("""print('{"messages": 3, "seconds": 0.1}')""")
    floor = evolve(FLOOR, environment=Here())
    hasty = evolve(floor, name="hasty", program=(str(tmp_path / "hasty.py"),))
    absent = evolve(floor, name="absent", environment=Nowhere())

    def run(bench: Bench) -> Iterator[Row]:
        yield from beside(bench, 30, {absent: at_least(1), hasty: at_least(1), floor: at_least(9)})
        with bench.stage(chat(per_day=[1])) as stage:
            stage.fetch_once("--nonsense")

    monkeypatch.setattr(program, "CASES", (Case("tiny", "a little", run, 1, 1),))
    monkeypatch.setattr("os.getloadavg", lambda: (99.0, 0.0, 0.0))
    out, svg, page = (tmp_path / name for name in ("out.json", "out.svg", "page.md"))
    options = ["--json", str(out), "--plot", str(svg), "--markdown", str(page)]
    told = CliRunner().invoke(program.main, ["--quick", *options])

    assert 1 == told.exit_code, told.output
    document = json.loads(out.read_text())
    rows = document["cases"][0]["rows"]
    assert ["not run", "not run", "missed", "–", "not run"] == [row["verdict"] for row in rows]
    assert "saw 3 of 30 messages" == rows[1]["reason"]
    assert rows[2]["samples"][0] > 0 and rows[2]["raw"]["floor, CPU µs a message"][0] > 0
    assert "tgworker ended with 2: Error: No such option" in rows[4]["reason"]
    assert 99 == document["machine"]["load"]
    assert "load 99.0" in told.stderr
    assert "not run: no wheel for this \\| Python" in page.read_text()
    assert svg.exists()


def test_a_table_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Before\n")
    one, two = (
        report.document([Result(name, ROWS, 1.0)], quick=quick, load=0.5)
        for name, quick in (("one", True), ("two", False))
    )
    write_into(page, one)
    page.write_text(page.read_text() + "after\n")
    write_into(page, two)

    text = page.read_text()
    assert text.startswith("# Before\n\n<!--") and text.endswith("-->\nafter\n")
    assert "| one |" not in text
    assert "| two | slow | 9 | – | ms | ≤ 5 | **missed** |\n" in text
    assert "| two | fast | 0.8 | 0.7 … 0.9 | × floor | ≥ 0.75 | met |\n" in text
    assert "`bin/bench` of tgworker" in text


def test_the_page_has_a_place_for_the_table() -> None:
    text = Path("docs/benchmarks.md").read_text(encoding="utf-8")

    assert text.index(BEGIN) < text.index(END)


def test_who_waits_at_a_terminal_sees_what_is_done() -> None:
    screen, pipe = StringIO(), StringIO()
    for file, terminal in ((screen, True), (pipe, False)):
        with waiting_for("memory", Console(file=file, force_terminal=terminal)) as waiting:
            waiting.note("round 1 of 3: [big]")
            waiting.aside(lambda file=file: file.write("a row\n"))  # type: ignore[misc]

    assert "memory: round 1 of 3: [big]" in screen.getvalue()
    assert "a row\n" == pipe.getvalue()


def test_an_environment_is_made_once_and_holds_what_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wheel = tmp_path / "a_peer-1-py3-none-any.whl"
    with ZipFile(wheel, "w") as package:
        package.writestr("a_peer.py", "WORD = 'hello'")
        package.writestr(
            "a_peer-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a-peer\nVersion: 1\n"
        )
        package.writestr(
            "a_peer-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        package.writestr("a_peer-1.dist-info/RECORD", "")
    python = Environment("peer", (str(wheel),)).python()
    wheel.unlink()

    assert python == Environment("peer", (str(wheel),)).python()
    assert tmp_path in python.parents
    said = subprocess.check_output([python, "-c", "import a_peer; print(a_peer.WORD)"])
    assert b"hello\n" == said
    with pytest.raises(BenchError, match="could not be installed: ERROR: .*gone.whl"):
        Environment("peer", (str(tmp_path / "gone.whl"),)).python()


def test_peers_have_the_telethon_of_tgworker() -> None:
    mine = f"telethon=={version('telethon')}"

    assert all(mine in peer.environment.requirements for peer in (FLOOR, SCRIPT, TG_ARCHIVE))


def test_a_bench_ends_what_it_started() -> None:
    with open_bench(rounds=1, quick=True) as bench:
        assert 1 == bench.size(whole=10, quick=1)
        url = bench.redis.url
    assert url.startswith("redis://")
    assert not bench.folder.exists()
