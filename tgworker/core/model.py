"""The values everything else passes around.

All are frozen. Times are aware and in UTC; a *day* is a UTC calendar day ``[00:00, 24:00)``. Ids of chats are
*marked* as in the Bot API: users positive, basic groups ``-id``, channels and supergroups ``-100…``.
"""

from __future__ import annotations

import enum
from datetime import date, datetime

from attrs import frozen

from tgworker.core.message import Json, Message
from tgworker.core.tracing import TraceContext

CHANNEL_MARK = -1_000_000_000_000
"""A channel's marked id is this minus its bare id."""


class Mode(enum.StrEnum):
    """Which days a command asks for."""

    DATE = "date"
    DAYS = "days"
    RANGE = "range"
    FULL = "full"


class Strategy(enum.StrEnum):
    """How days are walked; the files are the same whichever it is."""

    AUTO = "auto"
    BATCH = "batch"
    PER_DAY = "per_day"
    SEQUENTIAL = "sequential"


class ChatType(enum.StrEnum):
    CHANNEL = "channel"
    SUPERGROUP = "supergroup"
    FORUM = "forum"
    GROUP = "group"
    USER = "user"


class ArtifactFormat(enum.StrEnum):
    JSON = "json"
    JSONL = "jsonl"


@frozen
class ChatRef:
    """A chat as a command names it: exactly one of a lower-case username (no ``@``) and a marked id.

    Its text is a form that commands take, and so not always a chat's label: a bare positive number in a command is a
    channel's id and not a user's.
    """

    username: str | None = None
    id: int | None = None

    def __str__(self) -> str:
        if self.username is not None:
            return f"@{self.username}"
        return f"tg://user?id={self.id}" if self.id is not None and self.id > 0 else str(self.id)


@frozen
class Chat:
    """A chat as Telegram knows it. ``username`` is lower-case; ``usernames`` holds every active one."""

    id: int
    type: ChatType
    title: str
    username: str | None = None
    usernames: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What messages, events and artifacts call this chat: ``@name``, or the marked id if it has no name."""
        return f"@{self.username}" if self.username is not None else str(self.id)


@frozen
class Migration:
    """A basic group that became a supergroup, by their marked ids.

    Each keeps its own messages, with ids of their own: the group those before, the supergroup those after.
    Source: https://core.telegram.org/api/channel#migration
    """

    group: int
    supergroup: int
    at: datetime


@frozen
class Relatives:
    """The chats that belong with a chat, by marked id."""

    discussion: int | None = None
    """The group where comments on this channel's posts are written."""
    predecessor: int | None = None
    """The basic group that became this supergroup."""
    successor: int | None = None
    """The supergroup that this basic group became."""


@frozen
class FetchCommand:
    """A ``fetch`` command, both forms of the contract made one.

    By ``mode``: ``DATE`` has ``first == last``; ``RANGE`` has both; ``DAYS`` has ``days``; ``FULL`` has none.
    """

    chat: ChatRef
    mode: Mode
    first: date | None = None
    last: date | None = None
    days: int | None = None
    strategy: Strategy = Strategy.AUTO
    limit: int | None = None
    force: bool = False
    """Fetch sealed days again, trusting what Telegram gives: for repairs."""
    refresh: bool = False
    """Fetch sealed days again, to see what was changed and deleted."""
    refresh_from: date | None = None
    """Refresh the days from this one on; no field of a command, but what a one-shot run is set to do."""
    verify: bool = False
    """Compare each day with Telegram's own count."""
    comments: bool = False
    """Of a channel: fetch the same days of the group where its posts are commented on as well."""
    command_id: str | None = None
    requested_by: str | None = None
    trace: TraceContext | None = None
    """What the command is part of, where its producer traces."""
    unknown_fields: tuple[str, ...] = ()

    @property
    def again(self) -> bool:
        """Whether sealed days are to be fetched too, and merged: all of them, or some."""
        return self.force or self.refresh or self.refresh_from is not None

    def refreshes(self, day: date) -> bool:
        """Whether that day is looked at for changes and deletions, if it is sealed."""
        return self.refresh or (self.refresh_from is not None and day >= self.refresh_from)

    def rereads(self, day: date) -> bool:
        """Whether that day is fetched, if it is sealed, and merged."""
        return self.force or self.refreshes(day)

    @property
    def params(self) -> dict[str, Json]:
        """The part of the command that says which days, as events repeat it."""
        match self.mode:
            case Mode.DATE:
                return {"date": str(self.first)}
            case Mode.RANGE:
                return {"from": str(self.first), "to": str(self.last)}
            case Mode.DAYS:
                return {"days": self.days}
            case Mode.FULL:
                return {}


@frozen
class FieldError:
    """One thing wrong with a command: where (``$.days``) and what, in a sentence that says what would be right."""

    path: str
    message: str


@frozen
class Person:
    """Somebody who wrote: a user, or a chat that posts as itself (then ``id`` is negative)."""

    id: int
    username: str | None
    name: str
    bot: bool = False


@frozen
class Participant:
    """A person of one day, with how many messages they wrote; nameless if Telegram did not say who it is."""

    id: int
    username: str | None
    name: str | None
    bot: bool
    messages: int


@frozen
class Thread:
    """A chain of replies inside one day. ``root_in_day`` is false if it answers a message of another day."""

    root_id: int
    message_ids: tuple[int, ...]
    participants: tuple[int, ...]
    root_in_day: bool = True


@frozen
class HistoryQuery:
    """One ``messages.getHistory`` request, in Telegram's own words.

    The answer holds messages newest first: the place of ``offset_id`` (or of ``offset_date``) in the history, moved by
    ``add_offset`` (negative: towards newer messages), then ``limit`` of them, then only those above ``min_id``.
    Source: https://core.telegram.org/api/offsets
    """

    offset_id: int = 0
    offset_date: datetime | None = None
    add_offset: int = 0
    limit: int = 100
    min_id: int = 0


@frozen
class Page:
    """One answer, oldest first. ``ids`` are all ids in it; of deleted messages the id is all there is."""

    ids: tuple[int, ...]
    messages: tuple[Message, ...]
    people: tuple[Person, ...] = ()
    count: int | None = None
    """How many messages the chat has, deleted ones not among them; None where Telegram does not tell."""
    position: int | None = None
    """How many of these the query's offset leaves above itself, before ``add_offset`` moves it; None as above."""


@frozen
class DayRow:
    """What the index of a year says of one day; ``complete`` means sealed: it will not change any more."""

    date: date
    messages: int
    first_id: int | None
    last_processed_msg_id: int | None
    bytes: int
    sha256: str
    complete: bool
    fetched_at: datetime
    format: ArtifactFormat
    expected: int | None = None
    """How many messages Telegram counts, where it gave fewer: the day will be read from its start."""


@frozen
class IncompleteDay:
    """A day of which Telegram gave fewer messages (``got``) than it counts (``expected``)."""

    date: date
    expected: int
    got: int


@frozen
class DayReport:
    """What an event says of one day; ``file`` is relative to the data folder."""

    date: date
    messages: int
    complete: bool
    file: str
