"""A fetch leaves each day of its range whole on disk, whatever way it takes and wherever it is interrupted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from attrs import evolve

from tests.service.conftest import CHAT, PER_DAY, Desk, day, make_history
from tgworker.core.events import EventKind
from tgworker.core.message import Message
from tgworker.core.model import ChatRef, HistoryQuery, Mode, Strategy
from tgworker.core.planning import day_of, midnight
from tgworker.errors import ChatIdentityChangedError, ChatUnavailableError, TransientError
from tgworker.service.stop import StoppingError

ALL_DAYS = [day(n) for n in range(1, 11)]
LATER = Message(9000, midnight(day(11)) + timedelta(seconds=1), 1, "@chat", "good morning")


async def test_every_message_lands_on_its_day_once(desk: Desk, history: list[Message]) -> None:
    reporter = await desk.fetch()

    for on in ALL_DAYS:
        assert [m.id for m in history if day_of(m.date) == on] == desk.ids(on)
    assert sum(PER_DAY) == reporter.tally.processed
    assert all(desk.artifact(on)["complete"] for on in ALL_DAYS)


@pytest.mark.parametrize("strategy", [Strategy.PER_DAY, Strategy.SEQUENTIAL, Strategy.AUTO])
async def test_the_strategy_does_not_show_in_the_files(desk: Desk, strategy: Strategy) -> None:
    await desk.fetch(strategy=Strategy.BATCH)
    reference = desk.hashes()

    await desk.fetch(strategy=strategy, force=True)
    assert reference == desk.hashes()
    for path in desk.folder.glob("chat/2025/*"):
        path.unlink()
    await desk.fetch(strategy=strategy)

    assert reference == desk.hashes()


async def test_what_is_sealed_costs_nothing_and_changes_nothing(desk: Desk) -> None:
    await desk.fetch()
    before, asked = desk.hashes(), len(desk.telegram.requests)

    reporter = await desk.fetch()

    assert asked == len(desk.telegram.requests)
    assert before == desk.hashes()
    assert 0 == reporter.tally.processed


async def test_only_the_days_that_are_missing_are_fetched(desk: Desk) -> None:
    await desk.fetch(first=day(4), last=day(5))
    asked = len(desk.telegram.requests)

    reporter = await desk.fetch()

    assert sum(PER_DAY) - 201 == reporter.tally.processed
    assert 0 == reporter.tally.deduplicated
    sealed = [event.day.date for event in desk.events if event.day is not None]
    assert [day(4), day(5), *ALL_DAYS[:3], *ALL_DAYS[5:]] == sealed
    assert len(desk.telegram.requests) - asked <= 12


@pytest.mark.parametrize("strategy", [Strategy.BATCH, Strategy.PER_DAY])
@pytest.mark.parametrize("requests", range(1, 9))
async def test_a_fetch_that_is_stopped_anywhere_goes_on_there(
    desk: Desk, requests: int, strategy: Strategy
) -> None:
    await desk.fetch(strategy=strategy)
    reference, undisturbed = desk.hashes(), len(desk.telegram.requests)
    for path in [*desk.folder.glob("chat/2025/*"), *desk.folder.glob("chat/2025/.*")]:
        path.unlink()
    desk.telegram.requests.clear()

    def stop() -> None:
        if len(desk.telegram.requests) >= requests:
            raise StoppingError

    with pytest.raises(StoppingError):
        await desk.fetch(strategy=strategy, check=stop)
    await desk.fetch(strategy=strategy)

    assert reference == desk.hashes()
    # The second delivery resolves the chat again, and may have to find its place once more.
    assert len(desk.telegram.requests) <= undisturbed + 3


async def test_a_forced_fetch_takes_changed_texts_and_drops_nothing(
    desk: Desk, history: list[Message]
) -> None:
    await desk.fetch()
    changed = evolve(history[150], text="changed")
    on = day_of(changed.date)
    gone = next(m for m in history if day_of(m.date) == on and m.id != changed.id)
    history[150] = changed
    history.remove(gone)

    reporter = await desk.fetch(first=on, last=on, force=True)

    texts = {m["id"]: m["text"] for m in desk.artifact(on)["messages"]}
    assert "changed" == texts[changed.id]
    assert gone.text == texts[gone.id]
    assert 0 == reporter.tally.processed
    assert len(texts) - 1 == reporter.tally.deduplicated


async def test_an_open_day_is_topped_up_with_two_requests(
    desk: Desk, history: list[Message]
) -> None:
    desk.now = datetime(2025, 11, 6, 12, tzinfo=UTC)
    later = [m for m in history if m.date > desk.now]
    for message in later:
        history.remove(message)
    await desk.fetch(mode=Mode.DATE, first=day(6), last=day(6))
    assert not desk.artifact(day(6))["complete"]
    history.extend(later[:40])
    desk.now += timedelta(hours=3)
    desk.telegram.requests.clear()

    reporter = await desk.fetch(mode=Mode.DATE, first=day(6), last=day(6))

    assert 40 == reporter.tally.processed
    assert 2 == len([r for r in desk.telegram.requests if isinstance(r, HistoryQuery)])
    history.extend(later[40:])
    desk.now = datetime(2025, 11, 20, tzinfo=UTC)
    await desk.fetch(mode=Mode.DATE, first=day(6), last=day(6))
    assert [m.id for m in history if day_of(m.date) == day(6)] == desk.ids(day(6))
    assert desk.artifact(day(6))["complete"]


async def test_a_limit_takes_the_oldest_and_leaves_the_day_open(
    desk: Desk, history: list[Message]
) -> None:
    reporter = await desk.fetch(limit=150)

    assert 150 == reporter.tally.processed
    assert [m.id for m in history[100:150]] == desk.ids(day(4))
    assert [True, True, True, False] == [desk.artifact(on)["complete"] for on in ALL_DAYS[:4]]
    assert 4 == len(desk.hashes())
    for _ in range(3):
        await desk.fetch(limit=150)
    await desk.fetch()
    assert all(desk.artifact(on)["complete"] for on in ALL_DAYS)
    assert [m.id for m in history] == [id for on in ALL_DAYS for id in desk.ids(on)]


async def test_full_is_from_the_first_message_to_today(desk: Desk) -> None:
    desk.now = datetime(2025, 11, 10, 23, 59, 59, tzinfo=UTC)

    await desk.fetch(mode=Mode.FULL, first=None, last=None)

    names = sorted(desk.hashes())
    assert [f"discussions_{on}.json" for on in ALL_DAYS[1:]] == names
    assert not desk.artifact(day(10))["complete"]


async def test_full_of_an_empty_chat_is_nothing(desk: Desk, history: list[Message]) -> None:
    history.clear()

    await desk.fetch(mode=Mode.FULL, first=None, last=None)

    assert {} == desk.hashes()


async def test_a_message_given_late_still_finds_its_day(desk: Desk, history: list[Message]) -> None:
    first_of_four = next(i for i, m in enumerate(history) if day_of(m.date) == day(4))
    a, b = history[first_of_four], history[first_of_four + 1]
    late = datetime(2025, 11, 3, 23, 59, 59, tzinfo=UTC)
    history[first_of_four + 1] = evolve(b, date=late)

    await desk.fetch()

    assert b.id == desk.ids(day(3))[-1]
    assert a.id == desk.ids(day(4))[0]


async def test_a_day_that_fails_does_not_stop_the_others(desk: Desk) -> None:
    # resolve, three requests for day 1 and 2 …
    desk.telegram.stumbles = [None, None, None, None, TransientError("broken")]

    reporter = await desk.fetch(strategy=Strategy.PER_DAY)

    assert 1 == reporter.tally.failed_days
    assert 9 == len(desk.hashes())
    await desk.fetch(strategy=Strategy.PER_DAY)
    assert 10 == len(desk.hashes())


async def test_a_batch_that_fails_keeps_what_it_has(desk: Desk) -> None:
    await desk.fetch()
    reference = desk.hashes()
    for path in desk.folder.glob("chat/2025/*"):
        path.unlink()
    desk.telegram.stumbles = [None, None, None, None, TransientError("broken")]

    with pytest.raises(TransientError):
        await desk.fetch()
    assert 0 < len(desk.hashes()) < 10
    await desk.fetch()

    assert reference == desk.hashes()


async def test_a_telegram_that_contradicts_itself_is_an_error_of_its_own(desk: Desk) -> None:
    class Liar:
        def recall(self, ref: object) -> None:
            return None

        async def resolve(self, ref: object) -> object:
            return CHAT

        async def history(self, chat: object, query: HistoryQuery) -> object:
            return await desk_history(query)

    honest = desk.telegram

    async def desk_history(query: HistoryQuery) -> object:
        page = await honest.history(CHAT, query)
        return page if query.limit == 1 else evolve(page, ids=(), messages=())

    desk.telegram = Liar()  # type: ignore[assignment]  # a Gateway all the same

    with pytest.raises(TransientError) as caught:
        await desk.fetch()

    assert "history_stalled" == caught.value.error_type


async def test_a_chat_that_is_not_there_leaves_no_folder(desk: Desk) -> None:
    desk.telegram.histories = {}

    with pytest.raises(ChatUnavailableError):
        await desk.fetch()

    assert [] == list(desk.folder.glob("chat*"))


async def test_each_sealed_day_is_told(desk: Desk) -> None:
    await desk.fetch()

    told = [event for event in desk.events if event.day is not None]
    assert ALL_DAYS == [event.day.date for event in told if event.day]
    assert PER_DAY == [event.day.messages for event in told if event.day]
    assert {EventKind.PROGRESS} == {event.event for event in told}
    assert "chat/2025/discussions_2025-11-03.json" == told[2].day.file  # type: ignore[union-attr]


async def test_the_last_days_are_those_before_the_first_delivery(desk: Desk) -> None:
    """A command that waited over midnight still means the days it meant."""
    desk.now = midnight(day(4)) + timedelta(minutes=1)

    await desk.fetch(
        mode=Mode.DAYS, first=None, last=None, days=1, began=desk.now - timedelta(minutes=5)
    )

    assert [day(2)] == [event.day.date for event in desk.events if event.day is not None]


async def test_a_name_that_another_chat_has_taken_gets_none_of_the_old_ones_days(
    desk: Desk,
) -> None:
    await desk.fetch()
    before = desk.hashes()
    other = evolve(CHAT, id=CHAT.id - 1)
    desk.telegram.histories = {other: ()}
    desk.telegram.known = {ChatRef("chat"): other}

    with pytest.raises(ChatIdentityChangedError):
        await desk.fetch()

    assert before == desk.hashes()


@pytest.mark.parametrize(("later", "complete"), [([], False), ([LATER], True)])
async def test_right_after_midnight_only_a_later_message_shows_that_a_day_is_over(
    desk: Desk, later: list[Message], complete: bool
) -> None:
    """By our clock it is; but that may be ahead of the one that dates the messages."""
    desk.telegram.histories = {CHAT: [*make_history(PER_DAY), *later]}
    desk.now = midnight(day(11)) + timedelta(seconds=10)

    await desk.fetch()

    assert complete is desk.artifact(day(10))["complete"]
