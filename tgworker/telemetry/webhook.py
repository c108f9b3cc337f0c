"""Tells a webhook: a POST of JSON that chat programs show as a message, and programs can read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx2
import orjson
from attrs import field, frozen

from tgworker.core.notices import Digest, Identity, digest_json
from tgworker.errors import NoticeRefusedError, TransientError

REQUEST_SECONDS = 5.0


@frozen
class Webhook:
    """Fulfils `ports.Notifier`. Made by `open_webhook`.

    `url` may hold a token anywhere; only its host is ever shown. The form is that of Slack's incoming webhooks, which
    Mattermost, Rocket.Chat and others take as well: they show ``text``, and leave the other fields alone.
    Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
    """

    url: str = field(repr=False)
    identity: Identity
    _client: httpx2.AsyncClient

    @property
    def name(self) -> str:
        return f"webhook at {urlsplit(self.url).hostname}"

    async def open(self) -> None:
        """Nothing: a webhook that is asked shows a message."""

    async def tell(self, digest: Digest) -> None:
        try:
            answer = await self._client.post(
                self.url,
                content=orjson.dumps(digest_json(digest, self.identity)),
                headers={"Content-Type": "application/json"},
            )
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            # Its text may hold the URL, and so does its cause.
            raise TransientError(f"{type(error).__name__} at the {self.name}.") from None
        if answer.status_code >= 500 or answer.status_code in (408, 429):
            raise TransientError(f"HTTP {answer.status_code} from the {self.name}.")
        if not answer.is_success:
            raise NoticeRefusedError(
                f"HTTP {answer.status_code} from the {self.name}. Check NOTIFY_WEBHOOK_URL."
            )


@asynccontextmanager
async def open_webhook(url: str, identity: Identity) -> AsyncIterator[Webhook]:
    """A webhook that can be told as long as the block runs."""
    async with httpx2.AsyncClient(timeout=REQUEST_SECONDS) as client:
        yield Webhook(url, identity, client)
