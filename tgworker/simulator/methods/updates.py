"""``updates.*``: a client may ask, but nothing has happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import updates as functions

from tgworker.simulator.rpc import Caller, Handler


def handlers(clock: Callable[[], float]) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetStateRequest: partial(_get_state, clock),
        functions.GetDifferenceRequest: partial(_get_difference, clock),
        functions.GetChannelDifferenceRequest: _get_channel_difference,
    }


def state(clock: Callable[[], float]) -> Any:
    """Where every account's updates stand: at the beginning."""
    return types.updates.State(
        pts=1, qts=0, date=datetime.fromtimestamp(clock(), UTC), seq=1, unread_count=0
    )


def _get_state(clock: Callable[[], float], caller: Caller, request: Any) -> Any:
    return state(clock)


def _get_difference(clock: Callable[[], float], caller: Caller, request: Any) -> Any:
    return types.updates.DifferenceEmpty(datetime.fromtimestamp(clock(), UTC), seq=1)


def _get_channel_difference(caller: Caller, request: Any) -> Any:
    return types.updates.ChannelDifferenceEmpty(request.pts, final=True)
