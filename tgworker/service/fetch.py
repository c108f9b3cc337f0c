"""The work: a command's days, from Telegram to the archive."""

from __future__ import annotations

from collections.abc import Callable, Set
from datetime import date, datetime, timedelta

import structlog
from attrs import evolve, frozen

from tgworker.core.completeness import Completeness
from tgworker.core.lineage import Part
from tgworker.core.model import Chat, DayRow, FetchCommand, HistoryQuery, Page, Strategy
from tgworker.core.paging import AfterId, FromDate, HistoryStalledError, Walk
from tgworker.core.planning import Span, choose_strategy, day_of, days_of, spans
from tgworker.errors import TransientError
from tgworker.ports import UNOBSERVED, Archive, ChatShelf, Gateway, Observer
from tgworker.service.completeness import Auditor
from tgworker.service.cutter import DayCutter
from tgworker.service.relatives import Family, origin_of
from tgworker.service.report import Clock, Reporter
from tgworker.service.tenure import Tenure, Unshared

log = structlog.get_logger()

UNSHARED = Unshared()


@frozen
class Fetcher:
    """Carries out commands; holds nothing of a single one.

    `check` is called between pages and raises to end the work there: the worker stops, the lease is lost, somebody
    cancelled the command.
    """

    gateway: Gateway
    archive: Archive
    clock: Clock
    default_strategy: Strategy = Strategy.AUTO
    observer: Observer = UNOBSERVED
    completeness: Completeness = Completeness.OFF
    """Which days are compared with Telegram's own count, of commands that do not ask for it."""

    async def run(
        self,
        command: FetchCommand,
        reporter: Reporter,
        check: Callable[[], None],
        tenure: Tenure = UNSHARED,
        began: datetime | None = None,
    ) -> None:
        """Fetch what the command asks for and is not sealed yet; only then the chat is locked.

        `began` is when the command's first delivery began: its last days are counted from then, and what was sealed
        since is not fetched again.

        Raises: everything that Gateway, Archive and Tenure raise, and what `check` raises. Days that could not be
        fetched while others could are only counted, in ``reporter.tally.failed_days``.
        """
        now = self.clock()
        first, last = days_of(command, day_of(began or now)) or (None, day_of(now))

        async def fetch(part: Part) -> Span | None:
            own = evolve(command, chat=part.chat)
            return await self._fetch_part(part, own, reporter, check, tenure, began)

        family = Family(self.gateway, self.archive, fetch, lambda: reporter.limit_left == 0)
        await family.run(Part(command.chat, first, last), comments=command.comments)

    async def _fetch_part(
        self,
        part: Part,
        command: FetchCommand,
        reporter: Reporter,
        check: Callable[[], None],
        tenure: Tenure,
        began: datetime | None,
    ) -> Span | None:
        """One chat's share of a command; returns the days it is about, None if the chat is empty."""
        asked = part.span
        if asked is not None and not await self._missing(command, asked):
            return asked
        chat = await self.gateway.resolve(command.chat)
        async with (
            tenure.writing(chat) as fence,
            self.archive.open_chat(chat, fence, command.command_id) as shelf,
        ):
            if part.migration is not None:
                await shelf.note_migration(part.migration)
            job = _Job(self, command, chat, shelf, reporter, check, tenure, began)
            days = asked or await job.everything(part.last)
            await job.run(days)
            return days

    async def _missing(self, command: FetchCommand, asked: Span) -> tuple[Span, ...]:
        """What is left to fetch, as far as can be said without asking Telegram."""
        known = self.gateway.recall(command.chat) if command.chat.id is None else None
        whose = None if known is None else known.id
        sealed = await self.archive.sealed(command.chat, asked.first, asked.last, whose)
        return spans(asked.first, asked.last, {day for day in sealed if not command.rereads(day)})


