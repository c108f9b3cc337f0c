"""A stage for each test; an ERROR line that the test did not expect fails it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stage import Stage
from tgworker.adapters.redis.server import RedisServer

MakeStage = Callable[..., Stage]


@pytest.fixture(scope="module")
def shared_stage(
    tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer
) -> Iterator[MakeStage]:
    """Sets one stage for all tests of a module, as `make_stage` does for one; errors are theirs to expect."""
    with ExitStack() as stages:

        def make(world: dict[str, Any], *args: str) -> Stage:
            stage = Stage(tmp_path_factory.mktemp("stage"), redis_server.url, world)
            stages.callback(stage.close)
            stage.redis.flushall()
            stage.open(*args)
            return stage

        yield make


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
