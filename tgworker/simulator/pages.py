"""Faults that change a page of messages. Answers that are bytes already are read only when one strikes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable
from typing import Any

from telethon.tl.tlobject import TLObject
from telethon.tl.types import MessageEmpty

from tgworker.simulator.faults import Fault
from tgworker.simulator.rpc import Answer, Encoded
from tgworker.simulator.wire.tl import read_object


def change_page(answer: Answer, faults: Iterable[Fault]) -> Answer:
    """The answer as the faults leave it. What holds no list of messages stays as it is."""
    changes = [change for fault in faults for change in _changes(fault)]
    if not changes:
        return answer
    page = read_object(answer.data) if isinstance(answer, Encoded) else answer
    messages = getattr(page, "messages", None)
    if not isinstance(page, TLObject) or not isinstance(messages, list):
        return answer
    for change in changes:
        messages = change(messages)
    return _with_messages(page, messages)


_Change = Callable[[list[Any]], list[Any]]


def _changes(fault: Fault) -> Iterable[_Change]:
    if (kept := fault.short) is not None:
        newest = fault.short_end == "newest"
        yield lambda messages: (
            messages[:kept] if newest else messages[max(len(messages) - kept, 0) :]
        )
    if fault.empty:
        yield lambda messages: []
    if (hidden := fault.hide) is not None:
        yield lambda messages: [message for message in messages if message.id not in hidden]
    if fault.as_empty:
        yield lambda messages: [MessageEmpty(message.id, message.peer_id) for message in messages]
    if fault.shuffle:
        yield lambda messages: _shuffled(messages, random.Random(fault.seed))


def _shuffled(messages: list[Any], rng: random.Random) -> list[Any]:
    """In another order for certain, if there are two at least."""
    mixed = rng.sample(messages, len(messages))
    return mixed if mixed != messages else messages[::-1]


def _with_messages(page: TLObject, messages: list[Any]) -> TLObject:
    """A copy, because a handler may keep the page for the next who asks."""
    changed = copy.copy(page)
    changed.messages = messages
    return changed
