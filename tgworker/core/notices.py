"""What people are told of failures, and when: never more than one message in a while, with what came together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from attrs import define, field, frozen

from tgworker.core.codec import utc_text
from tgworker.core.message import Json

MOST_COMMANDS = 5
"""The first ones are told by name, the others are counted."""
MOST_TYPES = 20
"""Kinds of errors that are counted each; the others together."""
OTHER_TYPES = "(other)"
LONGEST_ERROR = 300
"""Characters of an error's text."""
LONGEST_PAUSE = 16
"""Between tries that fail, at most so many times the usual interval."""


@frozen
class Identity:
    """Who tells."""

    worker_id: str
    service: str
    environment: str


@frozen
class Failure:
    """A command that failed; ``chat`` is None if it was rejected."""

    command_id: str | None
    chat: str | None
    error_type: str
    error: str


@frozen
class AccountTrouble:
    """The Telegram account can't work any more."""

    error_type: str
    error: str


@frozen
class Digest:
    """What went wrong between two moments."""

    first_at: datetime
    last_at: datetime
    counts: Mapping[str, int] = field(factory=dict)
    """Failed commands by ``error_type``."""
    commands: tuple[Failure, ...] = ()
    """The first few of them."""
    account: AccountTrouble | None = None

    @property
    def failed(self) -> int:
        """How many commands."""
        return sum(self.counts.values())


def digest_of(trouble: Failure | AccountTrouble, at: datetime) -> Digest:
    """The digest of one thing alone."""
    match trouble:
        case Failure():
            return Digest(at, at, {trouble.error_type: 1}, (trouble,))
        case AccountTrouble():
            return Digest(at, at, account=trouble)


def merged(first: Digest, then: Digest) -> Digest:
    """Both as one; it stays small, however many are put together."""
    counts = Counter(first.counts)
    for error_type, count in then.counts.items():
        known = error_type in counts or len(counts) < MOST_TYPES
        counts[error_type if known else OTHER_TYPES] += count
    return Digest(
        min(first.first_at, then.first_at),
        max(first.last_at, then.last_at),
        dict(counts),
        (first.commands + then.commands)[:MOST_COMMANDS],
        first.account or then.account,
    )


@define
class Gathering:
    """Decides when to tell what has gone wrong: `settle` seconds after the first of it, so that what belongs together
    is told together, and never sooner than `interval` after the last message, or the last try at one.

    All times are of one clock, in seconds.
    """

    interval: float = 60.0
    settle: float = 2.0
    pending: Digest | None = None
    _since: float = 0.0
    _not_before: float = 0.0
    _failures: int = 0

    @property
    def due_at(self) -> float | None:
        """When to tell; None: there is nothing to tell."""
        return None if self.pending is None else max(self._since + self.settle, self._not_before)

    def add(self, digest: Digest, now: float) -> None:
        if self.pending is None:
            self.pending, self._since = digest, now
        else:
            self.pending = merged(self.pending, digest)

    def take(self) -> Digest | None:
        """What is to be told; the caller says what became of it with `told` or `untold`."""
        taken, self.pending = self.pending, None
        return taken

    def told(self, now: float) -> None:
        """It was told, or nobody will ever take it."""
        self._failures = 0
        self._not_before = now + self.interval

    def untold(self, digest: Digest, now: float) -> None:
        """Nobody took it, and it may be tried again; it goes before what has come since."""
        pause = min(LONGEST_PAUSE, 2**self._failures) * self.interval
        self._failures += 1
        self._not_before = now + pause
        self.pending = digest if self.pending is None else merged(digest, self.pending)


def digest_text(digest: Digest, worker_id: str) -> str:
    """For people, in a chat; at most some 2,500 characters."""
    lines = []
    if digest.account is not None:
        trouble = f"{digest.account.error_type}: {_brief(digest.account.error)}"
        lines.append(
            f"tgworker {worker_id} has stopped: its Telegram account can't work. {trouble}"
        )
    if digest.failed:
        how_many = "1 command" if digest.failed == 1 else f"{digest.failed} commands"
        kinds = sorted(digest.counts.items(), key=lambda item: (-item[1], item[0]))
        listed = ", ".join(f"{error_type} {count}" for error_type, count in kinds)
        lines.append(f"tgworker {worker_id}: {how_many} failed ({listed})")
        lines += (_line(command) for command in digest.commands)
        more = digest.failed - len(digest.commands)
        if more:
            lines.append(f"and {more} more since {utc_text(digest.first_at)}")
    return "\n".join(lines)


def _line(command: Failure) -> str:
    which = command.chat or "rejected"
    return f"• {which}: {command.error_type}: {_brief(command.error)} [{command.command_id}]"


def _brief(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_ERROR else f"{text[:LONGEST_ERROR - 1]}…"


def digest_json(digest: Digest, who: Identity) -> dict[str, Json]:
    """For programs. ``text`` is what chat programs show of it."""
    account = digest.account
    return {
        "text": digest_text(digest, who.worker_id),
        "service": who.service,
        "environment": who.environment,
        "worker_id": who.worker_id,
        "first_at": utc_text(digest.first_at),
        "last_at": utc_text(digest.last_at),
        "failed": digest.failed,
        "error_types": dict(digest.counts),
        "commands": [
            {
                "command_id": command.command_id,
                "chat": command.chat,
                "error_type": command.error_type,
                "error": _brief(command.error),
            }
            for command in digest.commands
        ],
        "account": (
            None
            if account is None
            else {"error_type": account.error_type, "error": _brief(account.error)}
        ),
    }
