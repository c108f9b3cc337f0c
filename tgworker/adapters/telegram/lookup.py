"""Finding a chat that the session does not remember, with as few requests as Telegram allows.

Resolving a username is the most limited call there is. So what an older session of Telethon's knows of a chat is tried
first, and a chat is looked up among the account's dialogs only where nothing else names it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

from telethon.tl import functions, types

from tgworker.adapters.telegram.dialogs import dialogs_request, entities_of, next_place
from tgworker.adapters.telegram.errors import LET_IN
from tgworker.adapters.telegram.known import is_whole
from tgworker.adapters.telegram.people import entity_id, map_chat
from tgworker.adapters.telegram.plain import TL, marked_id
from tgworker.adapters.telegram.session import TelegramSession
from tgworker.core.model import CHANNEL_MARK, ChatRef
from tgworker.errors import ChatUnavailableError

Ask: TypeAlias = Callable[[TL], Awaitable[TL]]

DIALOG_PAGES = 20
"""So many requests, of a hundred dialogs each, are spent at most on a chat known by its id alone."""

STALE = frozenset({"channel_invalid", "channel_id_invalid", "chat_id_invalid", "peer_id_invalid"})
"""What Telegram answers to an id whose access hash is not this account's."""


async def look_up(ref: ChatRef, ask: Ask, session: TelegramSession) -> TL:
    """The user or chat that `ref` names, whole.

    Raises:
        ChatUnavailableError: there is none, or none that the account may see.
    """
    found = await (_by_id if ref.username is None else _by_username)(ref, ask, session)
    if isinstance(found, types.ChannelForbidden | types.ChatForbidden):
        raise ChatUnavailableError(
            f"{ref} is private, or the account was banned from it. {LET_IN}",
            error_type="channel_private",
        )
    if found is None or not is_whole(found):
        raise ChatUnavailableError(
            f"{ref} is not among the account's chats: it has to be a member.",
            error_type="chat_not_found",
        )
    return found


async def _by_username(ref: ChatRef, ask: Ask, session: TelegramSession) -> TL | None:
    row = session.get_entity_rows_by_username(ref.username)
    if row is not None:
        entity = await _fetch(ask, *row)
        if entity is not None and is_whole(entity) and ref.username in map_chat(entity).usernames:
            return entity
    resolved = await ask(functions.contacts.ResolveUsernameRequest(ref.username))
    return _pick((*resolved.chats, *resolved.users), {marked_id(resolved.peer)})


async def _by_id(ref: ChatRef, ask: Ask, session: TelegramSession) -> TL | None:
    assert ref.id is not None, "it has no username"
    row = session.get_entity_rows_by_id(ref.id)
    # A basic group is asked for by its id alone.
    if row is None and CHANNEL_MARK < ref.id < 0:
        row = (ref.id, 0)
    entity = None if row is None else await _fetch(ask, *row)
    return await _in_dialogs(ref.id, ask) if entity is None else entity


async def _fetch(ask: Ask, id: int, access_hash: int) -> TL | None:
    """The user or chat with this marked id; None if Telegram does not know it under this hash (any more)."""
    try:
        if id > 0:
            found = await ask(functions.users.GetUsersRequest([types.InputUser(id, access_hash)]))
        elif id > CHANNEL_MARK:
            found = (await ask(functions.messages.GetChatsRequest([-id]))).chats
        else:
            channel = types.InputChannel(CHANNEL_MARK - id, access_hash)
            found = (await ask(functions.channels.GetChannelsRequest([channel]))).chats
    except ChatUnavailableError as error:
        if error.error_type not in STALE:
            raise
        return None
    return _pick(found, {id})


async def _in_dialogs(wanted: int, ask: Ask) -> TL | None:
    """Look through the account's dialogs."""
    place = None
    for _ in range(DIALOG_PAGES):
        answer = await ask(dialogs_request(place))
        found = _pick(entities_of(answer).values(), {wanted})
        place = next_place(answer)
        if found is not None or place is None:
            return found
    return None


def _pick(entities: Iterable[TL], wanted: Iterable[int | None]) -> TL | None:
    empty = types.UserEmpty | types.ChatEmpty
    return next(
        (each for each in entities if entity_id(each) in wanted and not isinstance(each, empty)),
        None,
    )
