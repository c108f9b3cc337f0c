"""Service messages as TL: the world's plain fields, and made-up objects where TL wants an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world.model import Action
from tgworker.simulator.world.tl_plain import peer_tl, text_tl

Fields = Mapping[str, Any]


def action_tl(action: Action, message_id: int) -> Any:
    """The action's own TL type; objects that the world has nothing of get an id from the message."""
    fields = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in action.fields.items()
    }
    return _ACTIONS[action.type](fields, message_id)


def _plain(kind: Any) -> Callable[[Fields, int], Any]:
    return lambda fields, id: kind(**fields)


def _photo(id: int) -> Any:
    return types.PhotoEmpty(id)


def _call(id: int) -> Any:
    return types.InputGroupCall(id, id)


def _gift_code(fields: Fields, id: int) -> Any:
    changed = {
        "boost_peer": types.PeerChannel(CHANNEL_MARK - fields["boost_peer"]),
        "message": text_tl(fields["message"]),
    }
    return types.MessageActionGiftCode(**{**fields, **changed})


def _geo_proximity_reached(fields: Fields, id: int) -> Any:
    return types.MessageActionGeoProximityReached(
        types.PeerUser(fields["from_id"]), types.PeerUser(fields["to_id"]), fields["distance"]
    )


def _star_gift(fields: Fields, id: int) -> Any:
    gift = fields["gift"]
    sticker = types.DocumentEmpty(gift["id"])
    changed = {
        "gift": types.StarGift(gift["id"], sticker, gift["stars"], gift["convert_stars"]),
        "message": text_tl(fields["message"]) if "message" in fields else None,
        "from_id": peer_tl(fields["from_id"]),
    }
    return types.MessageActionStarGift(**{**fields, **changed})


def _todo_append_tasks(fields: Fields, id: int) -> Any:
    tasks = [types.TodoItem(task["id"], text_tl(task["title"])) for task in fields["list"]]
    return types.MessageActionTodoAppendTasks(tasks)


def _poll_append_answer(fields: Fields, id: int) -> Any:
    answer = types.PollAnswer(text_tl(fields["answer"]["text"]), b"1")
    return types.MessageActionPollAppendAnswer(answer)


def _set_chat_theme(fields: Fields, id: int) -> Any:
    return types.MessageActionSetChatTheme(types.ChatTheme(fields["theme"]["emoticon"]))


def _requested_peer(fields: Fields, id: int) -> Any:
    peers = [peer_tl(peer) for peer in fields["peers"]]
    return types.MessageActionRequestedPeer(fields["button_id"], peers)


_ACTIONS: dict[str, Callable[[Fields, int], Any]] = {
    "boost_apply": _plain(types.MessageActionBoostApply),
    "channel_create": _plain(types.MessageActionChannelCreate),
    "channel_migrate_from": _plain(types.MessageActionChannelMigrateFrom),
    "chat_add_user": _plain(types.MessageActionChatAddUser),
    "chat_create": _plain(types.MessageActionChatCreate),
    "chat_delete_photo": _plain(types.MessageActionChatDeletePhoto),
    "chat_delete_user": _plain(types.MessageActionChatDeleteUser),
    "chat_edit_photo": lambda fields, id: types.MessageActionChatEditPhoto(_photo(id)),
    "chat_edit_title": _plain(types.MessageActionChatEditTitle),
    "chat_joined_by_link": _plain(types.MessageActionChatJoinedByLink),
    "chat_joined_by_request": _plain(types.MessageActionChatJoinedByRequest),
    "chat_migrate_to": _plain(types.MessageActionChatMigrateTo),
    "custom_action": _plain(types.MessageActionCustomAction),
    "geo_proximity_reached": _geo_proximity_reached,
    "gift_code": _gift_code,
    "giveaway_launch": _plain(types.MessageActionGiveawayLaunch),
    "giveaway_results": _plain(types.MessageActionGiveawayResults),
    "group_call": lambda fields, id: types.MessageActionGroupCall(_call(id), **fields),
    "group_call_scheduled": lambda fields, id: types.MessageActionGroupCallScheduled(
        _call(id), **fields
    ),
    "invite_to_group_call": lambda fields, id: types.MessageActionInviteToGroupCall(
        _call(id), **fields
    ),
    "no_forwards_toggle": _plain(types.MessageActionNoForwardsToggle),
    "payment_sent": _plain(types.MessageActionPaymentSent),
    "phone_call": lambda fields, id: types.MessageActionPhoneCall(
        **{**fields, "reason": types.PhoneCallDiscardReasonMissed()}
    ),
    "pin_message": _plain(types.MessageActionPinMessage),
    "poll_append_answer": _poll_append_answer,
    "requested_peer": _requested_peer,
    "set_chat_theme": _set_chat_theme,
    "set_messages_ttl": _plain(types.MessageActionSetMessagesTTL),
    "star_gift": _star_gift,
    "todo_append_tasks": _todo_append_tasks,
    "todo_completions": _plain(types.MessageActionTodoCompletions),
    "topic_create": _plain(types.MessageActionTopicCreate),
    "topic_edit": _plain(types.MessageActionTopicEdit),
}
