"""Nothing is lost and nothing is doubled, whoever is killed, stalled or cut off, and whenever. More: ``bin/chaos``."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.plan import draw_plan
from tests.chaos.run import run_seed
from tests.chaos.share import COMMANDS, open_pair


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


def test_two_workers_share_the_work_and_one_inherits_what_the_other_held(tmp_path: Path) -> None:
    with open_pair(tmp_path, patient=False) as pair:
        shares = pair.share()
        inheritance = pair.inherit()

    assert COMMANDS == shares.completed.total()
    assert max(shares.completed.values()) <= 0.6 * COMMANDS
    assert () == shares.mixed_chats
    assert inheritance.commands
    assert {"fetcher-2"} == inheritance.heirs
