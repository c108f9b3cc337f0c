"""Cuts a stream of messages into days: each to its writer, each sealed when it is over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence, Set
from datetime import date, timedelta

import structlog
import trio

from tgworker.core.facts import DaySealed, PageFiled
from tgworker.core.message import Message
from tgworker.core.model import DayReport, FetchCommand, IncompleteDay, Page, Person
from tgworker.core.planning import Span, day_of, is_over
from tgworker.ports import ChatShelf, DayWriter, Observer
from tgworker.service.completeness import Auditor
from tgworker.service.report import Clock, Reporter
from tgworker.service.tenure import Tenure

log = structlog.get_logger()


class DayCutter:
    """Files the pages of one span of days, oldest first.

    A day is sealed once the whole page that shows a message of a later day is filed: so a message that
    Telegram gives a little out of order still finds its day open. A day that lacks something, says `auditor`, is read
    once more; if it still does, it stays open.
    """

    def __init__(
        self,
        shelf: ChatShelf,
        span: Span,
        *,
        command: FetchCommand,
        lacking: Set[date],
        auditor: Auditor,
        read_again: Callable[[DayCutter, date], Awaitable[None]],
        reporter: Reporter,
        tenure: Tenure,
        clock: Clock,
        observer: Observer,
    ) -> None:
        """`lacking` are days that were found so before, and are read from their start; `read_again` files all that
        Telegram gives of a day once more.
        """
        self._shelf = shelf
        self._span = span
        self._command = command
        self._lacking = lacking
        self._auditor = auditor
        self._read_again = read_again
        self._found_short: dict[date, IncompleteDay] = {}
        self._reporter = reporter
        self._tenure = tenure
        self._clock = clock
        self._observer = observer
        self._next = span.first
        self._open: dict[date, DayWriter] = {}
        self._asked_at = clock()

    @property
    def next_day(self) -> date:
        """The first day that is not sealed yet."""
        return self._next

    async def writer(self, day: date) -> DayWriter:
        if day not in self._open:
            # One that comes late is added to what was just sealed.
            afresh = day >= self._next and (self._command.rereads(day) or day in self._lacking)
            self._open[day] = writer = await self._shelf.open_day(day, afresh=afresh)
            tally = self._reporter.tally
            tally.processed = max(0, tally.processed + writer.saved)
        return self._open[day]

    async def open_days(self, messages: Sequence[Message]) -> None:
        """Open the days of these messages: what an earlier delivery saved there counts from then on."""
        await self._open_all(self._in_span(messages))

    async def _open_all(self, days: Iterable[date]) -> None:
        for day in sorted(days):
            await self.writer(day)

    def _in_span(self, messages: Sequence[Message]) -> dict[date, Sequence[Message]]:
        first, last = self._span.first, self._span.last
        return {day: each for day, each in _by_day(messages).items() if first <= day <= last}

    def request_begins(self) -> None:
        """Whatever the answer proves, it proves for this moment."""
        self._asked_at = self._clock()

    async def file(self, page: Page) -> None:
        """Write one page's messages to their days and seal the days it shows to be over."""
        by_day = self._in_span(page.messages)
        await self._open_all(by_day)
        people = {person.id: person for person in page.people}
        tally = self._reporter.tally
        saved, known = tally.processed, tally.deduplicated
        began = trio.current_time()
        for day, messages in sorted(by_day.items()):
            await self._append(day, messages, _writers_of(messages, people.get))
        log.debug(
            "page.filed",
            message_count=len(page.messages),
            processed=tally.processed,
            duration_ms=_ms_since(began),
        )
        self._observer.note(
            PageFiled(
                self._shelf.chat.label,
                tally.processed - saved,
                tally.deduplicated - known,
                self._age_of_newest(page),
            )
        )
        if by_day:
            await self._seal_before(max(by_day), passed=True)

    def _age_of_newest(self, page: Page) -> float | None:
        if not page.messages:
            return None
        return (self._clock() - page.messages[-1].date).total_seconds()

    async def finish(self, *, passed: bool) -> None:
        """The range is read to its end: seal what is left. `passed`: a message was seen that is later than all."""
        await self._seal_before(self._span.last + timedelta(days=1), passed=passed)

    async def leave_open(self) -> None:
        """The command's limit is reached: publish the day in hand, which stays open."""
        for day, writer in sorted(self._open.items()):
            if day >= self._next and writer.last_id is not None:
                await self._seal(day, complete=False, whole=False)

    async def _append(
        self, day: date, messages: Sequence[Message], people: Iterable[Person]
    ) -> None:
        writer = await self.writer(day)
        saved, known = writer.saved, writer.deduplicated
        await writer.append(messages, people)
        tally = self._reporter.tally
        tally.processed += writer.saved - saved
        tally.deduplicated += writer.deduplicated - known

    async def _seal_before(self, end: date, *, passed: bool) -> None:
        late = [day for day in self._open if day < self._next]
        for day in sorted(late):
            await self._seal(day, complete=True, whole=False)
        while self._next < end:
            day = self._next
            if passed or is_over(day, self._asked_at):
                await self._audit(day)
                await self._seal(day, complete=True, whole=True)
            else:
                await self._seal(day, complete=False, whole=True)
            self._next += timedelta(days=1)

    async def _audit(self, day: date) -> None:
        """Compare a day with Telegram's own count; one that is short is read again, and then told of."""
        writer = await self.writer(day)
        short = await self._auditor.look(day, writer.gathered)
        if short is None:
            return
        log.warning("day.short", date=str(day), expected=short.expected, got=short.got)
        await self._read_again(self, day)
        still = await self._auditor.look(day, writer.gathered, anew=True)
        if still is None:
            return
        self._found_short[day] = still
        if self._reporter.limit_left != 0:  # else it is the limit that cut it short
            self._reporter.lacks(still)

    async def _seal(self, day: date, *, complete: bool, whole: bool) -> None:
        """`whole`: all that there is of the day was read, so a refresh may conclude from what is not there.

        A day that lacks something is not sealed, and nothing is concluded from it.
        """
        short = self._found_short.get(day)
        complete = complete and short is None
        whole = whole and short is None and self._command.refreshes(day)
        writer = await self.writer(day)
        await self._tenure.confirm()
        began = trio.current_time()
        with self._observer.span("seal", date=str(day), complete=complete):
            row = await writer.seal(
                complete=complete,
                fetched_at=self._clock(),
                whole=whole,
                expected=None if short is None else short.expected,
            )
            self._observer.note(
                DaySealed(
                    self._shelf.chat.label,
                    day,
                    row.messages,
                    row.bytes,
                    row.complete,
                    trio.current_time() - began,
                )
            )
        del self._open[day]
        self._reporter.tally.updated += writer.updated
        self._reporter.tally.deleted += writer.vanished
        log.info(
            "day.sealed",
            chat=self._shelf.chat.label,  # a command may be about more than one
            date=str(day),
            message_count=row.messages,
            complete=row.complete,
            file=self._shelf.path(row),
            duration_ms=_ms_since(began),
        )
        await self._reporter.sealed(
            DayReport(day, row.messages, row.complete, self._shelf.path(row))
        )


def _ms_since(began: float) -> float:
    return round((trio.current_time() - began) * 1000, 1)


def _by_day(messages: Sequence[Message]) -> dict[date, Sequence[Message]]:
    dates = [message.date for message in messages]
    if dates and (day := day_of(min(dates))) == day_of(max(dates)):
        return {day: messages}  # as nearly always
    found: dict[date, list[Message]] = {}
    for message in messages:
        found.setdefault(day_of(message.date), []).append(message)
    return {**found}


def _writers_of(
    messages: Sequence[Message], find: Callable[[int], Person | None]
) -> Iterable[Person]:
    ids = sorted({message.from_id for message in messages if message.from_id is not None})
    return [person for id in ids if (person := find(id)) is not None]
