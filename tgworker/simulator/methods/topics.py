"""``messages.getForumTopics``. Source: https://core.telegram.org/api/forum."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import messages as functions

from tgworker.core.model import ChatType
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import readable_chat
from tgworker.simulator.paging import MAX_LIMIT
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.tl_plain import moment, peer_tl

GENERAL = 1
"""The topic that every forum has from the start; its messages say nothing of a topic."""


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetForumTopicsRequest: partial(_get_topics, world, pages),
        functions.GetForumTopicsByIDRequest: partial(_get_topics_by_id, world, pages),
    }


def _get_topics(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    """Newest first, the general one last."""
    chat = _forum(world, request.peer)
    wanted = (request.q or "").lower()
    found = [id for id, title in _titles(chat).items() if wanted in title.lower()]
    offset = request.offset_topic
    chosen = [id for id in sorted(found, reverse=True) if not offset or id < offset]
    return _answer(pages, chat, chosen[: min(max(request.limit, 0), MAX_LIMIT)], len(found))


def _get_topics_by_id(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    chat = _forum(world, request.peer)
    return _answer(pages, chat, request.topics, len(request.topics))


def _forum(world: World, peer: Any) -> WorldChat:
    chat = readable_chat(world, peer)
    if chat.type is not ChatType.FORUM:
        raise RpcFault(400, "CHANNEL_FORUM_MISSING")
    return chat


def _titles(chat: WorldChat) -> dict[int, str]:
    """Titles of the topics that have not been deleted."""
    opened = chat.history.source.topics.items()
    return {GENERAL: "General"} | {
        id: title for id, title in opened if chat.history.place(id) is not None
    }


def _answer(pages: Pages, chat: WorldChat, ids: list[int], count: int) -> Any:
    titles = _titles(chat)
    topics = [
        _topic(chat, id, titles[id]) if id in titles else types.ForumTopicDeleted(id) for id in ids
    ]
    tops = [topic.top_message for topic in topics if isinstance(topic, types.ForumTopic)]
    page = pages.by_id(chat, tops)
    return types.messages.ForumTopics(
        count, topics, page.messages, page.chats, page.users, pts=page.pts
    )


def _topic(chat: WorldChat, id: int, title: str) -> Any:
    opening = chat.history.find(id)
    below = chat.history.source.threads.get(id, ())
    return types.ForumTopic(
        id=id,
        date=moment(0 if opening is None else opening.date),
        peer=peer_tl(chat.marked_id),
        title=title,
        icon_color=0x6FB9F0,
        top_message=max(
            (each for each in below if chat.history.place(each) is not None), default=id
        ),
        read_inbox_max_id=0,
        read_outbox_max_id=0,
        unread_count=0,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        from_id=peer_tl(chat.marked_id),
        notify_settings=types.PeerNotifySettings(),
    )
