"""Tasks beside a block."""

from __future__ import annotations

import pytest
import trio

from tgworker.background import open_background


async def test_tasks_end_with_the_block() -> None:
    ended = False

    async def task() -> None:
        nonlocal ended
        try:
            await trio.sleep_forever()
        finally:
            ended = True

    async with open_background() as nursery:
        nursery.start_soon(task)
        await trio.testing.wait_all_tasks_blocked()

    assert ended


async def test_the_blocks_own_error_comes_out_as_it_is() -> None:
    with pytest.raises(LookupError, match="its own"):
        async with open_background() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise LookupError("its own")


async def test_a_tasks_error_ends_the_block() -> None:
    async def task() -> None:
        await trio.lowlevel.checkpoint()
        raise LookupError("a task's")

    with pytest.RaisesGroup(pytest.RaisesExc(LookupError, match="a task's")):
        async with open_background() as nursery:
            nursery.start_soon(task)
            await trio.sleep_forever()


async def test_a_cancellation_passes() -> None:
    with trio.CancelScope() as scope:
        async with open_background():
            scope.cancel()
            await trio.sleep_forever()

    assert scope.cancelled_caught
