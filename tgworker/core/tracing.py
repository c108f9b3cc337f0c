"""Which trace a piece of work belongs to, as programs tell each other.

Source: https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from typing import Any

from attrs import frozen

from tgworker.core.message import Json

_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})"
    r"-(?!0{32})(?P<trace_id>[0-9a-f]{32})"
    r"-(?!0{16})[0-9a-f]{16}"
    r"-[0-9a-f]{2}"
    r"(?P<more>-[\x21-\x7e]*)?"
)
_LONGEST_TRACEPARENT = 256
_TRACESTATE = re.compile(r"[\t\x20-\x7e]{1,512}")
"""What stands in it is for those who wrote it; longer ones need not be passed on."""


@frozen
class TraceContext:
    """The piece of work that another one is part of, or comes after. ``traceparent`` is well-formed."""

    traceparent: str
    tracestate: str | None = None

    @property
    def trace_id(self) -> str:
        """What all pieces of one trace have in common: 32 hexadecimal digits."""
        return self.traceparent.split("-")[1]


def trace_json(trace: TraceContext | None) -> dict[str, Json]:
    """The two fields as `read_trace` takes them; null is what there is not."""
    if trace is None:
        return {"traceparent": None, "tracestate": None}
    return {"traceparent": trace.traceparent, "tracestate": trace.tracestate}


def read_trace(traceparent: Any, tracestate: Any = None) -> TraceContext | None:
    """The context that two fields, of whatever kind, tell of; None: none, or none that can be made out.

    As the standard wants it, a ``traceparent`` that is malformed is as good as none, and ``tracestate`` says nothing
    without it; versions to come are read as far as this one goes.
    """
    if not isinstance(traceparent, str) or len(traceparent) > _LONGEST_TRACEPARENT:
        return None
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found["version"] == "00" and found["more"] is not None):
        return None
    sound = isinstance(tracestate, str) and _TRACESTATE.fullmatch(tracestate) is not None
    return TraceContext(traceparent, tracestate if sound else None)
