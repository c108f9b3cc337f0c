"""What the doctor's checks find, by their names; and a simulated Telegram with a login to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
import trio_asyncio

from tgworker.doctor.finding import Finding, Outcome
from tgworker.settings import Settings, load_settings
from tgworker.simulator.compose import Simulator, open_simulator
from tgworker.simulator.world import World, parse_world

MakeSettings: TypeAlias = Callable[..., Settings]
NOW = datetime(2025, 11, 20, tzinfo=UTC)


@pytest.fixture
async def aio_loop() -> AsyncIterator[None]:
    async with trio_asyncio.open_loop():
        yield


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings with all files in the test's own folder."""

    def make(**env: str) -> Settings:
        places = {
            "TELEGRAM_API_ID": "12345",
            "TELEGRAM_SESSION": str(tmp_path / "absent.session"),
            "DATA_DIR": str(tmp_path / "data"),
            "HEALTH_FILE": str(tmp_path / "healthy"),
        }
        return load_settings({**places, **env})

    return make


@pytest.fixture
def outcomes() -> Callable[[Iterable[Finding]], dict[str, str]]:
    """What came out, by check; each check tells once, and where something is amiss, what to do."""

    def by_check(findings: Iterable[Finding]) -> dict[str, str]:
        findings = list(findings)
        for each in findings:
            amiss = each.outcome in (Outcome.WARNING, Outcome.PROBLEM)
            assert amiss == (each.advice is not None), each
            assert each.found and "\n" not in each.found
        names = [each.check for each in findings]
        assert sorted(set(names)) == sorted(names)
        return {each.check: str(each.outcome) for each in findings}

    return by_check


@pytest.fixture
def world() -> dict[str, object]:
    return {"seed": 7, "users": 2, "chats": []}


@pytest.fixture
async def simulator(world: dict[str, object]) -> AsyncIterator[Simulator]:
    async with open_simulator(World(parse_world(world, now=NOW))) as running:
        yield running


@pytest.fixture
async def login(simulator: Simulator, tmp_path: Path) -> dict[str, str]:
    """The settings of a worker that is signed in to the simulator."""
    await simulator.let_in(tmp_path / "sim.env")
    lines = (tmp_path / "sim.env").read_text().splitlines()
    return {key: value.strip("'") for key, value in (line.split("=", 1) for line in lines)}
