"""Days are compared with Telegram's own count: what is short is read again, and never sealed silently."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from tests.service.conftest import CHAT, Desk, day
from tgworker.core.completeness import Completeness
from tgworker.core.events import EventKind
from tgworker.core.message import Message
from tgworker.core.model import HistoryQuery, IncompleteDay, Page, Strategy
from tgworker.core.planning import day_of
from tgworker.errors import IncompleteError
from tgworker.service.completeness import Auditor


def probes(desk: Desk) -> list[HistoryQuery]:
    asked = [each for each in desk.telegram.requests if isinstance(each, HistoryQuery)]
    return [query for query in asked if query.limit == 1 and query.offset_date is not None]


def row(desk: Desk, n: int) -> dict[str, object]:
    index = json.loads((desk.folder / "chat" / "2025" / "index.json").read_bytes())
    return next(each for each in index["days"] if each["date"] == str(day(n)))


def hide(desk: Desk, history: list[Message], n: int, *places: int) -> set[int]:
    """Let Telegram keep some messages of a day to itself; returns their ids."""
    found = [m.id for m in history if day_of(m.date) == day(n)]
    desk.telegram.hidden = {found[place] for place in places}
    return desk.telegram.hidden


async def test_days_that_are_whole_cost_one_request_more_than_there_are_days(desk: Desk) -> None:
    await desk.fetch()
    desk.telegram.requests.clear()
    plain = await desk.fetch(force=True)
    requests, before = len(desk.telegram.requests), desk.hashes()
    desk.telegram.requests.clear()

    reporter = await desk.fetch(force=True, verify=True)

    assert 11 == len(probes(desk))
    assert requests + 11 == len(desk.telegram.requests)
    assert before == desk.hashes()
    assert plain.failure is reporter.failure is None
    assert "expected" not in row(desk, 6)


async def test_nothing_is_compared_unless_somebody_wants_it(desk: Desk) -> None:
    await desk.fetch()

    assert [] == probes(desk)


async def test_a_setting_compares_a_sample_or_all(desk: Desk) -> None:
    sample = [n for n in range(1, 11) if Completeness.SAMPLE.covers(CHAT.id, day(n))]

    desk.completeness = Completeness.SAMPLE
    await desk.fetch()
    sampled = len(probes(desk))
    desk.completeness = Completeness.ALWAYS
    await desk.fetch(force=True)

    assert len(sample) <= sampled <= 2 * len(sample)
    assert 11 == len(probes(desk)) - sampled


@pytest.mark.parametrize("strategy", [Strategy.BATCH, Strategy.PER_DAY])
async def test_a_day_that_was_short_once_is_made_good(
    desk: Desk, history: list[Message], strategy: Strategy
) -> None:
    await desk.fetch()
    reference = desk.hashes()
    for path in desk.folder.glob("chat/2025/*"):
        path.unlink()
    hide(desk, history, 6, 0, 120, 249)

    def check() -> None:
        if probes(desk) and probes(desk)[-1].offset_date.date() == day(7):  # type: ignore[union-attr]
            desk.telegram.hidden = set()

    with capture_logs() as logs:
        reporter = await desk.fetch(verify=True, check=check, strategy=strategy)

    assert reference == desk.hashes()
    assert reporter.failure is None
    (short,) = [line for line in logs if line["event"] == "day.short"]
    assert (250, 247) == (short["expected"], short["got"])


@pytest.mark.parametrize("strategy", [Strategy.BATCH, Strategy.PER_DAY])
async def test_a_day_that_stays_short_stays_open_and_the_others_are_sealed(
    desk: Desk, history: list[Message], strategy: Strategy
) -> None:
    hidden = hide(desk, history, 6, 17, 230)

    reporter = await desk.fetch(verify=True, strategy=strategy)

    lacking = IncompleteDay(day(6), 250, 248)
    assert [lacking] == reporter.tally.incomplete
    assert isinstance(reporter.failure, IncompleteError)
    assert "250 messages on 2025-11-06, but gave 248." in str(reporter.failure)
    assert 1 == reporter.tally.failed_days
    assert [n != 6 for n in range(1, 11)] == [
        desk.artifact(day(n))["complete"] for n in range(1, 11)
    ]
    assert 248 == len(desk.ids(day(6))) and hidden.isdisjoint(desk.ids(day(6)))
    assert 250 == row(desk, 6)["expected"]
    await reporter.failed(reporter.failure.error_type, str(reporter.failure))
    told = desk.events[-1]
    assert (EventKind.FAILED, "incomplete", (lacking,), 1) == (
        told.event,
        told.error_type,
        told.incomplete,
        told.errors,
    )


async def test_an_incomplete_day_is_read_from_its_start_by_any_later_command(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    reference = desk.hashes()
    for path in desk.folder.glob("chat/2025/*"):
        path.unlink()
    hide(desk, history, 6, 17)
    await desk.fetch(verify=True)
    desk.telegram.hidden = set()

    reporter = await desk.fetch()

    assert reference == desk.hashes()
    assert (1, 249) == (reporter.tally.processed, reporter.tally.deduplicated)
    assert "expected" not in row(desk, 6)


async def test_an_incomplete_day_is_not_sealed_by_a_command_that_does_not_ask_for_more(
    desk: Desk, history: list[Message]
) -> None:
    hide(desk, history, 6, 17)
    await desk.fetch(verify=True)

    reporter = await desk.fetch()

    assert isinstance(reporter.failure, IncompleteError)
    assert (False, 250) == (row(desk, 6)["complete"], row(desk, 6)["expected"])


async def test_several_incomplete_days_are_told_of_together(
    desk: Desk, history: list[Message]
) -> None:
    desk.telegram.hidden = {m.id for m in history if day_of(m.date) in (day(3), day(9))}

    reporter = await desk.fetch(verify=True)

    assert [(99, 0), (3, 0)] == [(d.expected, d.got) for d in reporter.tally.incomplete]
    assert "(and fewer of 1 more day)" in str(reporter.failure)


async def test_a_refresh_flags_nothing_where_telegram_gives_too_little(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    hide(desk, history, 6, 17)
    gone = next(m for m in history if day_of(m.date) == day(4))
    history.remove(gone)

    reporter = await desk.fetch(refresh=True, verify=True)

    assert [IncompleteDay(day(6), 250, 249)] == reporter.tally.incomplete
    assert not any(message["deleted"] for message in desk.artifact(day(6))["messages"])
    assert not desk.artifact(day(6))["complete"]
    assert [gone.id] == [m["id"] for m in desk.artifact(day(4))["messages"] if m["deleted"]]

    desk.telegram.hidden = set()
    assert (await desk.fetch(refresh=True, verify=True)).failure is None
    assert desk.artifact(day(6))["complete"]


async def test_more_than_telegram_counts_is_fine(desk: Desk, history: list[Message]) -> None:
    """Messages are deleted between the reading and the counting."""

    def check() -> None:
        if probes(desk):
            history[:] = [m for m in history if m.id != 300]

    reporter = await desk.fetch(first=day(6), last=day(6), verify=True, check=check)

    assert reporter.failure is None
    assert 250 == len(desk.ids(day(6)))


async def test_a_chat_without_places_is_sealed_and_that_is_said_once(desk: Desk) -> None:
    desk.telegram.tells_positions = False

    with capture_logs() as logs:
        reporter = await desk.fetch(verify=True)

    assert ["verify.unavailable"] == [
        line["event"] for line in logs if line["log_level"] == "warning"
    ]
    assert reporter.failure is None
    assert all(desk.artifact(day(n))["complete"] for n in range(1, 11))
    assert 5 == len(probes(desk))  # the chat's beginning is asked for twice


async def test_a_day_that_is_not_over_is_not_compared(desk: Desk, history: list[Message]) -> None:
    desk.now = history[-1].date
    hide(desk, history, 10, 0)

    reporter = await desk.fetch(first=day(10), last=day(10), verify=True)

    assert [] == probes(desk)
    assert reporter.failure is None


async def test_the_limit_holds_for_what_is_read_again_and_is_no_lack(
    desk: Desk, history: list[Message]
) -> None:
    hide(desk, history, 6, 17, 18, 19)

    def check() -> None:
        if probes(desk):
            desk.telegram.hidden = set()

    reporter = await desk.fetch(
        first=day(6), last=day(7), verify=True, limit=249, check=check, strategy=Strategy.PER_DAY
    )

    assert 249 == reporter.tally.processed == len(desk.ids(day(6)))
    assert reporter.failure is None
    assert not desk.artifact(day(6))["complete"]
    await desk.fetch(first=day(6), last=day(7))
    assert [m.id for m in history if day_of(m.date) == day(6)] == desk.ids(day(6))


async def test_other_failures_of_days_are_not_called_incomplete(
    desk: Desk, history: list[Message]
) -> None:
    hide(desk, history, 6, 17)

    reporter = await desk.fetch(verify=True)
    reporter.tally.failed_days += 1

    assert "days_failed" == getattr(reporter.failure, "error_type", None)
    reporter.forget_failures()
    assert (None, []) == (reporter.failure, reporter.tally.incomplete)


async def test_a_message_that_comes_late_does_not_make_the_day_look_empty(
    desk: Desk, history: list[Message]
) -> None:
    """A page of a later day brings a message of a day that is sealed already."""
    await desk.fetch()
    late = evolve(history[-1], id=history[-1].id + 1, date=history[420].date)
    history.append(late)

    await desk.fetch(refresh=True)

    on = day_of(late.date)
    assert late.id in desk.ids(on)
    assert not any(message["deleted"] for message in desk.artifact(on)["messages"])


async def test_neighbours_share_a_probe_and_islands_do_not() -> None:
    asked: list[HistoryQuery] = []

    async def ask(query: HistoryQuery) -> Page:  # noqa: ASYNC124  # the Auditor awaits it
        asked.append(query)
        return Page((), (), (), 0, 0)

    auditor = Auditor(ask, lambda _: True)
    for n in (1, 2, 5):
        assert await auditor.look(day(n), 0) is None
    assert 5 == len(asked)
    assert await auditor.look(day(5), 0, anew=True) is None
    assert 7 == len(asked)
