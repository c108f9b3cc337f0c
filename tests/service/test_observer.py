"""Whoever wants to know is told what happens, piece by piece."""

from __future__ import annotations

from datetime import UTC, datetime, time

from tests.service.conftest import PER_DAY, Desk, day
from tgworker.adapters.memory.observer import MemoryObserver
from tgworker.core.facts import DaySealed, PageFiled


async def test_a_fetch_tells_of_its_pages_and_days(desk: Desk) -> None:
    observer = desk.observer = MemoryObserver()

    await desk.fetch()

    sealed = observer.of(DaySealed)
    assert [day(n) for n in range(1, 11)] == [fact.date for fact in sealed]
    assert PER_DAY == [fact.messages for fact in sealed]
    assert {("@chat", True)} == {(fact.chat, fact.complete) for fact in sealed}
    assert all(fact.bytes > 0 for fact in sealed)
    pages = observer.of(PageFiled)
    assert sum(PER_DAY) == sum(page.saved for page in pages)
    last_second = datetime.combine(day(10), time(23, 59, 59), UTC)
    assert (desk.now - last_second).total_seconds() == pages[-1].lag_seconds


async def test_pages_and_seals_are_part_of_the_days_they_belong_to(desk: Desk) -> None:
    observer = desk.observer = MemoryObserver()

    await desk.fetch(first=day(3), last=day(3))

    pages = [("day", "page")] * 2  # an empty one shows that there is no more
    assert [("day",), *pages, ("day", "seal")] == observer.spans


async def test_a_page_belongs_to_the_day_that_is_to_be_sealed_next(desk: Desk) -> None:
    observer = desk.observer = MemoryObserver()

    await desk.fetch()

    seals = [span for span in observer.spans if span[-1] == "seal"]
    assert 10 == len(seals) == len(observer.of(DaySealed))
    assert {("day", "page", "seal"), ("day", "seal")} == set(seals)
    begun = [span[-1] for span in observer.spans]
    pages_between = "".join(name[0] for name in begun).split("d")[1:]
    assert all("p" in piece for piece in pages_between)
    assert all("s" in piece for piece in pages_between), "a day ends with what is sealed"


async def test_messages_seen_again_are_told_apart_from_new_ones(desk: Desk) -> None:
    await desk.fetch()
    observer = desk.observer = MemoryObserver()

    await desk.fetch(force=True)

    pages = observer.of(PageFiled)
    assert 0 == sum(page.saved for page in pages)
    assert sum(PER_DAY) == sum(page.deduplicated for page in pages)
