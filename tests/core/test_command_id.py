"""Which id a command goes by."""

from __future__ import annotations

import json
from uuid import UUID, uuid4

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tgworker.core.command_id import command_id_of

MADE = "9f1c0f0e-0000-4000-8000-000000000000"


@pytest.mark.parametrize("own", [str(uuid4()), str(uuid4()).upper()])
def test_its_own_as_it_was_written(own: str) -> None:
    assert own == command_id_of(json.dumps({"command_id": own}).encode(), MADE)


@pytest.mark.parametrize(
    "command",
    [
        {},
        [],
        None,
        "text",
        {"command_id": None},
        {"command_id": 7},
        {"command_id": ""},
        {"command_id": "no uuid"},
        {"command_id": uuid4().hex},
        {"command_id": f"{{{uuid4()}}}"},
        {"command_id": str(uuid4()), "long": "x" * 65536},
    ],
)
def test_the_one_made_if_it_has_none_that_is_good(command: object) -> None:
    assert MADE == command_id_of(json.dumps(command).encode(), MADE)


@given(st.binary() | st.recursive(st.none(), st.lists).map(lambda v: json.dumps(v).encode()))
@example(b"[" * 60_000)
@example(b'{"command_id":"\xff"}')
def test_no_bytes_are_too_odd(payload: bytes) -> None:
    assert UUID(command_id_of(payload, MADE))
