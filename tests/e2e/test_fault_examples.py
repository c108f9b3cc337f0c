"""The faults that docs/simulator.md shows do to a worker what it says they do."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import MakeStage

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
ROW = re.compile(r"^\| (.+) \| `(\{.+\})` \| `(\w+)` \|$", re.MULTILINE)
DAYS = {"from": "2025-11-01", "to": "2025-11-03"}


@pytest.mark.expects_errors
def test_every_example_of_a_fault_does_what_its_row_says(make_stage: MakeStage) -> None:
    examples = ROW.findall(PAGE.read_text(encoding="utf-8"))
    chats = [
        {"username": f"example_{n}", "type": "supergroup", "per_day": [150], **DAYS}
        for n, _ in enumerate(examples)
    ]
    stage = make_stage({"seed": 3, "chats": chats})
    worker = stage.worker(BACKOFF_BASE_SECONDS="0.01", FLOOD_WAIT_JITTER_SECONDS="0")

    ends = {}
    for n, (what, fault, _) in enumerate(examples):
        stage.faults(json.loads(fault))
        ends[what] = stage.fetch(chat=f"example_{n}", mode="range", **DAYS)["event"]

        assert stage.stats()["faults"], what
        stage.calm()
        if ends[what] == "completed":
            assert 450 == stage.check_against_truth(f"example_{n}"), what

    assert len(examples) > 8
    assert {what: end for what, _, end in examples} == ends
    failed = [end for end in ends.values() if end == "failed"]
    assert ["command.failed"] * len(failed) == [line["event"] for line in worker.errors()]
