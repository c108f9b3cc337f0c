"""The kinds of values settings have that are not plain."""

from __future__ import annotations

import enum


class Secret:
    """A text that shows itself only to who asks by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret('…')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


class EventContract(enum.StrEnum):
    BOTH = "both"
    V2 = "v2"
    LEGACY = "legacy"


class LogFormat(enum.StrEnum):
    JSON = "json"
    CONSOLE = "console"


class FetchMode(enum.StrEnum):
    """Which days a one-shot run fetches when it is told nothing else."""

    YESTERDAY = "yesterday"
    FULL = "full"


class RateLimitStrategy(enum.StrEnum):
    ADAPTIVE = "adaptive"
    FIXED = "fixed"


class TraceSampler(enum.StrEnum):
    """Which traces are kept; those with a parent as it says, where the name begins so."""

    ALWAYS_ON = "always_on"
    ALWAYS_OFF = "always_off"
    RATIO = "traceidratio"
    PARENT_OR_ON = "parentbased_always_on"
    PARENT_OR_OFF = "parentbased_always_off"
    PARENT_OR_RATIO = "parentbased_traceidratio"


class FloodWaitStrategy(enum.StrEnum):
    PARK = "park"
    FAIL = "fail"


class MetricsMode(enum.StrEnum):
    OFF = "off"
    SCRAPE = "scrape"
    PUSH = "push"
    BOTH = "both"
