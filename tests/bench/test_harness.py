"""The bench itself: what it says of figures, and that it can measure. Nothing here looks at how fast anything is."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from tests.bench import __main__ as program
from tests.bench import report
from tests.bench.cases import CASES
from tests.bench.figures import Case, Point, Row, at_least, at_most, in_turn, percentile, ratios
from tests.bench.peers import FLOOR
from tests.bench.plot import draw
from tests.bench.report import Result
from tests.bench.stage import CHAT, BenchError, chat, days, open_bench

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

    assert "1 of 3 targets met; missed: case (slow); not run: case (absent)." == told


def test_the_document_holds_the_samples_and_what_they_were_made_from() -> None:
    rows = report.document([Result("case", ROWS, 1.0)], quick=True)["cases"][0]["rows"]

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


def test_a_tiny_case_is_measured_reported_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(bench):  # type: ignore[no-untyped-def]
        with bench.stage(chat(per_day=[3])) as stage:
            took = in_turn(
                bench.rounds,
                {
                    "floor": lambda: FLOOR.seconds(stage, FLOOR.python()),
                    "tgworker": lambda: stage.fetch_once(CHAT, *days()).seconds,
                },
            )
            yield Row("tiny", "× floor", ratios(took["floor"], took["tgworker"]))
            with pytest.raises(BenchError, match="Usage|No such"):
                stage.fetch_once("--nonsense")
            raise BenchError("the line is cut")

    monkeypatch.setattr(program, "CASES", (Case("tiny", "a little", run, 1, 1),))
    out = tmp_path / "out.json"
    svg = tmp_path / "out.svg"
    told = CliRunner().invoke(program.main, ["--quick", "--json", str(out), "--plot", str(svg)])

    assert 1 == told.exit_code, told.output
    rows = json.loads(out.read_text())["cases"][0]["rows"]
    assert [("tiny", "–"), ("tiny", "not run")] == [(row["what"], row["verdict"]) for row in rows]
    assert rows[0]["samples"][0] > 0
    assert "the line is cut" in told.output
    assert svg.exists()


def test_a_bench_ends_what_it_started() -> None:
    with open_bench(rounds=1, quick=True) as bench:
        assert 1 == bench.size(whole=10, quick=1)
        url = bench.redis.url
    assert url.startswith("redis://")
    assert not bench.folder.exists()
