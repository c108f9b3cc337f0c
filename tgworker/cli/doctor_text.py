"""What the doctor found, for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tgworker.cli.text import plural, printable
from tgworker.doctor.finding import Finding, Outcome

_LOOKS = {
    Outcome.OK: ("ok", "green"),
    Outcome.WARNING: ("warning", "yellow"),
    Outcome.PROBLEM: ("PROBLEM", "bold red"),
    Outcome.SKIPPED: ("skipped", "dim"),
}
_NAME_WIDTH, _LOOK_WIDTH = 15, 7


def print_findings(title: str, findings: Iterable[Finding], console: Console) -> None:
    """One area: a line for each finding, and one below it for what to do."""
    table = Table.grid(padding=(0, 1))
    table.add_column(width=_LOOK_WIDTH)
    table.add_column(width=_NAME_WIDTH)
    table.add_column(overflow="fold")
    for each in findings:
        word, style = _LOOKS[each.outcome]
        text = Text(printable(each.found), style="dim" if each.outcome is Outcome.SKIPPED else "")
        if each.advice is not None:
            text.append(f"\n\N{RIGHTWARDS ARROW} {printable(each.advice)}", style="bold")
        table.add_row(Text(word, style=style), each.check.rpartition(".")[2], text)
    console.print(Text(title, style="bold underline"), table, "", sep="\n")


def print_verdict(findings: Iterable[Finding], console: Console) -> None:
    """The last line: how much there is to do."""
    count = Counter(each.outcome for each in findings)
    problems, warnings = count[Outcome.PROBLEM], count[Outcome.WARNING]
    skips = f" ({count[Outcome.SKIPPED]} not looked at)" if count[Outcome.SKIPPED] else ""
    if problems:
        amount = f"{plural(problems, 'problem')} and {plural(warnings, 'warning')}"
        console.print(Text(f"{amount}{skips}: mend the problems from the top.", style="bold red"))
    elif warnings:
        console.print(Text(f"No problem, {plural(warnings, 'warning')}{skips}.", style="yellow"))
    else:
        console.print(Text(f"All is well{skips}.", style="bold green"))
