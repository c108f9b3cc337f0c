"""What the service needs of the world, as contracts. ``app.py`` chooses who fulfils them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Protocol, TypeVar

from attrs import frozen

from tgworker.core.account import Account, DialogPage, DialogPlace
from tgworker.core.events import Event
from tgworker.core.health import Health, Work
from tgworker.core.message import Message
from tgworker.core.model import (
    Chat,
    ChatRef,
    DayRow,
    FetchCommand,
    HistoryQuery,
    Migration,
    Page,
    Person,
    Relatives,
)
from tgworker.ports.floods import FloodLedger
from tgworker.ports.notifier import Notifier
from tgworker.ports.observer import UNOBSERVED, Observer, Unobserved
from tgworker.ports.queue import (
    Cancelled,
    ChatLocks,
    Claim,
    CommandQueue,
    Dead,
    Done,
    Held,
    Lost,
    NothingDue,
    Outcome,
    Park,
    Renewal,
)

__all__ = [
    "Archive",
    "Cancelled",
    "Carrier",
    "ChatLocks",
    "ChatShelf",
    "Claim",
    "CommandQueue",
    "DayWriter",
    "Dead",
    "Done",
    "EventSink",
    "FloodLedger",
    "Gateway",
    "Held",
    "Lost",
    "NothingDue",
    "Notifier",
    "Observer",
    "Outcome",
    "Park",
    "Pulse",
    "Renewal",
    "UNOBSERVED",
    "Unobserved",
    "at_once",
]


T = TypeVar("T")


class Carrier(Protocol):
    """Carries one request out, called by Telegram's name of its method: at once, or when its turn has come."""

    async def __call__(self, method: str, request: Callable[[], Awaitable[T]], /) -> T: ...


async def at_once(_: str, request: Callable[[], Awaitable[T]]) -> T:
    """A `Carrier` that lets nothing wait."""
    return await request()


class Gateway(Protocol):
    """One Telegram account. `history` and `relatives` are one request at most; `resolve` may take several.

    Nothing here waits, retries or paces: the service's guard does.

    Raises (every method):
        TransientError: ask again.
        FloodWaitError: ask again, after that many seconds.
        ChatUnavailableError: this chat can't be had.
        AccountUnusableError: this account can't work.
    """

    def recall(self, ref: ChatRef) -> Chat | None:
        """The chat, if it is known without a request. Raises nothing."""
        ...

    def recall_relatives(self, chat: Chat) -> Relatives | None:
        """The chat's relatives, if they are known without a request. Raises nothing."""
        ...

    async def resolve(self, ref: ChatRef, carry: Carrier = at_once) -> Chat:
        """Find a chat by name or id; each request goes through `carry`. Known chats cost none. Idempotent."""
        ...

    async def relatives(self, chat: Chat) -> Relatives:
        """The chats that belong with one that `resolve` returned, to be resolved by their ids.

        Asked for once for each channel and supergroup, and never for others. Idempotent.
        """
        ...

    async def history(self, chat: Chat, query: HistoryQuery) -> Page:
        """Ask for one page of a chat that `resolve` returned. Idempotent."""
        ...

    async def say(self, chat: Chat, text: str, key: int) -> None:
        """Write a message of at most 4,096 characters into a chat that `resolve` returned.

        Idempotent: what was written under the same `key`, a number of 64 bits with a sign, is not written again.
        """
        ...

    async def me(self) -> Account:
        """Who is signed in; asked for once. Idempotent."""
        ...

    async def dialogs(self, after: DialogPlace | None = None) -> DialogPage:
        """Ask for one page of the account's chats, the first or the one at `after`. Idempotent."""
        ...


@frozen
class Begun:
    """What is known of a command from its earlier deliveries."""

    at: datetime
    """When the first of them began."""
    saved: int = 0
    """How many messages they have newly saved; what a worker that was killed had no time to note is told by the
    days' writers.
    """


