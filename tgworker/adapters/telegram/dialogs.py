"""The account's chats, a hundred to a page, the liveliest first. Source: https://core.telegram.org/api/offsets"""

from __future__ import annotations

from telethon.tl import functions, types

from tgworker.adapters.telegram.known import is_whole
from tgworker.adapters.telegram.people import entity_id, map_chat
from tgworker.adapters.telegram.plain import TL, marked_id
from tgworker.adapters.telegram.reading import MessageEmpty
from tgworker.core.account import Dialog, DialogPage, DialogPlace
from tgworker.core.model import CHANNEL_MARK

PAGE = 100


def dialogs_request(after: DialogPlace | None) -> TL:
    """Asks for the page at that place; None: the first one, which alone has the pinned chats."""
    if after is None:
        return functions.messages.GetDialogsRequest(None, 0, types.InputPeerEmpty(), PAGE, 0)
    return functions.messages.GetDialogsRequest(
        after.date, after.message_id, _peer(after), PAGE, 0, exclude_pinned=True
    )


def _peer(place: DialogPlace) -> TL:
    if place.chat_id > 0:
        return types.InputPeerUser(place.chat_id, place.access_hash)
    if place.chat_id > CHANNEL_MARK:
        return types.InputPeerChat(-place.chat_id)
    return types.InputPeerChannel(CHANNEL_MARK - place.chat_id, place.access_hash)


def map_dialogs(answer: TL) -> DialogPage:
    """Read a page. Folders are left out, as are chats of which Telegram tells nothing at all."""
    entities = entities_of(answer)
    empty = types.UserEmpty | types.ChatEmpty
    peers = [each.peer for each in answer.dialogs if isinstance(each, types.Dialog)]
    found = (entities.get(marked_id(peer) or 0) for peer in peers)
    dialogs = tuple(
        Dialog(map_chat(entity), _is_readable(entity))
        for entity in found
        if entity is not None and not isinstance(entity, empty)
    )
    return DialogPage(dialogs, next_place(answer), getattr(answer, "count", len(dialogs)))


def entities_of(answer: TL) -> dict[int, TL]:
    """The users and chats of a page, by marked id."""
    return {entity_id(entity): entity for entity in (*answer.chats, *answer.users)}


def next_place(answer: TL) -> DialogPlace | None:
    """Behind the newest message of the last dialog that has one; None: that was the last page."""
    if not isinstance(answer, types.messages.DialogsSlice):
        return None
    messages = {
        (marked_id(message.peer_id), message.id): message
        for message in answer.messages
        if not isinstance(message, MessageEmpty)
    }
    tops = ((marked_id(dialog.peer), dialog.top_message) for dialog in reversed(answer.dialogs))
    last = next((messages[top] for top in tops if top in messages), None)
    if last is None:
        return None
    chat_id = marked_id(last.peer_id) or 0
    access_hash = getattr(entities_of(answer).get(chat_id), "access_hash", None) or 0
    return DialogPlace(last.date, last.id, chat_id, access_hash)


def _is_readable(entity: TL) -> bool:
    """Members may read; who has left may read what is public."""
    if not is_whole(entity):
        return False
    return not getattr(entity, "left", False) or bool(map_chat(entity).username)
