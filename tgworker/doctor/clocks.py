"""Whether two clocks agree: days are cut, leases end and flood waits are kept by them."""

from __future__ import annotations

from tgworker.doctor.finding import Finding, ok, problem, warning

TOLERATED_SECONDS = 2.0
WRONG_SECONDS = 60.0

_ADVICE = "Let NTP set the clock of this host (chrony, systemd-timesyncd) and of the other one."


def judge_clock(check: str, whose: str, ahead: float) -> Finding:
    """`ahead`: seconds that the other clock is ahead of this host's."""
    side = "ahead of" if ahead > 0 else "behind"
    found = f"{whose}'s clock is {abs(ahead):.1f} s {side} this host's"
    if abs(ahead) <= TOLERATED_SECONDS:
        return ok(check, f"{whose}'s clock agrees with this host's ({ahead:+.1f} s)")
    if abs(ahead) <= WRONG_SECONDS:
        return warning(check, found, _ADVICE)
    return problem(check, f"{found}: days would be cut and sealed at the wrong time", _ADVICE)
