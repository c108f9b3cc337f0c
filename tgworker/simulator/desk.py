"""Where a request is decided upon: carried out, refused, spoiled by a fault; then counted."""

from __future__ import annotations

import enum
from collections.abc import Callable
from datetime import datetime
from typing import Any

import structlog
from attrs import frozen
from telethon.tl.tlobject import TLRequest

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.faults import Fault
from tgworker.simulator.pages import change_page
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.rpc import Answer, Caller, Methods, RpcFault, encode_answer, method_name
from tgworker.simulator.stats import Stats

NameOf = Callable[[int], str | None]
"""The username of the chat with that marked id, if it has one."""

_LOGGED = (
    "offset_id",
    "offset_date",
    "add_offset",
    "limit",
    "max_id",
    "min_id",
    "msg_id",
    "offset_topic",
)

log = structlog.get_logger(__name__)


class Ending(enum.StrEnum):
    """What the connection does with a request that was decided upon."""

    ANSWER = "answer"
    DROP = "drop"
    HALF_OPEN = "half_open"
    GARBAGE = "garbage"
    BAD_SALT = "bad_salt"
    REVOKE_KEY = "revoke_key"


@frozen
class Verdict:
    """The result as bytes, or a fault; to be sent after ``delay_s``, if ``ending`` is `Ending.ANSWER` at all."""

    ending: Ending
    delay_s: float
    result: bytes | RpcFault = b""


class Desk:
    """Answers every connection's requests, one at a time and at once; only the sending may take time."""

    def __init__(
        self,
        methods: Methods,
        plan: FaultPlan,
        stats: Stats,
        *,
        clock: Callable[[], float],
        latency_s: float = 0,
        name_of: NameOf = lambda chat_id: None,
    ) -> None:
        """`clock` gives monotonic seconds; `latency_s` is added to every answer."""
        self._methods = methods
        self._plan = plan
        self._stats = stats
        self._clock = clock
        self._latency_s = latency_s
        self._name_of = name_of
        self._last: dict[tuple[str, str], Answer] = {}

    def decide(self, caller: Caller, request: TLRequest) -> Verdict:
        """Carry one request out, as far as the faults let it."""
        method, names = method_name(request), self._names(request)
        label = names[0] if names else None
        asked_of = [name.removeprefix("@") for name in names]
        fired = self._plan.deal(method, asked_of, self._clock(), caller.data_center.id)
        for fault in fired:
            self._stats.faults.update(fault.kinds)
        delay_s = self._latency_s + sum(fault.delay_ms or 0 for fault in fired) / 1000
        ending, carry_out = _ending(fired)
        result: bytes | RpcFault = b""
        if carry_out:
            result = self._carry_out(caller, request, method, label, fired)
        outcome = ending.value if ending is not Ending.ANSWER else "ok"
        if isinstance(result, RpcFault):
            outcome = result.message
        self._stats.record(method, label, _arguments(request), outcome)
        return Verdict(ending, delay_s, result)

    def ending_of_step(self, step: str, dc: int) -> Ending:
        """What becomes of a step of the key exchange: it is answered, or the connection is spoiled."""
        fired = self._plan.deal_step(step, self._clock(), dc)
        for fault in fired:
            self._stats.faults.update(fault.kinds)
        return _ending(fired)[0]

    def _carry_out(
        self,
        caller: Caller,
        request: TLRequest,
        method: str,
        label: str | None,
        fired: list[Fault],
    ) -> bytes | RpcFault:
        for fault in fired:
            if (refusal := fault.rpc_fault) is not None:
                return refusal
        try:
            answer = self._methods.dispatch(caller, request)
            if label is not None:
                answer = self._spoil(answer, (method, label), fired)
            return encode_answer(answer)
        except RpcFault as refusal:
            return refusal
        except Exception:
            # A mistake in one handler must not end the server, but it must be heard of.
            log.exception("simulator.method_failed", method=method)
            return RpcFault(500, "INTERNAL")

    def _spoil(self, answer: Answer, place: tuple[str, str], fired: list[Fault]) -> Answer:
        if any(fault.repeat for fault in fired):
            answer = self._last.get(place, answer)
        answer = change_page(answer, fired)
        self._last[place] = answer
        return answer

    def _names(self, request: TLRequest) -> list[str]:
        """What the request's chat is called, the best name first: ``@name``, the marked id as text."""
        username = getattr(request, "username", None)
        if isinstance(username, str):
            return [f"@{username.lower()}"]
        chat_id = _chat_id(request)
        if chat_id is None:
            return []
        name = self._name_of(chat_id)
        return [f"@{name.lower()}", str(chat_id)] if name is not None else [str(chat_id)]


def _ending(fired: list[Fault]) -> tuple[Ending, bool]:
    """What the first fault that ends more than the call makes of it, and whether the call is carried out."""
    for fault in fired:
        if fault.drop is not None:
            return Ending.DROP, fault.drop == "after"
        for ending in (Ending.HALF_OPEN, Ending.GARBAGE, Ending.BAD_SALT, Ending.REVOKE_KEY):
            if getattr(fault, ending.value):
                return ending, False
    return Ending.ANSWER, True


def _chat_id(request: TLRequest) -> int | None:
    """The marked id of the chat a request is about, if it is about one."""
    for holder in (getattr(request, "peer", None), getattr(request, "channel", None), request):
        if isinstance(channel_id := getattr(holder, "channel_id", None), int):
            return CHANNEL_MARK - channel_id
        if isinstance(chat_id := getattr(holder, "chat_id", None), int):
            return -chat_id
        if isinstance(user_id := getattr(holder, "user_id", None), int):
            return user_id
    return None


def _arguments(request: TLRequest) -> dict[str, Any]:
    """What the log shows of a request: where in a history it looks, and never a secret."""
    shown = {name: value for name in _LOGGED if (value := getattr(request, name, None))}
    if isinstance(day := shown.pop("offset_date", None), datetime) and day.timestamp():
        shown["offset_date"] = day.isoformat()
    if isinstance(ids := getattr(request, "id", None), list):
        shown["ids"] = len(ids)
    return shown
