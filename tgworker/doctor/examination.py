"""All checks, and how they are gone through: at once, for most of them wait for somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog
import trio

from tgworker.doctor.disk import look_at_disk
from tgworker.doctor.finding import Check, Finding, problem, skipped
from tgworker.doctor.host import look_at_host
from tgworker.doctor.redis import look_at_redis
from tgworker.doctor.settings import look_at_settings
from tgworker.doctor.telegram import look_at_telegram
from tgworker.doctor.watchers import look_at_status, look_at_stores
from tgworker.errors import SettingsError
from tgworker.settings import Settings

log = structlog.get_logger()


def all_checks(
    settings: Settings | SettingsError,
    environ: Mapping[str, str],
    dotenv: Path,
    *,
    offline: bool = False,
) -> list[Check]:
    """Every check there is, in the order to be shown; without settings there is less to look at.

    `offline`: nobody is asked over a network.
    """
    checks = [
        Check("settings", "Settings", partial(look_at_settings, settings, environ, dotenv)),
        Check("host", "This host", look_at_host),
    ]
    if isinstance(settings, SettingsError):
        return checks
    return [
        *checks,
        Check("disk", "Disk", partial(look_at_disk, settings)),
        Check(
            "redis",
            "Redis and the queue",
            partial(_stay_offline, "redis") if offline else partial(look_at_redis, settings),
        ),
        Check("telegram", "Telegram", partial(look_at_telegram, settings, offline=offline)),
        Check("watch", "Health and metrics", partial(look_at_status, settings)),
        Check(
            "stores",
            "Where logs and metrics go",
            partial(_stay_offline, "stores") if offline else partial(look_at_stores, settings),
        ),
    ]


async def _stay_offline(area: str) -> list[Finding]:
    await trio.lowlevel.checkpoint()
    return [skipped(area, "it was told to stay offline")]


async def examine(
    checks: Sequence[Check],
    tell: Callable[[Check, list[Finding]], None],
    waiting: Callable[[list[str]], None],
) -> list[Finding]:
    """Look at everything; `tell` gets the findings in the checks' order, `waiting` what is still waited for."""
    found: list[Finding] = []
    results: dict[str, list[Finding]] = {}
    ready = {check.area: trio.Event() for check in checks}

    async def look(check: Check) -> None:
        results[check.area] = await _look(check)
        ready[check.area].set()
        waiting([each.title for each in checks if each.area not in results])

    async with trio.open_nursery() as nursery:
        for check in checks:
            nursery.start_soon(look, check)
        for check in checks:
            await ready[check.area].wait()
            tell(check, results[check.area])
            found += results[check.area]
    return found


async def _look(check: Check) -> list[Finding]:
    try:
        return await check.look()
    # What goes wrong with one check must not hide the others.
    except Exception as error:
        log.error("doctor.check_failed", check=check.area, exc_info=True)
        found = f"this check failed itself: {type(error).__name__}"
        return [problem(check.area, found, "Report it, with the lines on stderr.")]
