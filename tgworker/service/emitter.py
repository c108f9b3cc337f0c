"""Events on their way out: in order, bounded, and none lost while Redis is away."""

from __future__ import annotations

import trio
from attrs import define, field

from tgworker.core.events import Event
from tgworker.core.facts import OutboxSeen
from tgworker.errors import OutageError
from tgworker.ports import UNOBSERVED, EventSink, Observer
from tgworker.service.outage import Outage

OUTBOX_SIZE = 1000
"""Events kept while Redis is away; then the work waits."""


@define
class _Letter:
    event: Event
    settled: trio.Event = field(factory=trio.Event)
    published: bool = False


class Emitter:
    """Publishes events one after the other."""

    def __init__(self, sink: EventSink, outage: Outage, observer: Observer = UNOBSERVED) -> None:
        self._sink = sink
        self._observer = observer
        self._outage = outage
        self._send, self._receive = trio.open_memory_channel[_Letter](OUTBOX_SIZE)
        self._current: _Letter | None = None
        self.closed = trio.Event()
        """Set when `run` has ended: nothing is under way any more."""

    async def emit(self, event: Event) -> None:
        """Put an event on its way.

        Raises: OutageError.
        """
        await self._post(_Letter(event))

    async def deliver(self, event: Event) -> None:
        """Return when the event, and all before it, are published.

        Raises: OutageError.
        """
        letter = _Letter(event)
        await self._post(letter)
        await letter.settled.wait()
        if not letter.published:
            raise OutageError("The event could not be published before Redis was given up.")

    async def run(self) -> None:
        """Publish until `close`; when Redis is given up, tell those who wait for a delivery.

        Raises: OutageError.
        """
        with self._receive:
            try:
                async for letter in self._receive:
                    self._current = letter
                    await self._outage.outlast(self._publish)
                    self._note_length()
            finally:
                self._settle_rest()

    async def _publish(self) -> None:
        letter = self._current
        assert letter is not None
        await self._sink.publish(letter.event)
        letter.published = True
        letter.settled.set()

    def close(self) -> None:
        """No more events: `run` returns once the outbox is empty."""
        self._send.close()

    async def _post(self, letter: _Letter) -> None:
        try:
            await self._send.send(letter)
        except trio.BrokenResourceError:
            raise OutageError("No events can be published: Redis was given up.") from None
        self._note_length()

    def _note_length(self) -> None:
        self._observer.note(OutboxSeen(self._send.statistics().current_buffer_used))

    def _settle_rest(self) -> None:
        """Nobody may wait for ever for what will not be published."""
        self.closed.set()
        if self._current is not None:
            self._current.settled.set()
        try:
            while True:
                self._receive.receive_nowait().settled.set()
        except (trio.WouldBlock, trio.EndOfChannel):
            return
