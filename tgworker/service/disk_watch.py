"""Looks now and then whether the archive can be written, and how much room is left."""

from __future__ import annotations

import trio

from tgworker.core.facts import DiskSeen
from tgworker.errors import StorageError
from tgworker.ports import Archive, Observer

LOOK_SECONDS = 30.0


async def watch_disk(archive: Archive, observer: Observer) -> None:
    """Note it until cancelled. What a refusal does to the work is the work's own business."""
    while True:
        try:
            observer.note(DiskSeen(await archive.probe()))
        except StorageError as error:
            observer.note(DiskSeen(None, str(error)))
        await trio.sleep(LOOK_SECONDS)
