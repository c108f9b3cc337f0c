from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.simulator.exports.scan import ExportError, Scanner, decode

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=4), inner),
)


def scanner(text: str | bytes) -> Scanner:
    return Scanner(text.encode() if isinstance(text, str) else text, "result.json")


def walked(scan: Scanner, value: Any) -> Any:
    """The value put together from what the scanner finds, down to what is neither list nor object."""
    if isinstance(value, dict):
        return {key: walked(scan, value[key]) for key in scan.members()}
    if isinstance(value, list):
        return [walked(scan, value[number]) for number in scan.elements()]
    return scan.value()


@given(json_values, st.sampled_from([None, 1]), st.booleans())
def test_walking_over_a_file_finds_what_is_in_it(value: Any, indent: int | None, raw: bool) -> None:
    scan = scanner(json.dumps(value, indent=indent, ensure_ascii=not raw))

    assert value == walked(scan, value)
    scan.finish()


@given(json_values)
def test_what_is_not_read_is_passed_over(value: Any) -> None:
    scan = scanner(json.dumps({"a": value, "b": [value, 7]}))

    found = [scan.value() for key in scan.members() if key == "b"]

    assert [[value, 7]] == found


def test_a_value_stands_where_it_is_said_to() -> None:
    scan = scanner('\ufeff{"a": ["]}\\"{", {"b": 1}] }')

    places = [scan.skip() for _ in scan.members()]

    assert ['["]}\\"{", {"b": 1}]'] == [scan.data[start:end].decode() for start, end in places]


def test_control_characters_are_read_as_telegram_desktop_writes_them() -> None:
    assert "a\x0b\\x0b\x1f" == decode(rb'"a\x0B\\x0b\x1F"')


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "$ does not end: the file was cut off"),
        ("[1]", "$ has '[' where { should be"),
        ('{"a": [1, {"b": 2]}', "$ does not end: the file was cut off"),
        ('{"a": [1, 2', "$.a does not end: the file was cut off"),
        ('{"a": "never ends', "$.a does not end: the file was cut off"),
        ('{"a": ["never ends', "$.a does not end: the file was cut off"),
        ('{"a" 1}', "$ has '1' where : should be"),
        ('{"a": 1 "b": 2}', "$ has '\"' where a comma or } should be"),
        ('{"a": }', "$.a has '}' where a value should be"),
        ("{1: 2}", "$ has a key that is no text"),
        ('{"a": 1} {}', "$ is followed by something else"),
    ],
)
def test_what_is_broken_is_told_with_its_place(text: str, told: str) -> None:
    scan = scanner(text)

    with pytest.raises(ExportError, match=re.escape(f"result.json: {told}")):
        list(scan.members())
        scan.finish()


def test_a_value_that_is_no_json_is_told_with_its_place() -> None:
    scan = scanner('{"a": [{}, truth]}')

    with pytest.raises(ExportError, match=re.escape("result.json: $.a[1] is not JSON: ")):
        for _ in scan.members():
            for _ in scan.elements():
                scan.value()
