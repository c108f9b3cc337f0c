from __future__ import annotations

from pathlib import Path

import trio
from structlog.testing import capture_logs

from tests.doctor.conftest import MakeSettings
from tgworker.doctor.examination import all_checks, examine
from tgworker.doctor.finding import Check, Finding, ok
from tgworker.errors import SettingsError


def check(area: str, seconds: float, fault: Exception | None = None) -> Check:
    async def look() -> list[Finding]:
        await trio.sleep(seconds)
        if fault is not None:
            raise fault
        return [ok(f"{area}.all", "well")]

    return Check(area, area.title(), look)


async def test_all_run_at_once_and_are_told_in_order(autojump_clock: trio.abc.Clock) -> None:
    told: list[tuple[float, str]] = []
    waited: list[list[str]] = []
    began_at = trio.current_time()

    found = await examine(
        [check("first", 3), check("second", 1), check("third", 4)],
        lambda each, findings: told.append((trio.current_time() - began_at, each.area)),
        waited.append,
    )

    assert [(3, "first"), (3, "second"), (4, "third")] == [(round(t), area) for t, area in told]
    assert [["First", "Third"], ["Third"], []] == waited
    assert ["first.all", "second.all", "third.all"] == [each.check for each in found]


async def test_a_check_that_fails_itself_hides_no_other() -> None:
    with capture_logs() as logs:
        found = await examine(
            [check("first", 0, RuntimeError("hunter2")), check("second", 0)],
            lambda each, findings: None,
            lambda titles: None,
        )

    assert [("first", "problem"), ("second.all", "ok")] == [(f.check, f.outcome) for f in found]
    assert "hunter2" not in repr(found)
    assert ["doctor.check_failed"] == [line["event"] for line in logs]


def test_without_settings_what_needs_none_is_looked_at() -> None:
    checks = all_checks(SettingsError(["wrong"]), {}, Path(".env"))

    assert ["settings", "host"] == [each.area for each in checks]


async def test_offline_nobody_is_asked(make_settings: MakeSettings) -> None:
    settings = make_settings(REDIS_URL="redis://127.0.0.1:1")
    checks = {e.area: e for e in all_checks(settings, {}, Path(".env"), offline=True)}

    for area in ("redis", "stores"):
        [finding] = await checks[area].look()
        assert (area, "skipped") == (finding.check, finding.outcome)
