"""Looks now and then whether what is called open work still is: a command may have ended where nobody could say so.

Another host brought it to its end, say, with a data folder of its own, or Redis lost it.
"""

from __future__ import annotations

import structlog
import trio

from tgworker.errors import TgworkerError
from tgworker.ports import Archive, CommandQueue

log = structlog.get_logger()

LOOK_SECONDS = 3600.0


async def watch_open_work(queue: CommandQueue, archive: Archive) -> None:
    """Keep at it until cancelled. A Redis or a disk that is away is others' business; the next look will do."""
    while True:
        try:
            await forget_what_ended(queue, archive)
        except TgworkerError as error:
            log.debug("progress.not_tidied", error_type=error.error_type, error=str(error))
        await trio.sleep(LOOK_SECONDS)


async def forget_what_ended(queue: CommandQueue, archive: Archive) -> None:
    """Take commands out of the open work that nobody holds, and that will not be handed out again.

    Raises: what both ports raise.
    """
    # Before the queue is asked: a command is claimed, then entered, and taken out before it is given up.
    entered = await archive.commands_under_way()
    if not entered:
        return
    known = await queue.under_way()
    if known is not None and (ended := sorted(entered - known)):
        await archive.command_ends(*ended)
        log.info("progress.tidied", command_ids=ended)