class DayWriter(Protocol):
    """One day being fetched: a part file that grows page by page and is sealed into the artifact.

    Raises (every method): StorageError.
    """

    @property
    def day(self) -> date: ...

    @property
    def last_id(self) -> int | None:
        """The highest id held, part and artifact together: reading goes on after it. None: nothing yet."""
        ...

    @property
    def gathered(self) -> int:
        """How many messages there are to compare with Telegram's own count.

        Of a day that is read from its start those read; else what part and artifact hold together.
        """
        ...

    @property
    def saved(self) -> int:
        """How many messages this writer has newly saved (an id the artifact holds already is not new).

        It begins with what an earlier delivery of the command saved of the day and had no time to note; below zero
        is what is thrown away, to be read again.
        """
        ...

    @property
    def deduplicated(self) -> int:
        """How many messages were offered that the part or the artifact held already."""
        ...

    @property
    def updated(self) -> int:
        """How many messages the last seal found changed since they were saved."""
        ...

    @property
    def vanished(self) -> int:
        """How many messages the last seal found to be gone, and flagged."""
        ...

    async def append(self, messages: Sequence[Message], people: Iterable[Person]) -> int:
        """Write one page's messages of this day, ascending, in one write; what is held already is dropped.

        Returns how many were new. Messages known from an earlier artifact are taken in their fresh form.
        """
        ...

    async def seal(
        self,
        *,
        complete: bool,
        fetched_at: datetime,
        whole: bool = False,
        expected: int | None = None,
    ) -> DayRow:
        """Merge the part into the artifact, durably, and enter it in the year's index.

        `whole` says that all there is of the day was read, to see what became of it: if it was read afresh, what the
        artifact holds beyond that is gone from Telegram, and is flagged as deleted; another text is an edit.
        `complete` false leaves the day open: it is readable, and topped up the next time; `expected` is how many
        messages Telegram counts, where it gave fewer, and is kept in the row. Safe to repeat after a crash
        at any point; the bytes depend on the messages alone.
        """
        ...


class ChatShelf(Protocol):
    """One chat's folder, held for writing by nobody else.

    Raises (every method): StorageError.
    """

    @property
    def chat(self) -> Chat: ...

    async def rows(self, first: date, last: date) -> dict[date, DayRow]:
        """The index rows of the days from `first` to `last`, both included."""
        ...

    async def open_day(self, day: date, *, afresh: bool = False) -> DayWriter:
        """Go on with a day where it was left, by this process or one that died.

        `afresh` throws a part file away and reads the day from its start (to look for changes); what the artifact holds
        is kept and merged. Opening a sealed day is allowed: sealing it again merges.
        """
        ...

    async def note_migration(self, migration: Migration) -> None:
        """Write down, durably, that this chat is one of the two. Idempotent."""
        ...

    def path(self, row: DayRow) -> str:
        """Where that day's artifact lies, relative to the data folder, with forward slashes."""
        ...


class Archive(Protocol):
    """The data folder. Raises (every method): StorageError."""

    async def probe(self) -> int:
        """See whether the data folder can be written; returns how many bytes are free there."""
        ...

    async def sealed(
        self, ref: ChatRef, first: date, last: date, chat_id: int | None = None
    ) -> set[date]:
        """The sealed days of a chat, found without asking Telegram: by its names and id, now and before.

        `chat_id` is whose the name is now, if that is known: what was sealed for one that had it before does not count.
        """
        ...

    async def migration(self, ref: ChatRef) -> Migration | None:
        """What was noted of a basic group that became a supergroup, by either of the two."""
        ...

    def open_chat(
        self, chat: Chat, fence: int | None = None, command_id: str | None = None
    ) -> AbstractAsyncContextManager[ChatShelf]:
        """Hold a chat's folder, making it when it is new. What is saved there counts for that command.

        `fence` is the number of the lock on the chat (see `ChatLocks`). The folder remembers the highest one; a
        writer with a lower one can write nothing more. None: the folder's own lock must do.

        Raises:
            ChatBusyError: another process holds it.
            ChatIdentityChangedError: the folder of that name belongs to another chat.
            LeaseLostError: a writer with a higher number was here; the shelf and its writers raise it too.
        """
        ...

    async def command_begins(self, command: FetchCommand, started_at: datetime) -> Begun:
        """Enter a command among the open work of ``progress.json``. Idempotent.

        Returns what is known of its earlier deliveries.
        """
        ...

    async def commands_under_way(self) -> frozenset[str]:
        """The ids of the commands among the open work, also of those that other processes entered there."""
        ...

    async def command_ends(self, *command_ids: str) -> None:
        """Take commands out of the open work. Idempotent."""
        ...


class EventSink(Protocol):
    """Where events go. Raises: QueueUnavailableError."""

    async def publish(self, event: Event) -> None:
        """Publish and append to the log. May be repeated: subscribers know repetition."""
        ...


class Pulse(Protocol):
    """What watches over the process (systemd, a container's health check) is told here. Never raises."""

    @property
    def beat_seconds(self) -> float:
        """How often a beat is wanted."""
        ...

    def ready(self) -> None:
        """The first command is waited for."""
        ...

    def beat(self, health: Health, works: Sequence[Work]) -> None:
        """How the worker is at this moment, and what it works on. May block for as long as a file takes."""
        ...

    def stopping(self) -> None:
        """A stop has begun; from now on each beat asks for the time until the next ones."""
        ...

    def ended(self) -> None:
        """The worker is no more: the last word."""
        ...
