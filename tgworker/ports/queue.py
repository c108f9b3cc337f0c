"""Commands with leases, and the locks on the chats they write."""

from __future__ import annotations

from typing import Protocol, TypeAlias

from attrs import frozen


@frozen
class Claim:
    """A command this worker holds until its lease ends."""

    job_id: int
    epoch: int
    """Rises with every claim of the job; who holds an older one is fenced off."""
    payload: bytes
    command_id: str
    deliveries: int
    """How often it was handed out, this time included; parking does not count."""
    cancelled: bool = False
    """Somebody asked for it to be stopped before it was handed out: tell that it failed, and finish it."""
    exhausted: bool = False
    """It was handed out too often: tell that it failed, and finish it as dead. It comes back until that is done."""


@frozen
class NothingDue:
    """Nothing to claim now. ``next_due_seconds``: when the next parked command is due, or the next lease ends, so that
    a dead worker's command need not wait for somebody to look; None: none is parked, and none is held.
    """

    next_due_seconds: float | None


@frozen
class Held:
    """The lease runs on for that many seconds from the reply."""

    lease_seconds: float


@frozen
class Lost:
    """Another worker holds the job (fenced) or it is finished (gone)."""


@frozen
class Cancelled:
    """Somebody asked for this command to be stopped."""


Renewal: TypeAlias = Held | Lost | Cancelled


@frozen
class Done:
    """Carried out, or failed for good and said so in an event."""


@frozen
class Park:
    """Come back in `seconds`; this delivery is not counted."""

    seconds: float


@frozen
class Dead:
    """Never hand it out again: keep its raw bytes in the dead list, with the reason."""

    reason: str


Outcome: TypeAlias = Done | Park | Dead


class CommandQueue(Protocol):
    """Commands with leases.

    Raises (every method):
        QueueUnavailableError: no answer; whether it took effect is unknown, and repeating it is safe.
        QueueRefusedError: it will never work as set up.
    """

    async def wait(self, seconds: float) -> None:
        """Return when there may be something to claim, at the latest after `seconds`. May be cancelled at any time."""
        ...

    async def claim(self) -> Claim | NothingDue:
        """Take the next command. After a lost reply the next call gives the same claim again."""
        ...

    async def renew(self, claim: Claim) -> Renewal:
        """Prolong the lease."""
        ...

    async def finish(self, claim: Claim, outcome: Outcome) -> bool:
        """Give the command up. False: this worker did not hold it any more, and nothing was changed. Repeatable."""
        ...

    async def depth(self) -> int:
        """How many commands wait in the list."""
        ...

    async def under_way(self) -> frozenset[str] | None:
        """The ids of all commands at one moment that a worker holds, or that rest; None: they are too many to tell."""
        ...


class ChatLocks(Protocol):
    """One writer for each chat, on whichever host it runs.

    A lock belongs to a claim and ends by itself. The same command's next delivery takes it over: the queue sees to it
    that only one claim of a command counts.

    Raises (every method):
        QueueUnavailableError: no answer; whether it took effect is unknown, and repeating it is safe.
        QueueRefusedError: it will never work as set up.
    """

    async def hold(self, chat_id: int, claim: Claim, seconds: float) -> int:
        """Lock a chat for so long; returns the fencing number, higher than any that was given before.

        Who holds the lock already keeps the number.

        Raises:
            ChatBusyError: another command holds it.
        """
        ...

    async def renew(self, chat_id: int, claim: Claim, seconds: float) -> bool:
        """Prolong the lock. False: this claim does not hold it any more."""
        ...

    async def release(self, chat_id: int, claim: Claim) -> None:
        """Unlock the chat, if this claim holds it. Repeatable."""
        ...
