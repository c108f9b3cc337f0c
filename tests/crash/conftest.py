"""strace, where it can be used."""

from __future__ import annotations

import pytest

from tests.crash.strace import why_not


@pytest.fixture(scope="session")
def strace() -> None:
    """Skips where system calls can't be watched, and says what would help."""
    if reason := why_not():
        pytest.skip(reason)
