"""Who tells people."""

from __future__ import annotations

from typing import Protocol

from tgworker.core.notices import Digest


class Notifier(Protocol):
    """A way to people: a chat, a webhook."""

    @property
    def name(self) -> str:
        """For the log; without secrets."""
        ...

    async def open(self) -> None:
        """See whether there is a way. It is a courtesy, so that a mistake shows at once: `tell` may be called anyway.

        Raises: as `tell`.
        """
        ...

    async def tell(self, digest: Digest) -> None:
        """Tell people, once. May be called again with the same digest after an error.

        Raises:
            TransientError, FloodWaitError, ParkedError: try again later.
            TgworkerError: there is no use in trying this one again.
        """
        ...
