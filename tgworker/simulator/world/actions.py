"""What service messages tell, of many kinds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import Any

from attrs import frozen

from tgworker.core.model import ChatType
from tgworker.simulator.world.draws import pick
from tgworker.simulator.world.model import Action
from tgworker.simulator.world.people import People


@frozen
class Scene:
    """Where and when something happened: the chat's marked id, its type and title, the time."""

    chat_id: int
    type: ChatType
    title: str
    date: int
    people: People


def creation(scene: Scene) -> Action:
    """The first message of every chat."""
    if scene.type is ChatType.GROUP:
        users = tuple(user.id for user in scene.people.users[:3])
        return Action("chat_create", {"title": scene.title, "users": users})
    return Action("channel_create", {"title": scene.title})


def topic_creation(rng: Random, title: str) -> Action:
    icon = {"icon_emoji_id": rng.getrandbits(62) + 1} if rng.random() < 0.5 else {}
    return Action("topic_create", {"title": title, "icon_color": 0x6FB9F0, **icon})


def any_action(rng: Random, scene: Scene) -> Action:
    """Something that happens in a chat of that type."""
    kinds = _IN_CHANNELS if scene.type is ChatType.CHANNEL else tuple(_KINDS)
    kind = pick(rng, kinds)
    return Action(kind, _KINDS[kind](rng, scene))


def _users(rng: Random, scene: Scene) -> tuple[int, ...]:
    known = scene.people.users
    return tuple(sorted({pick(rng, known).id for _ in range(1 + rng.randrange(3))}))


def _user(rng: Random, scene: Scene) -> int:
    return pick(rng, scene.people.users).id


def _nothing(rng: Random, scene: Scene) -> dict[str, Any]:
    return {}


_KINDS: dict[str, Callable[[Random, Scene], dict[str, Any]]] = {
    "pin_message": _nothing,
    "chat_add_user": lambda rng, scene: {"users": _users(rng, scene)},
    "chat_delete_user": lambda rng, scene: {"user_id": _user(rng, scene)},
    "chat_joined_by_link": lambda rng, scene: {"inviter_id": _user(rng, scene)},
    "chat_joined_by_request": _nothing,
    "chat_edit_title": lambda rng, scene: {"title": f"{scene.title} 🎉"},
    "chat_edit_photo": _nothing,
    "chat_delete_photo": _nothing,
    "group_call": lambda rng, scene: {"duration": 60} if rng.random() < 0.5 else {},
    "group_call_scheduled": lambda rng, scene: {
        "schedule_date": datetime.fromtimestamp(scene.date + 86_400, UTC)
    },
    "invite_to_group_call": lambda rng, scene: {"users": _users(rng, scene)},
    "set_messages_ttl": lambda rng, scene: {
        "period": 86_400,
        **({"auto_setting_from": _user(rng, scene)} if rng.random() < 0.5 else {}),
    },
    "set_chat_theme": lambda rng, scene: {"theme": {"emoticon": "🎄"}},
    "star_gift": lambda rng, scene: {
        "name_hidden": rng.random() < 0.5,
        "message": "С праздником",
        "convert_stars": 85,
        "from_id": _user(rng, scene),
        "gift": {"id": 5_170_145_012_310_081_615, "stars": 100, "convert_stars": 85},
    },
    "phone_call": lambda rng, scene: {
        "call_id": rng.getrandbits(62) + 1,
        "video": rng.random() < 0.5,
        "reason": "missed",
    },
    "todo_append_tasks": lambda rng, scene: {
        "list": ({"id": 2, "title": "Хлеб"}, {"id": 3, "title": "Соль 🧂"})
    },
    "poll_append_answer": lambda rng, scene: {"answer": {"text": "Другое"}},
    "requested_peer": lambda rng, scene: {
        "button_id": 1,
        "peers": (_user(rng, scene), scene.people.outsiders[0].id),
    },
    "boost_apply": lambda rng, scene: {"boosts": 1 + rng.randrange(4)},
    "geo_proximity_reached": lambda rng, scene: {
        "from_id": _user(rng, scene),
        "to_id": _user(rng, scene),
        "distance": 1 + rng.randrange(500),
    },
    "giveaway_launch": lambda rng, scene: {"stars": 500} if rng.random() < 0.5 else {},
    "giveaway_results": lambda rng, scene: {
        "winners_count": 1 + rng.randrange(9),
        "unclaimed_count": 1,
        "stars": True,
    },
    "gift_code": lambda rng, scene: {
        "days": 90,
        "slug": "abcDEF",
        "via_giveaway": True,
        "boost_peer": scene.people.outsiders[0].id,
        "message": "С днём рождения 🎂",
    },
    "todo_completions": lambda rng, scene: {"completed": (1, 2), "incompleted": ()},
    "no_forwards_toggle": lambda rng, scene: {"prev_value": False, "new_value": True},
    "payment_sent": lambda rng, scene: {
        "currency": "XTR",
        "total_amount": 1 + rng.randrange(99),
        "recurring_init": True,
    },
    "custom_action": lambda rng, scene: {"message": "что-то произошло"},
    "topic_edit": lambda rng, scene: {"title": "Флудилка", "closed": True},
}

_IN_CHANNELS = (
    *("pin_message", "chat_edit_title", "chat_edit_photo", "group_call", "giveaway_launch"),
    *("giveaway_results", "set_messages_ttl", "group_call_scheduled"),
)
