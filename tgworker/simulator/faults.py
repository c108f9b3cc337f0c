"""Faults: which calls go wrong, and how. They come from the world file, or at run time from the control address.

A fault is a JSON object: which calls (``method``, ``chat``, ``dc``, ``nth``, ``every``, ``probability`` with ``seed``,
``above_rate``, ``times``; all that are given must hold), and what happens to them (everything else):
``{"method": "messages.getHistory", "nth": 5, "error": "FLOOD_WAIT_3"}``. Calls are counted for each fault by itself,
from the moment it is added, and only those of its method, chat and data centre.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any

import attrs
from attrs import frozen
from telethon.errors.rpcerrorlist import rpc_errors_dict, rpc_errors_re

from tgworker.errors import TgworkerError
from tgworker.simulator.rpc import RpcFault
from tgworker.simulator.world.checks import data_center

ANY_METHOD = "*"

_Check = Callable[[Any], Any]
"""Gives the value to use; raises ValueError with the end of a sentence: "must be …"."""

_OWN_CODES = {"INTERNAL": 500, "TIMEOUT": -503}
"""Beside those that Telethon lists; Telegram really sends the second one negative."""


class FaultError(TgworkerError):
    """A fault is not one: ``problems`` says where and why, all of it at once."""

    error_type = "fault"

    def __init__(self, problems: Collection[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def _integer(low: int, high: int = 2**31 - 1) -> _Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _number(low: float, high: float, *, above: bool = False) -> _Check:
    def check(value: Any) -> float:
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        if not sound or not low <= value <= high or above and value == low:
            raise ValueError(f"must be a number {'above' if above else 'from'} {low:g} to {high:g}")
        return float(value)

    return check


def _one_of(*choices: str) -> _Check:
    def check(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be a text")
    return value


def _ids(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of message ids")
    return tuple(_integer(1)(each) for each in value)


def _chat(value: Any) -> str:
    return _text(value).removeprefix("@").lower()


def _true(value: Any) -> bool:
    if value is not True:
        raise ValueError("must be true, or left out")
    return True


def _field(check: _Check, default: Any = None, *, effect: bool = False) -> Any:
    return attrs.field(default=default, metadata={"check": check, "effect": effect})


@frozen
class Fault:
    """Which calls, and what happens to them."""

    method: str = _field(_text, ANY_METHOD)
    """As Telegram writes it: ``messages.getHistory``; or ``*``. A step of the key exchange, such as ``req_pq_multi``,
    has to be named; it can be dropped, left half open, or answered with garbage."""
    chat: str | None = _field(_chat)
    """A username, or a marked id as text."""
    dc: int | None = _field(data_center)
    """Only calls of clients that are at that data centre: else one that was sent away would be sent away again."""
    nth: int | None = _field(_integer(1))
    every: int | None = _field(_integer(1))
    probability: float | None = _field(_number(0, 1))
    seed: int = _field(_integer(0), 0)
    """Of `probability` and `shuffle`."""
    above_rate: float | None = _field(_number(0, 1e6, above=True))
    """Only calls beyond so many in a second (or in 1 / rate seconds, if that is longer)."""
    times: int | None = _field(_integer(1))
    """How often it happens at most."""

    error: str | None = _field(_text, effect=True)
    """The message of an ``rpc_error``."""
    code: int | None = _field(_integer(-1000, 1000))
    """The code of that error, where its name does not tell it well enough."""
    delay_ms: float | None = _field(_number(0, 3_600_000, above=True), effect=True)
    """The request is carried out at once, but answered later."""
    drop: str | None = _field(_one_of("before", "after"), effect=True)
    """Close the connection instead of answering: before or after the request is carried out."""
    half_open: bool = _field(_true, False, effect=True)
    """Keep the connection open and never send anything on it again."""
    garbage: bool = _field(_true, False, effect=True)
    """Send random bytes instead of an answer, then close the connection."""
    bad_salt: bool = _field(_true, False, effect=True)
    """Change the key's salt, so that the call must be sent again."""
    revoke_key: bool = _field(_true, False, effect=True)
    """Forget the authorisation key: nobody can use it any more."""
    short: int | None = _field(_integer(0), effect=True)
    """Leave only so many messages in the page; its count stays as it is."""
    short_end: str = _field(_one_of("newest", "oldest"), "newest")
    empty: bool = _field(_true, False, effect=True)
    """Leave no message in the page."""
    repeat: bool = _field(_true, False, effect=True)
    """Give the previous answer of that method for that chat once more."""
    shuffle: bool = _field(_true, False, effect=True)
    """Give the messages of the page out of order."""
    hide: tuple[int, ...] | None = _field(_ids, effect=True)
    """Leave messages with these ids out of the page; its count stays as it is."""
    as_empty: bool = _field(_true, False, effect=True)
    """Make every message of the page a deleted one."""
    clock_skew_s: float | None = _field(_number(-1e8, 1e8), effect=True)
    """Set the server's clock off by that much from when it is added until the faults are cleared."""
    down_s: float | None = _field(_number(0, 3600, above=True), effect=True)
    """End every connection and refuse new ones, for so long from when it is added."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What it does, by field name."""
        effects = (field.name for field in attrs.fields(Fault) if field.metadata["effect"])
        unset = (None, False)
        return tuple(name for name in effects if not any(getattr(self, name) is no for no in unset))

    @property
    def rpc_fault(self) -> RpcFault | None:
        """The error it answers with, if it does."""
        if self.error is None:
            return None
        return RpcFault(self.code if self.code is not None else _code_of(self.error), self.error)


def parse_faults(data: object) -> tuple[Fault, ...]:
    """Read one fault or a list of them, as they come out of JSON.

    Raises:
        FaultError: with every problem there is, each as ``$[place].field reason``.
    """
    problems: list[str] = []
    if isinstance(data, list | tuple):
        found = [_parse(f"$[{place}]", item, problems) for place, item in enumerate(data)]
    else:
        found = [_parse("$", data, problems)]
    if problems:
        raise FaultError(problems)
    return tuple(found)


def _parse(path: str, data: object, problems: list[str]) -> Fault:
    if not isinstance(data, dict):
        problems.append(f"{path} must be an object")
        return Fault()
    fields = {field.name: field for field in attrs.fields(Fault)}
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name not in fields:
            problems.append(f"{path}.{name} is not a known field")
            continue
        try:
            values[name] = fields[name].metadata["check"](value)
        except ValueError as error:
            problems.append(f"{path}.{name} {error}")
    fault = Fault(**values)
    if len(values) == len(data):
        problems += [f"{path}{problem}" for problem in _contradictions(fault, values)]
    return fault


def _contradictions(fault: Fault, given: Collection[str]) -> Iterable[str]:
    if not fault.kinds:
        yield " does nothing: give it an effect, such as error, delay_ms or drop"
    if fault.code is not None and fault.error is None:
        yield ".code needs an error"
    if "short_end" in given and fault.short is None:
        yield ".short_end needs short"
    if fault.clock_skew_s is not None and len(given) > 1:
        yield ".clock_skew_s stands alone: the clock is the same for every call"
    if fault.down_s is not None and len(given) > 1:
        yield ".down_s stands alone: a server that is gone is gone for every call"


def _code_of(message: str) -> int:
    """The code Telegram sends with that error, as far as it is known; else 400."""
    if (own := _OWN_CODES.get(message.upper())) is not None:
        return own
    listed = rpc_errors_dict.get(message.upper())
    for pattern, kind in rpc_errors_re:
        if listed is None and re.fullmatch(pattern, message):
            listed = kind
    return int(listed.code) if listed is not None else 400
