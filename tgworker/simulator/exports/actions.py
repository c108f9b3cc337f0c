"""Service messages of an export: its words for what happened, in Telegram's own.

What Telegram has no plain field for in the world becomes a ``custom_action`` that says its name.
Source: ``SerializeMessage`` in Telegram Desktop's ``export_output_json.cpp``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.exports.item import INT64, Item
from tgworker.simulator.exports.people import Directory
from tgworker.simulator.world.model import Action

_TOPIC_COLOUR = 0x6FB9F0
"""What Telegram gives a topic for which nobody chose one; exports do not say."""

Fields = dict[str, Any]


def read_action(message: Item, directory: Directory, number: int) -> Action:
    """What the service message tells; `number` is the chat's bare id.

    A supergroup and the group that it was before do not name each other: both get the same number.
    """
    name = message.text("action")
    if name == "migrate_to_supergroup":
        return Action("chat_migrate_to", {"channel_id": number})
    if name == "migrate_from_group":
        return Action("channel_migrate_from", {**_title(message, directory), "chat_id": number})
    if not name:  # Telegram's own words stand for themselves
        return Action("custom_action", {"message": message.text("information_text")})
    known = _ACTIONS.get(name)
    fields = known[1](message, directory) if known else None
    if known is None or fields is None:
        message.notes.add(f"service messages {name!r}, kept as words")
        return Action("custom_action", {"message": name})
    return Action(known[0], fields)


def _nothing(message: Item, directory: Directory) -> Fields:
    return {}


def _title(message: Item, directory: Directory) -> Fields:
    return {"title": message.text("title")}


def _members(message: Item, directory: Directory) -> tuple[int, ...]:
    return tuple(directory.named(name) for name in message.values("members"))


def _users(message: Item, directory: Directory) -> Fields:
    return {"users": _members(message, directory)}


def _removed(message: Item, directory: Directory) -> Fields | None:
    members = _members(message, directory)
    return {"user_id": members[0]} if members else None


def _numbers(**keys: str) -> Callable[[Item, Directory], Fields]:
    """Telegram's name of each number, and the export's."""

    def read(message: Item, directory: Directory) -> Fields:
        return {name: message.whole(key) or 0 for name, key in keys.items()}

    return read


def _call(message: Item, directory: Directory) -> Fields:
    duration = message.whole("duration")
    return {} if duration is None else {"duration": duration}


def _schedule(message: Item, directory: Directory) -> Fields | None:
    date = message.whole("schedule_date")
    return {"schedule_date": datetime.fromtimestamp(date, UTC)} if date else None


def _proximity(message: Item, directory: Directory) -> Fields | None:
    peers = {
        key: directory.meet(message.data.get(key), message.data.get(key.removesuffix("_id")))
        for key in ("from_id", "to_id")
    }
    if not all(id is not None and id > 0 for id in peers.values()):
        return None
    return {**peers, "distance": message.whole("distance") or 0}


def _gift_code(message: Item, directory: Directory) -> Fields | None:
    peer = directory.meet(message.data.get("boost_peer_id"), None)
    if peer is None or peer > CHANNEL_MARK:
        return None
    flags = {key: True for key in ("via_giveaway", "unclaimed") if message.flag(key)}
    days = message.whole("days") or 0
    words = {"slug": message.text("gift_code"), "boost_peer": peer, "message": ""}
    return {"days": days, **flags, **words}


def _giveaway_results(message: Item, directory: Directory) -> Fields:
    counts = {"winners_count": "winners", "unclaimed_count": "unclaimed"}
    stars = {"stars": True} if message.flag("stars") else {}
    return {**_numbers(**counts)(message, directory), **stars}


def _payment(message: Item, directory: Directory) -> Fields:
    recurring = message.text("recurring")
    return {
        "currency": message.text("currency"),
        "total_amount": message.whole("amount", INT64) or 0,
        **({f"recurring_{recurring}": True} if recurring in ("init", "used") else {}),
    }


def _todo(message: Item, directory: Directory) -> Fields:
    def numbers(key: str) -> tuple[int, ...]:
        items = (Item({key: number}, message.notes).whole(key) for number in message.values(key))
        return tuple(number for number in items if number)

    return {"completed": numbers("completed"), "incompleted": numbers("incompleted")}


def _topic_edit(message: Item, directory: Directory) -> Fields:
    title = message.text("new_title")
    icon = message.whole("new_icon_emoji_id", INT64)
    return {
        **({"title": title} if title else {}),
        **({} if icon is None else {"icon_emoji_id": icon}),
    }


def _no_forwards(message: Item, directory: Directory) -> Fields:
    new = message.flag("new_value")
    return {"prev_value": not new, "new_value": new}


_ACTIONS: dict[str, tuple[str, Callable[[Item, Directory], Fields | None]]] = {
    "boost_apply": ("boost_apply", _numbers(boosts="boosts")),
    "create_channel": ("channel_create", _title),
    "create_group": (
        "chat_create",
        lambda message, directory: _title(message, directory) | _users(message, directory),
    ),
    "delete_group_photo": ("chat_delete_photo", _nothing),
    "edit_chat_theme": (
        "set_chat_theme",
        lambda message, directory: {"theme": {"emoticon": message.text("emoticon")}},
    ),
    "edit_group_photo": ("chat_edit_photo", _nothing),
    "edit_group_title": ("chat_edit_title", _title),
    "gift_code_prize": ("gift_code", _gift_code),
    "giveaway_launch": ("giveaway_launch", _nothing),
    "giveaway_results": ("giveaway_results", _giveaway_results),
    "group_call": ("group_call", _call),
    "group_call_scheduled": ("group_call_scheduled", _schedule),
    "invite_members": ("chat_add_user", _users),
    "invite_to_group_call": ("invite_to_group_call", _users),
    "join_group_by_link": (
        "chat_joined_by_link",
        lambda message, directory: {"inviter_id": directory.named(message.data.get("inviter"))},
    ),
    "join_group_by_request": ("chat_joined_by_request", _nothing),
    "no_forwards_toggle": ("no_forwards_toggle", _no_forwards),
    "pin_message": ("pin_message", _nothing),
    "proximity_reached": ("geo_proximity_reached", _proximity),
    "remove_members": ("chat_delete_user", _removed),
    "send_payment": ("payment_sent", _payment),
    "set_messages_ttl": ("set_messages_ttl", _numbers(period="period")),
    "todo_completions": ("todo_completions", _todo),
    "topic_created": (
        "topic_create",
        lambda message, directory: {**_title(message, directory), "icon_color": _TOPIC_COLOUR},
    ),
    "topic_edit": ("topic_edit", _topic_edit),
}
