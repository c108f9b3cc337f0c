"""Trace contexts: read as the W3C wants it, and passed on by commands and events."""

from __future__ import annotations

from datetime import date

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgworker.core.commands import parse_command, trace_of
from tgworker.core.tracing import TraceContext, read_trace

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE_ID}-00f067aa0ba902b7-01"


def traces() -> st.SearchStrategy[TraceContext]:
    def digits(length: int) -> st.SearchStrategy[str]:
        return st.integers(1, 16**length - 1).map(lambda n: f"{n:0{length}x}")

    return st.builds(
        TraceContext,
        st.builds("00-{}-{}-{}".format, digits(32), digits(16), st.sampled_from(["00", "01"])),
        st.none() | st.from_regex(r"[\x20-\x7e]{1,40}", fullmatch=True),
    )


@given(traces())
def test_what_one_program_writes_another_reads(trace: TraceContext) -> None:
    assert trace == read_trace(trace.traceparent, trace.tracestate)
    assert trace.trace_id == trace.traceparent[3:35]


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        7,
        "",
        "gibberish",
        PARENT.upper(),
        PARENT.replace("00-4", "ff-4"),
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}\n",
        f"01{PARENT[2:]}more",
        f"01{PARENT[2:]}-{'x' * 300}",
    ],
)
def test_a_malformed_traceparent_is_as_good_as_none(traceparent: object) -> None:
    assert read_trace(traceparent, "a=b") is None


@pytest.mark.parametrize("more", ["", "-", "-what comes".replace(" ", "_")])
def test_versions_to_come_are_read_as_far_as_this_one_goes(more: str) -> None:
    trace = read_trace(f"01{PARENT[2:]}{more}")

    assert trace is not None
    assert TRACE_ID == trace.trace_id


@pytest.mark.parametrize("tracestate", [None, 7, "", "a=b\n", "ключ=1", "a=" + "b" * 511])
def test_a_tracestate_that_cannot_be_passed_on_is_dropped_alone(tracestate: object) -> None:
    assert TraceContext(PARENT) == read_trace(PARENT, tracestate)


@given(st.text() | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}.?"), st.text())
def test_whatever_is_read_fits_what_others_read(traceparent: str, tracestate: str) -> None:
    trace = read_trace(traceparent, tracestate)

    if trace is not None:
        assert trace == read_trace(trace.traceparent, trace.tracestate)


def command(**fields: object) -> bytes:
    return orjson.dumps({"command": "fetch", "chat": "@ru_python", **fields})


def test_a_command_says_what_it_is_part_of() -> None:
    read = parse_command(command(traceparent=PARENT, tracestate="rojo=1"), today=date(2025, 11, 10))

    assert TraceContext(PARENT, "rojo=1") == read.trace
    assert () == read.unknown_fields


def test_a_command_whose_traceparent_is_malformed_is_accepted_and_that_is_named() -> None:
    read = parse_command(command(traceparent="?", tracestate="a=b"), today=date(2025, 11, 10))

    assert read.trace is None
    assert ("traceparent",) == read.unknown_fields


@pytest.mark.parametrize(
    ("payload", "trace"),
    [
        (b'{"command": "?", "traceparent": "%s"}' % PARENT.encode(), TraceContext(PARENT)),
        (b'{"traceparent": 7}', None),
        (b"[]", None),
        (b"\xff", None),
    ],
)
def test_a_payload_that_is_no_command_may_still_be_part_of_a_trace(
    payload: bytes, trace: TraceContext | None
) -> None:
    assert trace == trace_of(payload)
