from __future__ import annotations

from typing import Any

import pytest

from tgworker.simulator.exports.item import Item
from tgworker.simulator.exports.notes import Notes

MISSING = object()


@pytest.mark.parametrize(
    ("method", "value", "read", "odd"),
    [
        ("text", "да", "да", False),
        ("text", None, "", False),
        ("text", 7, "", True),
        ("whole", 0, 0, False),
        ("whole", "0017", 17, False),
        ("whole", 2**31 - 1, 2**31 - 1, False),
        ("whole", 2**31, None, True),
        ("whole", -1, None, True),
        ("whole", True, None, True),
        ("whole", 1.0, None, True),
        ("whole", "٣", None, True),
        ("whole", "9" * 5000, None, True),
        ("whole", MISSING, None, False),
        ("number", 2, 2.0, False),
        ("number", "2", None, True),
        ("number", False, None, True),
        ("number", 1e999, None, True),
        ("number", None, None, False),
        ("flag", True, True, False),
        ("flag", None, False, False),
        ("flag", 1, False, True),
        ("values", [1, None], [1, None], False),
        ("values", {}, [], True),
        ("values", None, [], False),
        ("items", [1], [], True),
        ("items", None, [], False),
        ("item", [], None, True),
        ("item", None, None, False),
    ],
)
def test_a_field_of_an_unknown_form_counts_as_missing_and_is_noted(
    method: str, value: Any, read: Any, odd: bool
) -> None:
    notes = Notes("result.json")
    item = Item({} if value is MISSING else {"key": value}, notes)

    found = getattr(item, method)("key")

    assert (read, type(read)) == (found, type(found))
    told = ["result.json: field key of an unknown form, left out: 1"]
    assert (told if odd else []) == notes.lines()


def test_objects_within_are_read_in_the_same_way() -> None:
    notes = Notes("result.json")
    item = Item({"one": {"a": 1}, "many": [{"a": 2}, {"a": "x"}]}, notes)

    inner = [item.item("one"), *item.items("many")]

    assert [1, 2, None] == [each.whole("a") for each in inner if each is not None]
    assert 1 == len(notes.lines())
