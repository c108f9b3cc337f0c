"""Whose turn it is, among several who each have several requests: round and round, one from each."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """A queue for each key. ``next`` goes round the keys; within a key, who came first goes first."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[T]] = {}
        """In the order in which the keys have their turns."""

    def __len__(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def join(self, key: str, who: T) -> None:
        self._queues.setdefault(key, deque()).append(who)

    def leave(self, key: str, who: T) -> None:
        """Who has given up waiting; the others keep their places."""
        self._queues[key].remove(who)
        if not self._queues[key]:
            del self._queues[key]

    def next(self) -> T:
        """Take out whose turn it is; the key's next one waits until every other key had a turn.

        Raises:
            LookupError: nobody waits.
        """
        for key in self._queues:
            queue = self._queues.pop(key)
            who = queue.popleft()
            if queue:
                self._queues[key] = queue
            return who
        raise LookupError("nobody waits")
