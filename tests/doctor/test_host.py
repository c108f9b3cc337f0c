from __future__ import annotations

import ctypes
import resource
from importlib import metadata
from types import SimpleNamespace

import pytest

from tgworker.doctor import host
from tgworker.doctor.finding import Outcome
from tgworker.doctor.host import (
    judge_clock_state,
    judge_libraries,
    judge_open_files,
    look_at_host,
)


async def test_what_runs_these_tests_will_do() -> None:
    findings = {each.check: each for each in await look_at_host()}

    assert ["host.python", "host.libraries", "host.clock", "host.open_files"] == list(findings)
    assert Outcome.OK is findings["host.libraries"].outcome
    assert f"telethon {metadata.version('telethon')}" in findings["host.libraries"].found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["telethon>=99", "redis>=1"], "telethon is {telethon}, and has to be >=99"),
        (["telethon<1.2,>=1"], "telethon is {telethon}, and has to be <1.2"),
        (["no-such-thing>=1"], "no-such-thing is missing"),
        (["no-such-thing; extra == 'test'", "redis[hiredis]>=1"], "as they should be"),
    ],
)
def test_libraries_are_held_to_what_the_package_asks_for(
    monkeypatch: pytest.MonkeyPatch, wanted: list[str], found: str
) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: wanted)

    finding = judge_libraries()

    assert found.format(telethon=metadata.version("telethon")) in finding.found
    assert (finding.outcome is Outcome.PROBLEM) == ("as they should" not in found)


def test_a_checkout_that_is_not_installed_asks_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)

    assert Outcome.SKIPPED is judge_libraries().outcome


@pytest.mark.parametrize(
    ("state", "outcome"), [(0, Outcome.OK), (5, Outcome.WARNING), (-1, Outcome.SKIPPED)]
)
def test_the_kernel_knows_whether_the_clock_is_kept_right(
    monkeypatch: pytest.MonkeyPatch, state: int, outcome: Outcome
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(adjtimex=lambda buffer: state))

    assert outcome is judge_clock_state().outcome


def test_where_the_kernel_can_not_be_asked_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace())

    assert Outcome.SKIPPED is judge_clock_state().outcome


@pytest.mark.parametrize(
    ("limit", "outcome"),
    [
        (host.FILES_NEEDED - 1, Outcome.WARNING),
        (1024, Outcome.OK),
        (resource.RLIM_INFINITY, Outcome.OK),
    ],
)
def test_few_open_files_are_warned_of(limit: int, outcome: Outcome) -> None:
    assert outcome is judge_open_files(limit).outcome
