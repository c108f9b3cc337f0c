"""One cattrs converter for the whole program, and the JSON it makes.

Times become ``2025-11-07T10:23:45Z``, days ``2025-11-07``; fields keep their order. In the small values that stand inside
messages and events, what is unset is left out; everywhere else it is ``null``, so that every message has the same keys.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, TypeVar

import orjson
from attrs import has
from cattrs import Converter
from cattrs.gen import make_dict_unstructure_fn

from tgworker.core.model import Entity, Event, Forward, Reaction, Thread

T = TypeVar("T")

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_COMPACT = (Entity, Reaction, Forward, Event)
"""Types of which unset fields are left out."""


def _make_converter() -> Converter:
    converter = Converter(forbid_extra_keys=False, unstruct_collection_overrides={})
    # orjson writes these itself, and faster.
    converter.register_unstructure_hook(datetime, lambda value: value)
    converter.register_unstructure_hook(date, lambda value: value)
    converter.register_structure_hook(
        datetime, lambda text, _: datetime.fromisoformat(text).astimezone(UTC)
    )
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    return converter


converter = _make_converter()


def to_json(value: Any) -> bytes:
    """One line of JSON, UTF-8, without a newline."""
    return orjson.dumps(converter.unstructure(value), option=_OPTIONS)


def from_json(data: bytes | str, kind: type[T]) -> T:
    """The value that `to_json` wrote.

    Raises:
        ValueError: it is not JSON, or not that kind.
    """
    return converter.structure(orjson.loads(data), kind)
