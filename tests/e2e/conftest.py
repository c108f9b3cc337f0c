"""A stage for each test; an ERROR line that the test did not expect fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import Stage

MakeStage = Callable[..., Stage]


@pytest.fixture
def make_stage(
    tmp_path: Path, redis_url: str, request: pytest.FixtureRequest
) -> Iterator[MakeStage]:
    """Sets the stage for a world; what else is given are options of the simulator."""
    stages: list[Stage] = []

    def make(world: dict[str, Any], *args: str) -> Stage:
        stages.append(Stage(tmp_path, redis_url, world))
        stages[-1].open(*args)
        return stages[-1]

    yield make
    for stage in stages:
        stage.close()
    expected = request.node.get_closest_marker("expects_errors")
    errors = [error for stage in stages for p in stage.processes for error in p.errors()]
    assert expected or not errors, errors
