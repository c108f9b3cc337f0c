"""Nothing is lost and nothing is doubled, whoever is killed, stalled or cut off, and whenever. More: ``bin/chaos``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.plan import draw_plan
from tests.chaos.run import run_seed


@pytest.mark.parametrize("seed", [2, 6])
def test_trouble_leaves_no_trace_in_the_archive(seed: int, tmp_path: Path) -> None:
    result = run_seed(seed, tmp_path)

    assert () == result.problems
    assert (0, 0, 0) == (
        result.difference.lost,
        result.difference.duplicated,
        result.difference.bytes,
    )
    assert result.dealt


def test_a_seed_always_means_the_same_trouble() -> None:
    assert draw_plan(4711) == draw_plan(4711)
    assert draw_plan(4711) != draw_plan(4712)
