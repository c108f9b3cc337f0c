"""What the process itself stands on: Python, its libraries, the clock, and how many files it may open."""

from __future__ import annotations

import ctypes
import platform
import re
import resource
from importlib import metadata

import trio

from tgworker.doctor.finding import Finding, ok, problem, skipped, warning

FILES_NEEDED = 256
"""Each of at most 64 chats has a few files open; then there are connections and libraries."""
_TIME_ERROR = 5
_TIMEX_BYTES = 512
"""More than ``struct timex`` takes anywhere."""
_SHOWN = ("telethon", "redis", "trio")
_REQUIREMENT = re.compile(r"([\w.-]+)(?:\[[^]]*\])?\s*([^;]*)")
_BOUND = re.compile(r"(>=|<)\s*([\d.]+)")


async def look_at_host() -> list[Finding]:
    libraries = await trio.to_thread.run_sync(judge_libraries)
    return [
        ok("host.python", f"Python {platform.python_version()} on {platform.system()}"),
        libraries,
        judge_clock_state(),
        judge_open_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ]


def judge_libraries() -> Finding:
    """Whether what is installed is what the package asks for."""
    try:
        wanted = [line for line in metadata.requires("tgworker") or [] if "extra ==" not in line]
    except metadata.PackageNotFoundError:
        return skipped("host.libraries", "tgworker runs from a checkout that is not installed")
    faults = [fault for line in wanted for fault in _faults(line)]
    if faults:
        return problem(
            "host.libraries", "; ".join(faults), "Install it anew: pip install --upgrade ."
        )
    shown = ", ".join(f"{name} {metadata.version(name)}" for name in _SHOWN)
    return ok("host.libraries", f"as they should be: {shown} and {len(wanted) - len(_SHOWN)} more")


def _faults(requirement: str) -> list[str]:
    match = _REQUIREMENT.match(requirement)
    assert match is not None
    name, bounds = match.groups()
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return [f"{name} is missing"]
    return [
        f"{name} is {found}, and has to be {sign}{bound}"
        for sign, bound in _BOUND.findall(bounds)
        if (_numbers(found) >= _numbers(bound)) != (sign == ">=")
    ]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version.partition("+")[0]))


def judge_clock_state() -> Finding:
    """Whether something keeps the clock right, as the kernel knows. Source: adjtimex(2)."""
    check = "host.clock"
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    except (OSError, AttributeError):
        state = -1
    if state < 0:
        return skipped(check, "the kernel does not say whether the clock is kept right")
    if state == _TIME_ERROR:
        advice = "Let NTP set it: chrony or systemd-timesyncd (timedatectl set-ntp true)."
        return warning(check, "nothing keeps the clock right (it is not synchronised)", advice)
    return ok(check, "it is kept right (synchronised)")


def judge_open_files(limit: int) -> Finding:
    check = "host.open_files"
    if limit != resource.RLIM_INFINITY and limit < FILES_NEEDED:
        advice = f"Raise it: ulimit -n {FILES_NEEDED * 4}, or LimitNOFILE= in the unit."
        return warning(check, f"at most {limit:,} files may be open at once", advice)
    shown = "as many as it likes" if limit == resource.RLIM_INFINITY else f"{limit:,}"
    return ok(check, f"{shown} may be open at once")
