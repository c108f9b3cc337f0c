"""The API methods over a world; what is not here answers ``INPUT_METHOD_INVALID``."""

from __future__ import annotations

import time
from collections.abc import Callable

from tgworker.simulator.methods import (
    auth,
    channels,
    contacts,
    dialogs,
    help,
    messages,
    sending,
    tokens,
    topics,
    transfer,
    updates,
    users,
)
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.rpc import Methods
from tgworker.simulator.world import World

__all__ = ["make_methods"]


def make_methods(world: World, *, clock: Callable[[], float] = time.time) -> Methods:
    """Every method of the simulator; `clock` gives Unix time for answers that carry it."""
    pages = Pages(world)
    door = auth.Door(world, pages, clock)
    return Methods(
        {
            **auth.handlers(door),
            **channels.handlers(world, pages),
            **contacts.handlers(world, pages),
            **dialogs.handlers(world, pages, clock),
            **help.handlers(clock, frozen=world.spec.account.frozen),
            **messages.handlers(world, pages),
            **sending.handlers(world, pages, clock),
            **tokens.handlers(world, door, clock),
            **topics.handlers(world, pages),
            **transfer.handlers(world, pages),
            **updates.handlers(clock),
            **users.handlers(world, pages),
        }
    )
