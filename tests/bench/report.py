"""The table for people, the document for machines."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import frozen

from tests.bench.figures import Row
from tgworker import __version__

HEAD = f"{'':58}{'median':>10}  {'spread':19}{'unit':14}{'target':10}verdict"


@frozen
class Result:
    """The rows of one case; `seconds` is what it took to get them."""

    case: str
    rows: tuple[Row, ...]
    seconds: float


def line(row: Row) -> str:
    """One line of the table; spread is from the least to the greatest sample."""
    target = "" if row.target is None else str(row.target)
    if not row.samples:
        return f"  {row.what:56}{'':10}  {'':19}{row.unit:14}{target:10}not run: {row.reason}"
    spread = f"{number(min(row.samples))} … {number(max(row.samples))}"
    if len(row.samples) == 1:
        spread = "one sample"
    text = f"  {row.what:56}{number(row.median):>10}  {spread:19}{row.unit:14}{target:10}"
    return text + row.verdict


def number(value: float) -> str:
    """With three digits that count."""
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def summary(results: Sequence[Result]) -> str:
    """How many targets are met, and which are not."""
    rows = [row for result in results for row in result.rows if row.target]
    by_verdict = {
        verdict: [row for row in rows if row.verdict == verdict]
        for verdict in ("met", "missed", "not run")
    }
    text = f"{len(by_verdict['met'])} of {len(rows)} targets met"
    for verdict in ("missed", "not run"):
        if some := by_verdict[verdict]:
            text += f"; {verdict}: " + ", ".join(_in_short(row) for row in some)
    return text + "."


def _in_short(row: Row) -> str:
    return f"{row.what} ({f'{number(row.median)} ' if row.samples else ''}{row.unit})"


def document(results: Sequence[Result], *, quick: bool, load: float) -> dict[str, Any]:
    """Everything there is to know, for JSON. `raw` may be compared only with what stands beside it.

    `load` is how many processes wanted to run before the first case began.
    """
    return {
        "tgworker": __version__,
        "date": datetime.now(UTC).date().isoformat(),
        "quick": quick,
        "machine": {
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "cores": os.cpu_count(),
            "load": round(load, 2),
        },
        "summary": summary(results),
        "cases": [
            {
                "name": result.case,
                "seconds": round(result.seconds, 3),
                "rows": [_row(row) for row in result.rows],
            }
            for result in results
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"what": row.what, "unit": row.unit, "verdict": row.verdict}
    if row.target is not None:
        told["target"] = {"sign": row.target.sign, "bound": row.target.bound}
    if not row.samples:
        return {**told, "reason": row.reason}
    told |= {"median": row.median, "samples": list(row.samples)}
    told["raw"] = {name: list(values) for name, values in row.raw.items()}
    if row.point is not None:
        told["point"] = {"curve": row.point.curve, "size": row.point.size}
    return told
