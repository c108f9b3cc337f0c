"""What a fault may say, and which errors it makes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.simulator.faults import Fault, FaultError, parse_faults


def test_a_fault_is_read_as_it_stands_in_a_world_file() -> None:
    data = [
        {"method": "messages.getHistory", "nth": 5, "error": "FLOOD_WAIT_3"},
        {"chat": "@Ru_Python", "probability": 0.5, "seed": 3, "drop": "after", "times": 2},
    ]

    assert (
        Fault(method="messages.getHistory", nth=5, error="FLOOD_WAIT_3"),
        Fault(chat="ru_python", probability=0.5, seed=3, drop="after", times=2),
    ) == parse_faults(data)


def test_one_fault_needs_no_list() -> None:
    assert (Fault(empty=True),) == parse_faults({"empty": True})
    assert () == parse_faults([])


@pytest.mark.parametrize(
    ("expected", "data"),
    [
        ("$ must be an object", 5),
        ("$[1] must be an object", [{"empty": True}, "FLOOD"]),
        ("$.nthh is not a known field", {"nthh": 5, "empty": True}),
        ("$.nth must be a whole number from 1 to 2147483647", {"nth": 0, "empty": True}),
        ("$.nth must be a whole number from 1 to 2147483647", {"nth": True, "empty": True}),
        ("$.every must be a whole number from 1 to 2147483647", {"every": 1.5, "empty": True}),
        ("$.probability must be a number from 0 to 1", {"probability": 2, "empty": True}),
        ("$.above_rate must be a number above 0 to 1e+06", {"above_rate": 0, "empty": True}),
        ("$.method must be a text", {"method": "", "empty": True}),
        ("$.chat must be a text", {"chat": 5, "empty": True}),
        ("$.drop must be one of before, after", {"drop": "now"}),
        ("$.empty must be true, or left out", {"empty": "yes"}),
        ("$.hide must be a list of message ids", {"hide": 5}),
        ("$.hide must be a list of message ids", {"hide": []}),
        ("$.hide must be a whole number from 1 to 2147483647", {"hide": [0]}),
        ("$.code needs an error", {"code": 400, "empty": True}),
        ("$.short_end needs short", {"short_end": "oldest", "empty": True}),
        (
            "$ does nothing: give it an effect, such as error, delay_ms or drop",
            {"method": "messages.getHistory", "nth": 5},
        ),
        (
            "$.clock_skew_s stands alone: the clock is the same for every call",
            {"clock_skew_s": 60, "nth": 1},
        ),
        (
            "$.down_s stands alone: a server that is gone is gone for every call",
            {"down_s": 60, "nth": 1},
        ),
        ("$.dc must be 2 or 4", {"dc": 3, "empty": True}),
    ],
)
def test_what_is_wrong_with_a_fault_is_said(expected: str, data: Any) -> None:
    with pytest.raises(FaultError) as caught:
        parse_faults(data)

    assert (expected,) == caught.value.problems


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(FaultError) as caught:
        parse_faults([{"nth": 0, "drop": "x"}, {"wrong": 1}])

    assert 3 == len(caught.value.problems)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (420, "FLOOD_WAIT_3"),
        (420, "FLOOD_PREMIUM_WAIT_3"),
        (303, "USER_MIGRATE_4"),
        (400, "CHANNEL_PRIVATE"),
        (401, "AUTH_KEY_UNREGISTERED"),
        (406, "AUTH_KEY_DUPLICATED"),
        (403, "CHAT_FORBIDDEN"),
        (500, "INTERNAL"),
        (500, "RPC_CALL_FAIL"),
        (-503, "Timeout"),
        (400, "NEVER_HEARD_OF"),
    ],
)
def test_errors_have_the_code_that_telegram_gives_them(code: int, message: str) -> None:
    refusal = Fault(error=message).rpc_fault

    assert refusal is not None
    assert (code, message) == (refusal.code, refusal.message)


def test_a_code_may_be_said() -> None:
    refusal = Fault(error="CHANNEL_PRIVATE", code=406).rpc_fault

    assert refusal is not None
    assert 406 == refusal.code
    assert Fault(empty=True).rpc_fault is None


def test_a_fault_names_its_effects() -> None:
    assert ("delay_ms", "short") == Fault(method="x", nth=1, delay_ms=5.0, short=0).kinds


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["method", "nth", "error", "drop", "x"]), inner, max_size=4),
)


@given(data=json)
def test_any_json_is_faults_or_a_fault_error(data: Any) -> None:
    try:
        parse_faults(data)
    except FaultError as error:
        assert error.problems
