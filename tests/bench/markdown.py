"""The table of a run as Markdown, put into the place that a page keeps for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.bench.report import number

BEGIN = "<!-- The table of a run: bin/bench --markdown writes it, nobody else. -->"
END = "<!-- The end of that table. -->"


def write_into(file: Path, document: Mapping[str, Any]) -> None:
    """Replace the table that the file has, or put one at its end."""
    page = file.read_text(encoding="utf-8") if file.exists() else ""
    table = f"{BEGIN}\n{render(document)}{END}\n"
    before, found, rest = page.partition(f"{BEGIN}\n")
    if found:
        page = before + table + rest.partition(f"{END}\n")[2]
    else:
        page += ("\n" if page else "") + table
    file.write_text(page, encoding="utf-8")


def render(document: Mapping[str, Any]) -> str:
    """What `report.document` holds, as a line about the machine and a table."""
    machine = document["machine"]
    how = "`bin/bench --quick`" if document["quick"] else "`bin/bench`"
    text = (
        f"{how} of tgworker {document['tgworker']}, {document['date']}: Python {machine['python']},"
        f" {machine['system']}, {machine['cores']} cores, load {machine['load']:.1f} at the start."
        f" {document['summary']}\n\n"
        "| case | what | median | spread | unit | target | verdict |\n"
        "| --- | --- | ---: | --- | --- | --- | --- |\n"
    )
    for case in document["cases"]:
        for row in case["rows"]:
            text += f"| {' | '.join(_escape(cell) for cell in _cells(case['name'], row))} |\n"
    return text


def _cells(case: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    target = row.get("target")
    bound = "" if target is None else f"{target['sign']} {target['bound']:g}"
    if "samples" not in row:
        return (case, row["what"], "", "", row["unit"], bound, f"not run: {row['reason']}")
    samples = row["samples"]
    spread = f"{number(min(samples))} … {number(max(samples))}" if len(samples) > 1 else "–"
    verdict = f"**{row['verdict']}**" if row["verdict"] == "missed" else row["verdict"]
    return (case, row["what"], number(row["median"]), spread, row["unit"], bound, verdict)


def _escape(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;")
