"""Which chat a request is about, and what becomes of its answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from telethon.tl import functions, types

from tgworker.simulator.desk import Desk, Ending, Verdict
from tgworker.simulator.faults import parse_faults
from tgworker.simulator.plan import FaultPlan
from tgworker.simulator.rpc import Caller, Methods, RpcFault
from tgworker.simulator.stats import Stats

CHANNEL, GROUP, USER = -1_000_000_000_005, -6, 7


def make_desk(*faults: Any) -> tuple[Desk, Stats]:
    stats = Stats(lambda: 0.0)
    desk = Desk(
        Methods({}),
        FaultPlan(parse_faults(list(faults))),
        stats,
        clock=lambda: 0.0,
        latency_s=0.5,
        name_of={CHANNEL: "Ru_Python"}.get,
    )
    return desk, stats


@pytest.mark.parametrize(
    ("expected", "request_"),
    [
        ("@ru_python", functions.channels.GetFullChannelRequest(types.InputChannel(5, 1))),
        ("@ru_python", functions.contacts.ResolveUsernameRequest("Ru_Python")),
        ("-6", functions.messages.GetFullChatRequest(6)),
        ("-6", functions.messages.GetPeerSettingsRequest(types.InputPeerChat(6))),
        ("7", functions.messages.GetPeerSettingsRequest(types.InputPeerUser(7, 1))),
        (None, functions.messages.GetPeerSettingsRequest(types.InputPeerSelf())),
        (None, functions.help.GetConfigRequest()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_log_calls_a_chat_by_its_best_name(expected: str | None, request_: Any) -> None:
    desk, stats = make_desk()
    desk.decide(Caller(1), request_)

    assert [expected] == [entry.chat for entry in stats.log]


@pytest.mark.parametrize("chat", ["@Ru_Python", "ru_python", str(CHANNEL)])
def test_a_fault_may_use_any_name_of_a_chat(chat: str) -> None:
    desk, _ = make_desk({"chat": chat, "error": "CHANNEL_PRIVATE"})
    verdict = desk.decide(
        Caller(1), functions.channels.GetFullChannelRequest(types.InputChannel(5, 1))
    )

    assert isinstance(verdict.result, RpcFault)
    assert "CHANNEL_PRIVATE" == verdict.result.message


def test_the_log_shows_where_a_request_looks_and_no_secret() -> None:
    desk, stats = make_desk()
    day = datetime(2025, 11, 7, tzinfo=UTC)
    desk.decide(
        Caller(1),
        functions.messages.GetHistoryRequest(types.InputPeerSelf(), 0, day, -100, 100, 0, 5, 0),
    )
    desk.decide(Caller(1), functions.auth.SignInRequest("+7999", "hash", "12345"))

    assert [
        {"offset_date": "2025-11-07T00:00:00+00:00", "add_offset": -100, "limit": 100, "min_id": 5},
        {},
    ] == [entry.args for entry in stats.log]


def test_delays_add_up_with_the_latency() -> None:
    desk, _ = make_desk({"delay_ms": 250}, {"delay_ms": 1000})

    assert 1.75 == desk.decide(Caller(1), functions.help.GetConfigRequest()).delay_s


def test_the_first_ending_wins_and_errors_come_with_none() -> None:
    desk, stats = make_desk({"error": "X"}, {"drop": "before"}, {"half_open": True})

    assert Verdict(Ending.DROP, 0.5) == desk.decide(Caller(1), functions.help.GetConfigRequest())
    assert {"error": 1, "drop": 1, "half_open": 1} == dict(stats.faults)
    assert ["drop"] == [entry.outcome for entry in stats.log]
