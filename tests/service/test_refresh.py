"""Sealed days are looked at again: edits and deletions are taken in, and nothing is lost by it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve

from tests.service.conftest import PER_DAY, Desk, day
from tgworker.core.events import EventKind
from tgworker.core.message import Message
from tgworker.core.model import Strategy
from tgworker.core.planning import day_of


def spoil(history: list[Message]) -> tuple[Message, Message]:
    """Change one message of the sixth day and delete another; returns both as they were."""
    changed, gone = [m for m in history if day_of(m.date) == day(6)][10:12]
    history[history.index(changed)] = evolve(changed, text="changed", views=7)
    history.remove(gone)
    return changed, gone


async def test_a_refresh_takes_edits_and_flags_what_is_gone(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    before = desk.hashes()
    changed, gone = spoil(history)

    reporter = await desk.fetch(refresh=True)

    found = {message["id"]: message for message in desk.artifact(day(6))["messages"]}
    assert PER_DAY[5] == len(found)
    assert ("changed", True, 7) == tuple(
        found[changed.id][key] for key in ("text", "edited", "views")
    )
    assert (gone.text, True) == (found[gone.id]["text"], found[gone.id]["deleted"])
    assert (0, 1, 1) == (
        reporter.tally.processed,
        reporter.tally.updated,
        reporter.tally.deleted,
    )
    after = desk.hashes()
    assert [f"discussions_{day(6)}.json"] == [name for name in after if after[name] != before[name]]


async def test_a_refresh_that_finds_nothing_changes_no_byte(desk: Desk) -> None:
    await desk.fetch()
    before = desk.hashes()

    reporter = await desk.fetch(refresh=True)

    assert before == desk.hashes()
    assert (0, 0) == (reporter.tally.updated, reporter.tally.deleted)


@pytest.mark.parametrize("strategy", [Strategy.BATCH, Strategy.PER_DAY])
async def test_a_refresh_of_the_last_days_leaves_the_older_ones_alone(
    desk: Desk, history: list[Message], strategy: Strategy
) -> None:
    await desk.fetch(first=day(2))
    old = next(m for m in history if day_of(m.date) == day(4))
    history[history.index(old)] = evolve(old, text="changed")
    spoil(history)
    before = desk.hashes()
    desk.telegram.requests.clear()

    reporter = await desk.fetch(refresh_from=day(6), strategy=strategy)

    assert (1, 1) == (reporter.tally.updated, reporter.tally.deleted)
    assert (1, 1) == (desk.events[-1].updated, desk.events[-1].deleted)
    after = desk.hashes()
    first, sixth = (f"discussions_{day(n)}.json" for n in (1, 6))
    assert {first, sixth} == {name for name in after if after[name] != before.get(name)}
    desk.telegram.requests.clear()
    await desk.fetch(first=day(1), last=day(5), refresh_from=day(6), strategy=strategy)
    assert [] == desk.telegram.requests


async def test_events_of_a_refresh_count_and_those_of_others_say_nothing(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    assert {(None, None)} == {(event.updated, event.deleted) for event in desk.events}
    desk.events.clear()
    spoil(history)

    await desk.fetch(refresh=True)

    sealed = [event for event in desk.events if event.day is not None]
    assert EventKind.PROGRESS is sealed[-1].event
    assert (1, 1) == (sealed[-1].updated, sealed[-1].deleted)


async def test_a_refresh_cut_short_by_its_limit_concludes_nothing(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    await desk.fetch(first=day(6), last=day(6), refresh=True, limit=1)
    history[:] = [m for m in history if day_of(m.date) != day(6)]
    desk.now += timedelta(days=1)
    new = Message(99_999, history[-1].date, 1, "@chat", "new")
    history.append(new)

    await desk.fetch(first=day(10), last=day(10), refresh=True, limit=1)

    assert not any(message["deleted"] for message in desk.artifact(day(10))["messages"])


async def test_a_day_that_goes_on_is_flagged_only_as_far_as_it_was_read_anew(
    desk: Desk, history: list[Message]
) -> None:
    """Topping an open day up starts behind what is held: what lies before was not looked at."""
    later = [m for m in history if day_of(m.date) > day(6)]
    open_day = [m for m in history if day_of(m.date) == day(6)]
    history[:] = [m for m in history if day_of(m.date) < day(6)] + open_day[:50]
    desk.now = open_day[50].date
    await desk.fetch(first=day(6), last=day(6))
    history.remove(open_day[3])
    history.extend([*open_day[50:], *later])
    desk.now += timedelta(days=9)

    await desk.fetch(first=day(6), last=day(6))
    assert not any(message["deleted"] for message in desk.artifact(day(6))["messages"])
    await desk.fetch(first=day(6), last=day(6), refresh=True)

    gone = [m["id"] for m in desk.artifact(day(6))["messages"] if m["deleted"]]
    assert [open_day[3].id] == gone


async def test_a_second_delivery_leaves_alone_what_the_first_refreshed(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    desk.now += timedelta(hours=1)
    began = desk.now - timedelta(minutes=1)
    await desk.fetch(first=day(1), last=day(5), refresh=True, began=began)
    desk.telegram.requests.clear()

    await desk.fetch(first=day(1), last=day(5), refresh=True, began=began)

    assert 1 == len(desk.telegram.requests)  # to find the chat


class Cut(Exception):
    """Here the process dies."""


@pytest.mark.parametrize("pages", range(1, 8))
async def test_a_refresh_that_is_cut_off_anywhere_ends_as_one_that_is_not(
    desk: Desk, history: list[Message], pages: int
) -> None:
    await desk.fetch()
    spoil(history)
    left = iter(range(pages))

    def check() -> None:
        if next(left, None) is None:
            raise Cut

    with pytest.raises(Cut):
        await desk.fetch(refresh=True, check=check)
    flagged = [m for n in range(1, 11) for m in desk.artifact(day(n))["messages"] if m["deleted"]]
    assert len(flagged) <= 1
    await desk.fetch(refresh=True)
    interrupted = desk.hashes()
    await desk.fetch(refresh=True)

    assert interrupted == desk.hashes()
    found = desk.artifact(day(6))["messages"]
    assert 1 == sum(message["deleted"] for message in found)
    assert 1 == sum(message["edited"] for message in found)
