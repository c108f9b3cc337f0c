"""The smallest things in TL: times, peers, texts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def peer_tl(marked_id: int) -> Any:
    """A marked id as a Peer."""
    if marked_id > 0:
        return types.PeerUser(marked_id)
    if marked_id < CHANNEL_MARK:
        return types.PeerChannel(CHANNEL_MARK - marked_id)
    return types.PeerChat(-marked_id)


def text_tl(text: str) -> Any:
    """A text that could be marked up and is not."""
    return types.TextWithEntities(text, [])
