"""Looks now and then how long the queue is."""

from __future__ import annotations

import trio

from tgworker.core.facts import QueueSeen
from tgworker.errors import TgworkerError
from tgworker.ports import CommandQueue, Observer

LOOK_SECONDS = 2.0


async def watch_queue(queue: CommandQueue, observer: Observer) -> None:
    """Note the length until cancelled. A Redis that is away is others' business."""
    while True:
        try:
            observer.note(QueueSeen(await queue.depth()))
        except TgworkerError:
            pass
        await trio.sleep(LOOK_SECONDS)
