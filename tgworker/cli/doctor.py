"""``tgworker doctor``: is everything as a worker needs it, and what to do where it is not?"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from tgworker.cli.border import Tool, exit_code_of
from tgworker.cli.doctor_text import print_findings, print_verdict
from tgworker.cli.help import epilog
from tgworker.cli.setup import read_settings, run_tool, setting_options, start_tool_logging
from tgworker.core.codec import to_json
from tgworker.doctor.examination import all_checks, examine
from tgworker.doctor.finding import Check, Finding, Outcome
from tgworker.errors import ExitCode, SettingsError
from tgworker.settings import Settings, load_settings

_EXAMPLES = """
  tgworker doctor
  tgworker doctor --offline                            # what this host knows
  tgworker doctor --json | jq -c 'select(.outcome == "problem")'
"""
_NOTES = """\b
It changes nothing and may be run beside a worker. Exit codes: 0 nothing is a problem (there
may be warnings), 1 something is, 2 the settings, 3 the Telegram account, 4 Redis is away;
of several the first of 2, 3, 4, 1."""

_PRECEDENCE = (
    ExitCode.BAD_SETTINGS,
    ExitCode.ACCOUNT_UNUSABLE,
    ExitCode.REDIS_AWAY,
    ExitCode.FAILED,
)


@click.command(cls=Tool, epilog=epilog(_EXAMPLES, (), _NOTES))
@click.option("--offline", is_flag=True, help="Ask nobody over a network.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line, as it does when it writes to a pipe.",
)
@setting_options("REDIS_URL", "TELEGRAM_SESSION", "DATA_DIR", "HEALTH_FILE")
def doctor(offline: bool, as_json: bool) -> int:
    """Check settings, host, disk, Redis, Telegram and what watches, and say what to mend.

    Each line says what is, and where something is amiss, what to do about it.
    """
    try:
        settings: Settings | SettingsError = read_settings()
    except SettingsError as error:
        settings = error
    logged = load_settings({}) if isinstance(settings, SettingsError) else settings
    # What libraries warn of is told as findings.
    start_tool_logging(logged, quiet="ERROR")
    checks = all_checks(settings, os.environ, Path(".env"), offline=offline)
    lines = as_json or not sys.stdout.isatty()
    return run_tool(partial(_print_lines if lines else _print_tables, checks))


async def _print_lines(checks: list[Check]) -> int:
    def tell(_: Check, findings: list[Finding]) -> None:
        for each in findings:
            click.echo(to_json(_line(each)))

    return exit_code(await examine(checks, tell, lambda titles: None))


def _line(finding: Finding) -> dict[str, str | None]:
    return {
        "check": finding.check,
        "outcome": finding.outcome,
        "found": finding.found,
        "advice": finding.advice,
    }


async def _print_tables(checks: list[Check]) -> int:
    console = Console()
    with console.status("") as status:

        def tell(check: Check, findings: list[Finding]) -> None:
            print_findings(check.title, findings, console)

        def waiting(titles: list[str]) -> None:
            status.update(f"Waiting for: {', '.join(titles)}" if titles else "")

        findings = await examine(checks, tell, waiting)
    print_verdict(findings, console)
    return exit_code(findings)


def exit_code(findings: Iterable[Finding]) -> int:
    """What it exits with; of several codes the one that has to be mended first."""
    codes = {
        ExitCode.FAILED if each.error is None else exit_code_of(each.error)
        for each in findings
        if each.outcome is Outcome.PROBLEM
    }
    return next((int(code) for code in _PRECEDENCE if code in codes), int(ExitCode.DONE))
