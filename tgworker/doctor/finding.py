"""What a check finds: one line of what is, and where something is amiss, one of what to do."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable

from attrs import frozen

from tgworker.errors import TgworkerError


class Outcome(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    """It works, and may bite later."""
    PROBLEM = "problem"
    SKIPPED = "skipped"
    """It was not looked at; what was found is the reason."""


@frozen
class Finding:
    """``check`` is its name for programs: ``redis.persistence``. ``error``: what a worker would end with."""

    check: str
    outcome: Outcome
    found: str
    advice: str | None = None
    error: TgworkerError | None = None


@frozen
class Check:
    """Something to look at; ``look`` raises nothing of ours."""

    area: str
    title: str
    look: Callable[[], Awaitable[list[Finding]]]


def ok(check: str, found: str) -> Finding:
    return Finding(check, Outcome.OK, found)


def warning(check: str, found: str, advice: str) -> Finding:
    return Finding(check, Outcome.WARNING, found, advice)


def problem(check: str, found: str, advice: str, error: TgworkerError | None = None) -> Finding:
    return Finding(check, Outcome.PROBLEM, found, advice, error)


def skipped(check: str, reason: str) -> Finding:
    return Finding(check, Outcome.SKIPPED, reason)
