"""``bin/bench``: measure, print the table, say which targets are met."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from tests.bench import report
from tests.bench.cases import CASES
from tests.bench.figures import Case, Row
from tests.bench.markdown import write_into
from tests.bench.progress import waiting_for
from tests.bench.report import Result
from tests.bench.stage import BenchError, open_bench

_EPILOG = """\b
Examples:
  bin/bench --quick                    small sizes, few rounds: under three minutes
  bin/bench throughput requests        only these
  bin/bench --json out.json --plot out.svg
  bin/bench --markdown docs/benchmarks.md     and the table into that page

\b
How to read it: what is compared runs in turn, in the same minutes on the same machine; a
sample is what one round gave, and spread is from the least to the greatest. Ratios mean
something anywhere, what stands under "raw" in the JSON only here. The exit code tells
whether everything could be measured, never whether it was fast."""

BUSY = 0.5
"""Above this load for each core, what is measured competes with something."""


@click.command(epilog=_EPILOG)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--quick", is_flag=True, help="Small sizes and few rounds.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all of it there.")
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Put the table there, instead of the one it has or at its end.",
)
@click.option("--plot", type=click.Path(path_type=Path), help="Draw cost against size, as SVG.")
@click.option("--list", "listing", is_flag=True, help="Say what can be measured, and end.")
def main(
    names: tuple[str, ...],
    quick: bool,
    json_file: Path | None,
    markdown: Path | None,
    plot: Path | None,
    listing: bool,
) -> None:
    """Measure tgworker against what else there is, and against its targets.

    It starts all it needs: a Redis, a simulated Telegram, workers. Other programs get a virtual environment each, at
    their first use, under ~/.cache/tgworker/bench. NAME: only these cases (see --list).
    """
    cases = choose(names)
    if listing:
        for case in cases:
            click.echo(f"{case.name:14}{case.measures}")
        return
    load = os.getloadavg()[0]
    if load > BUSY * (os.cpu_count() or 1):
        click.echo(
            f"Other programs are at work here (load {load:.1f}): expect a wide spread.", err=True
        )
    click.echo(report.HEAD)
    results = [measure(case, quick=quick) for case in cases]
    click.echo(f"\n{report.summary(results)}")
    told = report.document(results, quick=quick, load=load)
    if json_file is not None:
        json_file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    if markdown is not None:
        write_into(markdown, told)
    if plot is not None:
        from tests.bench.plot import draw

        plot.write_text(draw(results), encoding="utf-8")
    if any(row.verdict == "not run" for result in results for row in result.rows):
        sys.exit(1)


def choose(names: Sequence[str]) -> list[Case]:
    """The cases of these names, all if there are none.

    Raises:
        click.UsageError: nobody knows one of them.
    """
    known = {case.name: case for case in CASES}
    if unknown := sorted(set(names) - known.keys()):
        raise click.UsageError(
            f"There is no case {', '.join(unknown)}. There are: {', '.join(known)}."
        )
    return [case for case in CASES if case.name in names or not names]


def measure(case: Case, *, quick: bool) -> Result:
    """Run a case and print its rows as they come; what can't be measured is a row that says why."""
    click.echo(f"{case.name}: {case.measures}")
    began = time.monotonic()
    rows: list[Row] = []
    with waiting_for(case.name) as waiting:

        def tell(row: Row) -> None:
            rows.append(row)
            waiting.aside(lambda: click.echo(report.line(row)))

        rounds = case.quick_rounds if quick else case.rounds
        try:
            with open_bench(rounds=rounds, quick=quick, note=waiting.note) as bench:
                for row in case.run(bench):
                    tell(row)
        except (BenchError, AssertionError) as error:
            tell(Row(case.name, "", reason=str(error)))
    return Result(case.name, tuple(rows), time.monotonic() - began)


if __name__ == "__main__":
    main(prog_name="bin/bench")
