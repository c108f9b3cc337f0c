"""One cattrs converter for the whole program, and the JSON it makes.

Times become ``2025-11-07T10:23:45Z``, days ``2025-11-07``; fields keep their order. In the small values inside a
message (entities, reactions, a forward) and in the rows of an index what is unset is left out, and so are a message's
`OPTIONAL` fields; everywhere else it is ``null``, so that every message has the keys of the contract.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import orjson
from cattrs import Converter
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn

from tgworker.core.message import Button, Entity, Forward, Message, Quote, Reaction, ReplyFrom
from tgworker.core.model import DayRow, FieldError

T = TypeVar("T")

_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_COMPACT = (Entity, Reaction, Forward, ReplyFrom, Quote, Button, DayRow)
"""Types of which unset fields are left out."""
OPTIONAL = ("reply_from", "quote", "buttons")
"""Fields of a message that are left out where they are unset."""


def to_json(value: Any) -> bytes:
    """One line of JSON, UTF-8, without a newline. Halves of surrogate pairs, which UTF-8 can't hold, become ``?``."""
    plain = converter.unstructure(value)
    try:
        return orjson.dumps(plain, option=_OPTIONS)
    except orjson.JSONEncodeError:
        return orjson.dumps(_without_halves(plain), option=_OPTIONS)


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_without_halves(key): _without_halves(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_halves(each) for each in value]
    return value


def from_json(data: bytes | str, kind: type[T]) -> T:
    """The value that `to_json` wrote.

    Raises:
        ValueError: it is not JSON, or not that kind.
    """
    return structure(orjson.loads(data), kind)


def structure(data: Any, kind: type[T]) -> T:
    """The value whose JSON, already parsed, is ``data``.

    Raises:
        ValueError: it is not that kind.
    """
    try:
        return converter.structure(data, kind)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"This is no {kind.__name__}: {error!r}") from error


def utc_text(moment: datetime) -> str:
    """An aware time as everything here writes it: ``2025-11-07T10:23:45Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _make_converter() -> Converter:
    converter = Converter(detailed_validation=False)  # twice as fast as with it
    # orjson writes times and days itself, and faster.
    converter.register_unstructure_hook(datetime, identity)
    converter.register_unstructure_hook(date, identity)
    converter.register_structure_hook(datetime, _time)
    converter.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    # cattrs would make "None" of a null and 1 of a true.
    for plain in (bool, int, str):
        converter.register_structure_hook(plain, _exactly)
    converter.register_structure_hook(enum.StrEnum, lambda text, kind: kind(text))
    # What a message's media and service hold is JSON as it is.
    converter.register_unstructure_hook_func(_is_mapping, identity)
    converter.register_structure_hook_func(_is_mapping, lambda value, _: _exactly(value, dict))
    converter.register_structure_hook_factory(_is_optional, _optional)
    converter.register_unstructure_hook_func(_is_plain_or_none, identity)
    converter.register_structure_hook_func(_is_count_or_errors, _count_or_errors)
    for kind in _COMPACT:
        hook = make_dict_unstructure_fn(kind, converter, _cattrs_omit_if_default=True)
        converter.register_unstructure_hook(kind, hook)
    converter.register_unstructure_hook(Message, _message_hook(converter))
    return converter


def _message_hook(converter: Converter) -> Callable[[Message], dict[str, Any]]:
    """Messages are most of what is ever written, and most of what one may have, most have not."""
    inner = [
        (name, converter.get_unstructure_hook(kind))
        for name, kind in get_type_hints(Message).items()
        if name in ("entities", "reactions", "forward_from", *OPTIONAL)
    ]

    def unstructure(message: Message) -> dict[str, Any]:
        raw = vars(message).copy()
        for name, hook in inner:
            if value := raw[name]:
                raw[name] = hook(value)
            elif name in OPTIONAL:
                del raw[name]
        return raw

    return unstructure


def _time(text: str, _: type[datetime]) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _exactly(value: Any, kind: type[T]) -> T:
    if type(value) is not kind:
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _is_optional(kind: Any) -> bool:
    arms = get_args(kind)
    return get_origin(kind) in (Union, UnionType) and len(arms) == 2 and NoneType in arms


def _is_plain_or_none(kind: Any) -> bool:
    """Optional fields that are written as they are: cattrs would look at each value anew, which is most of its work."""
    return _is_optional(kind) and all(
        arm in (bool, int, str, datetime, date, NoneType) or _is_mapping(arm)
        for arm in get_args(kind)
    )


def _optional(kind: Any, converter: Converter) -> Callable[[Any, Any], Any]:
    """As cattrs does it, but finding the hook once instead of with each value: most of a message is optional."""
    (inner,) = (arm for arm in get_args(kind) if arm is not NoneType)
    hook = converter.get_structure_hook(inner)
    return lambda value, _: None if value is None else hook(value, inner)


def _is_count_or_errors(kind: Any) -> bool:
    """The type of `Event.errors`."""
    return bool(kind == int | tuple[FieldError, ...])


def _count_or_errors(value: Any, _: Any) -> int | tuple[FieldError, ...]:
    if isinstance(value, list):
        return tuple(converter.structure(each, FieldError) for each in value)
    return _exactly(value, int)


converter = _make_converter()
