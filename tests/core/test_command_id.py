"""Which id a command goes by."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tgworker.core.command_id import command_id_of

MADE = "9f1c0f0e-0000-4000-8000-000000000000"
OWN = "3d9a2c1b-7e4f-4a6d-9b8c-5f0e1d2c3b4a"


@pytest.mark.parametrize("own", [OWN, OWN.upper()])
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
        {"command_id": OWN.replace("-", "")},
        {"command_id": f"{{{OWN}}}"},
        {"command_id": OWN, "long": "x" * 65536},
    ],
)
def test_the_one_made_if_it_has_none_that_is_good(command: object) -> None:
    assert MADE == command_id_of(json.dumps(command).encode(), MADE)


@given(st.binary() | st.recursive(st.none(), st.lists).map(lambda v: json.dumps(v).encode()))
@example(b"[" * 60_000)
@example(b'{"command_id":"\xff"}')
def test_no_bytes_are_too_odd(payload: bytes) -> None:
    assert UUID(command_id_of(payload, MADE))