@frozen
class _Job:
    """One command at work on one chat's shelf."""

    fetcher: Fetcher
    command: FetchCommand
    chat: Chat
    shelf: ChatShelf
    reporter: Reporter
    check: Callable[[], None]
    tenure: Tenure
    began: datetime | None = None

    async def everything(self, last: date) -> Span | None:
        """From the chat's first message to that day; None: it has none."""
        walk = Walk(AfterId(0))
        while not walk.done:
            page = await self._ask(walk)
            if page is not None and page.messages:
                first = day_of(page.messages[0].date)
                return Span(first, last) if first <= last else None
        return None

    async def run(self, asked: Span | None) -> None:
        if asked is None:
            return
        rows = await self.shelf.rows(asked.first, asked.last)
        lacking = {day for day, row in rows.items() if row.expected is not None}
        # One that was short once is looked at again, whoever asks for it: nothing else says whether it still is.
        auditor = Auditor(self._request, lambda day: day in lacking or self._is_to_be_compared(day))
        sealed = {day for day, row in rows.items() if row.complete and self._is_done(row)}
        strategy = choose_strategy(self.command.strategy, self.fetcher.default_strategy)
        log.debug(
            "command.planned",
            strategy=strategy,
            first=str(asked.first),
            last=str(asked.last),
            total=(asked.last - asked.first).days + 1,
            sealed=len(sealed),
        )
        for span in spans(asked.first, asked.last, sealed):
            if strategy is Strategy.BATCH:
                await self._fetch(span, lacking, auditor)
            else:
                await self._fetch_day_by_day(span, lacking, auditor)
            if self.reporter.limit_left == 0:
                break

    def _is_done(self, row: DayRow) -> bool:
        """Whether a sealed day is to be left alone: always, or since an earlier delivery fetched it again."""
        if not self.command.rereads(row.date):
            return True
        return self.began is not None and row.fetched_at > self.began

    def _is_to_be_compared(self, day: date) -> bool:
        return self.command.verify or self.fetcher.completeness.covers(self.chat.id, day)

    async def _fetch_day_by_day(self, span: Span, lacking: Set[date], auditor: Auditor) -> None:
        """Each day on its own: one that Telegram will not give does not stop the others."""
        for day in span.split():
            try:
                await self._fetch(day, lacking, auditor)
            except TransientError as error:
                self.reporter.tally.failed_days += 1
                log.error(
                    "day.failed",
                    date=str(day.first),
                    error_type=error.error_type,
                    error=str(error),
                )
            if self.reporter.limit_left == 0:
                break

    async def _fetch(self, span: Span, lacking: Set[date], auditor: Auditor) -> None:
        """Walk through a span once, cutting it into days as it comes."""
        cutter = DayCutter(
            self.shelf,
            span,
            command=self.command,
            lacking=lacking,
            auditor=auditor,
            read_again=self._read_again,
            reporter=self.reporter,
            tenure=self.tenure,
            clock=self.fetcher.clock,
            observer=self.fetcher.observer,
        )
        walk = Walk(await self._start(cutter, span), span.end)
        ended = False
        while not ended:
            with self.fetcher.observer.span("day", date=str(cutter.next_day)):
                ended = await self._read_day(walk, cutter)

    async def _read_day(self, walk: Walk, cutter: DayCutter) -> bool:
        """Read on until the day in hand, and whatever else the last page shows to be over, is sealed.

        Returns whether the walk has come to its end.
        """
        day = cutter.next_day
        while not walk.done and cutter.next_day == day:
            with self.fetcher.observer.span("page"):
                await self._turn_page(walk, cutter)
            if self.reporter.limit_left == 0:
                await cutter.leave_open()
                return True
        if walk.done:
            await cutter.finish(passed=walk.passed_end)
        return walk.done

    async def _turn_page(self, walk: Walk, cutter: DayCutter) -> None:
        cutter.request_begins()
        page = await self._ask(walk)
        if page is not None:
            await self._file(cutter, page)
            await self.reporter.progress()

    async def _read_again(self, cutter: DayCutter, day: date) -> None:
        """File all that Telegram gives of a day; what is held already is dropped."""
        span = Span(day, day)
        walk = Walk(FromDate(span.start), span.end)
        while not walk.done and self.reporter.limit_left != 0:
            page = await self._ask(walk)
            if page is not None:
                await self._file(cutter, page)

    async def _file(self, cutter: DayCutter, page: Page) -> None:
        """File a page, but not more new messages than the limit leaves."""
        if self.command.limit is None:
            await cutter.file(page)
            return
        rest = page.messages
        while rest and (left := self.reporter.limit_left):
            await cutter.open_days(rest[:left])  # they may hold what was not counted yet
            left = self.reporter.limit_left or 0
            await cutter.file(evolve(page, messages=rest[:left]))
            rest = rest[left:]

    async def _start(self, cutter: DayCutter, span: Span) -> AfterId | FromDate:
        """Where a walk begins: after what is held of its first day, else after the day before, else by date."""
        writer = await cutter.writer(span.first)
        if writer.last_id is not None:
            return AfterId(writer.last_id)
        day_before = span.first - timedelta(days=1)
        before = (await self.shelf.rows(day_before, day_before)).get(day_before)
        if before is not None and before.complete and before.last_processed_msg_id is not None:
            return AfterId(before.last_processed_msg_id)
        return FromDate(span.start)

    async def _request(self, query: HistoryQuery) -> Page:
        """One request; the place where the work may be ended."""
        self.check()
        return await self.fetcher.gateway.history(self.chat, query)

    async def _ask(self, walk: Walk) -> Page | None:
        """One request, its answer judged by the walk."""
        page = await self._request(walk.query())
        try:
            received = walk.receive(page)
        except HistoryStalledError as error:
            raise TransientError(str(error), error_type="history_stalled") from error
        if walk.beginning is not None:
            # Before a day is sealed: what is sealed is not read again, and would never tell.
            migration = await origin_of(self.fetcher.gateway, self.chat, walk.beginning)
            if migration is not None:
                await self.shelf.note_migration(migration)
        return received
