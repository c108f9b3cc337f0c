"""What an export holds that can't be served as it is: counted, and told once for each kind."""

from __future__ import annotations

from collections import Counter

_TOLD = 20
"""Kinds that are told one by one; a file of another program may have endless ones."""


class Notes:
    """Remarks about one file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._counts: Counter[str] = Counter()

    def add(self, what: str) -> None:
        """`what` says what was met and what became of it."""
        self._counts[what] += 1

    def lines(self) -> list[str]:
        """A line for each kind, the most frequent first."""
        told = [f"{self._file}: {what}: {n}" for what, n in self._counts.most_common(_TOLD)]
        if (others := len(self._counts) - len(told)) > 0:
            told.append(f"{self._file}: and {others} more kinds of remarks")
        return told
