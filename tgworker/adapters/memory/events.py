"""An `EventSink` in memory."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from trio import Condition

from tgworker.core.events import Event
from tgworker.errors import QueueUnavailableError


@define
class MemoryEventSink:
    """Keeps what is published in ``events``. For tests: while ``away`` is true nothing is taken."""

    events: list[Event] = field(factory=list)
    away: bool = False
    _grown: Condition = field(factory=Condition)

    async def publish(self, event: Event) -> None:
        """Append to ``events``; see `tgworker.ports.EventSink`."""
        async with self._grown:
            if self.away:
                raise QueueUnavailableError("The sink in memory was told to be away.")
            self.events.append(event)
            self._grown.notify_all()

    async def wait_for(self, wanted: Callable[[Event], bool]) -> Event:
        """The first event that is `wanted`, once there is one."""
        async with self._grown:
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                await self._grown.wait()
