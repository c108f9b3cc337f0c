"""``messages.*`` over histories. Sources: https://core.telegram.org/api/offsets, /api/threads, /api/search."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from telethon.tl import types
from telethon.tl.functions import messages as functions

from tgworker.core.model import ChatType
from tgworker.simulator.methods.pages import Pages
from tgworker.simulator.methods.peers import find_group, find_user, readable_chat
from tgworker.simulator.paging import history_page, offset_place
from tgworker.simulator.rpc import Caller, Handler, RpcFault
from tgworker.simulator.world import World, WorldChat
from tgworker.simulator.world.model import WorldMessage


def handlers(world: World, pages: Pages) -> Mapping[type, Handler]:
    """Requests this module answers."""
    return {
        functions.GetHistoryRequest: partial(_get_history, world, pages),
        functions.GetRepliesRequest: partial(_get_replies, world, pages),
        functions.SearchRequest: partial(_search, world, pages),
        functions.GetMessagesRequest: partial(_get_messages, world, pages),
        functions.GetChatsRequest: partial(_get_chats, world, pages),
        functions.GetFullChatRequest: partial(_get_full_chat, world, pages),
    }


def unix(moment: datetime | None) -> int:
    """A date of a request as Unix seconds; 0, which TL also sends for "none", if there is none."""
    return 0 if moment is None else int(moment.timestamp())


def _get_history(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    if find_user(world, request.peer) is not None:
        return types.messages.Messages([], [], [], [])
    chat = readable_chat(world, request.peer)
    history = chat.history
    places, offset = _page(history.ids, history.dates, request, request.offset_date)
    return pages.history(chat, places, offset=offset)


def _get_replies(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    chat = readable_chat(world, request.peer)
    if chat.history.find(request.msg_id) is None:
        raise RpcFault(400, "MSG_ID_INVALID")
    return _answer_with(pages, chat, _thread(chat, request.msg_id), request, request.offset_date)


def _search(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    """By text, sender, thread and time; filters by kind of media are not known."""
    if not isinstance(request.filter, types.InputMessagesFilterEmpty):
        raise RpcFault(400, "INPUT_FILTER_INVALID")
    chat = readable_chat(world, request.peer)
    places = [
        place for place, message in _candidates(chat, request) if _matches(world, message, request)
    ]
    return _answer_with(pages, chat, places, request, None)


def _candidates(chat: WorldChat, request: Any) -> Iterator[tuple[int, WorldMessage]]:
    history = chat.history
    first = bisect_left(history.dates, unix(request.min_date) + 1)
    until = unix(request.max_date)
    last = bisect_left(history.dates, until) if until else len(history)
    thread = None if request.top_msg_id is None else set(_thread(chat, request.top_msg_id))
    for place in range(first, last):
        if thread is None or place in thread:
            yield place, history.at(place)


def _matches(world: World, message: WorldMessage, request: Any) -> bool:
    if request.from_id is not None:
        user = find_user(world, request.from_id)
        if user is None or message.sender != user.id:
            return False
    return request.q.lower() in message.text.lower()


def _thread(chat: WorldChat, root: int) -> list[int]:
    """Places of the messages below a message, or in a topic; those that are still there."""
    ids = chat.history.source.threads.get(root, ())
    return [place for place in map(chat.history.place, ids) if place is not None]


def _answer_with(
    pages: Pages, chat: WorldChat, places: Sequence[int], request: Any, offset_date: datetime | None
) -> Any:
    """One page of those of the history's messages."""
    ids = [chat.history.ids[place] for place in places]
    dates = [chat.history.dates[place] for place in places]
    chosen, offset = _page(ids, dates, request, offset_date)
    return pages.history(
        chat, [places[index] for index in chosen], count=len(places), offset=offset
    )


def _page(
    ids: Sequence[int], dates: Sequence[int], request: Any, offset_date: datetime | None
) -> tuple[range, int | None]:
    """The places of a page's messages, and that of its offset."""
    chosen = history_page(
        ids,
        dates,
        offset_id=request.offset_id,
        offset_date=unix(offset_date),
        add_offset=request.add_offset,
        limit=request.limit,
        max_id=request.max_id,
        min_id=request.min_id,
    )
    return chosen, offset_place(ids, dates, request.offset_id, unix(offset_date))


def _get_messages(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    """Messages of basic groups, which share their ids; in this world the first group that has it wins."""
    groups = [c for c in world.chats if c.type is ChatType.GROUP and not c.private]
    messages: list[Any] = []
    for id in requested_ids(request):
        group = next((group for group in groups if group.history.place(id) is not None), None)
        found = pages.by_id(group, [id]).messages if group else [types.MessageEmpty(id, None)]
        messages += found
    chats, users = pages.named_in(messages, groups)
    return types.messages.Messages(messages, [], chats, users)


def requested_ids(request: Any) -> list[int]:
    """The ids of a request for single messages.

    Raises:
        RpcFault: 400 ``MESSAGE_IDS_EMPTY``, or ``MESSAGE_ID_INVALID`` for ways of pointing at a message not known here.
    """
    if not request.id:
        raise RpcFault(400, "MESSAGE_IDS_EMPTY")
    if not all(isinstance(each, types.InputMessageID) for each in request.id):
        raise RpcFault(400, "MESSAGE_ID_INVALID")
    return [each.id for each in request.id]


def _get_chats(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    return types.messages.Chats([pages.chat(find_group(world, id)) for id in request.id])


def _get_full_chat(world: World, pages: Pages, caller: Caller, request: Any) -> Any:
    chat = readable_chat(world, types.InputPeerChat(request.chat_id))
    full = types.ChatFull(
        id=chat.id,
        about="",
        participants=types.ChatParticipantsForbidden(chat.id),
        notify_settings=types.PeerNotifySettings(),
    )
    return types.messages.ChatFull(full, [pages.chat(chat)], [])
