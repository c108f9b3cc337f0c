"""What the archive must say of media, worked out from the world as in `truth`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from tgworker.simulator.world.media_model import (
    Bare,
    Contact,
    Dice,
    File,
    Game,
    Giveaway,
    Invoice,
    Media,
    Paid,
    Photo,
    Place,
    Poll,
    Preview,
    Story,
    Task,
    ToDo,
    WebPage,
)


def time_truth(seconds: int) -> str:
    """A time as the archive writes it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19] + "Z"


def present(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Without the keys that have no value: None, False, and empty texts and lists."""
    return {
        key: value
        for key, value in pairs
        if value is not None and value is not False and value != "" and value != []
    }


def media_truth(media: Media) -> dict[str, Any]:
    """What is attached, as the archive describes it; only keys with a value."""
    return present(_fields(media).items())


def _fields(media: Media) -> Mapping[str, Any]:
    match media:
        case Photo(sizes=()):
            return {"type": "photo"}
        case Photo():
            width, height, size = media.sizes[-1]
            return {"type": "photo", "width": width, "height": height, "size": size}
        case File():
            return {
                "type": media.kind,
                "file_name": media.file_name,
                "mime_type": media.mime_type,
                "size": media.size,
                "width": media.width,
                "height": media.height,
                "duration": media.duration,
                "title": media.title,
                "performer": media.performer,
                "emoji": media.emoji,
            }
        case WebPage():
            return {
                "type": "web_page",
                "url": media.url,
                "site_name": media.site_name,
                "title": media.title,
                "description": media.description,
                "author": media.author,
            }
        case Place():
            return _place(media)
        case Contact():
            return {
                "type": "contact",
                "phone_number": media.phone_number,
                "first_name": media.first_name,
                "last_name": media.last_name,
                "user_id": media.user_id or None,
            }
        case Poll():
            return {
                "type": "poll",
                "question": media.question,
                "answers": list(media.answers),
                "votes": list(media.votes),
                "correct": [] if media.correct is None else [media.correct],
                "solution": media.solution,
                "closed": media.closed,
                "quiz": media.quiz,
                "multiple_choice": media.multiple_choice,
                "public_voters": media.public_voters,
                "total_voters": media.total_voters,
            }
        case Dice():
            return {"type": "dice", "emoji": media.emoji, "value": media.value}
        case Invoice():
            return {
                "type": "invoice",
                "title": media.title,
                "description": media.description,
                "currency": media.currency,
                "total_amount": media.total_amount,
                "start_param": media.start_param,
            }
        case Game():
            return {
                "type": "game",
                "title": media.title,
                "short_name": media.short_name,
                "description": media.description,
            }
        case ToDo():
            tasks = [_task(task) for task in media.tasks]
            return {"type": "to_do", "title": media.title, "tasks": tasks}
        case Paid():
            shown = [_shown(each) for each in media.media]
            return {"type": "paid_media", "stars_amount": media.stars, "media": shown}
        case Story():
            told = {"peer": media.peer, "id": media.id, "via_mention": media.mention}
            return {"type": "story", **told}
        case Giveaway():
            return _giveaway(media)
        case Bare():
            return {"type": media.type}


def _place(place: Place) -> Mapping[str, Any]:
    kind = "venue" if place.title else "geo_live" if place.period else "geo"
    return {
        "type": kind,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "period": place.period,
        "title": place.title,
        "address": place.address,
    }


def _task(task: Task) -> dict[str, Any]:
    told = {"id": task.id, "title": task.title}
    if task.done_by is None:
        return told
    return told | {"completed_by": task.done_by, "date": time_truth(task.done_at or 0)}


def _shown(media: Photo | File | Preview) -> dict[str, Any]:
    if isinstance(media, Preview):
        size = {"width": media.width, "height": media.height, "duration": media.duration}
        return present({"type": "preview", **size}.items())
    return media_truth(media)


def _giveaway(media: Giveaway) -> Mapping[str, Any]:
    prize = {
        "until_date": time_truth(media.until),
        "months": media.months,
        "stars": media.stars,
        "prize_description": media.prize,
    }
    if media.winners:
        return {
            "type": "giveaway_results",
            "channel_id": media.channels[0],
            "launch_msg_id": media.launch_id,
            "winners_count": len(media.winners),
            "unclaimed_count": media.quantity - len(media.winners),
            "winners": list(media.winners),
            **prize,
        }
    return {
        "type": "giveaway",
        "channels": list(media.channels),
        "quantity": media.quantity,
        "countries_iso2": list(media.countries),
        **prize,
    }
