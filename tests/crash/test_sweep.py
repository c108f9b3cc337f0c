"""A sample of the sweep; ``bin/crash`` does it all."""

from __future__ import annotations

import os
import subprocess
import sys


def test_any_system_call_may_be_the_last_or_fail(strace):
    """Killed or failed there, the archive ends in the same bytes the next time; see `tests.crash.sweep`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash", "--every", "61", "--from", "7"],
        env={**os.environ, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "0 missed, 0 troubles" in done.stdout
