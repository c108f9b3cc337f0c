"""Media that are no files: places, people, polls, lists, games, giveaways."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from telethon.tl import types

from tgworker.adapters.telegram.plain import (
    TL,
    count,
    described,
    listed,
    marked_id,
    text_or_none,
    time_text,
    whole,
)
from tgworker.core.message import Json

Describer: TypeAlias = Callable[[str, TL], dict[str, Json]]
"""Makes of the type's name and a medium what the archive holds of it."""


def _place(geo: TL) -> dict[str, TL]:
    """Latitude and longitude in degrees; of a GeoPointEmpty neither."""
    return {"latitude": getattr(geo, "lat", None), "longitude": getattr(geo, "long", None)}


def _geo(name: str, media: TL) -> dict[str, Json]:
    return described(name, **_place(media.geo), period=getattr(media, "period", None))


def _venue(name: str, media: TL) -> dict[str, Json]:
    return described(name, **_place(media.geo), title=media.title, address=media.address)


def _contact(name: str, media: TL) -> dict[str, Json]:
    """``user_id`` is 0 for somebody who is not on Telegram."""
    return described(
        name,
        phone_number=media.phone_number,
        first_name=media.first_name,
        last_name=media.last_name,
        user_id=whole(media.user_id) or None,
    )


def _poll(name: str, media: TL) -> dict[str, Json]:
    """``votes`` and ``answers`` go together, ``correct`` numbers the answers from 0.

    Telegram tells votes once the account has voted or the poll is closed, and before that often only how many voted.
    What the account itself chose is left out: it is nothing of the message's.
    """
    poll, results = media.poll, media.results
    answers = listed(getattr(poll, "answers", None))
    told = {
        each.option: each
        for each in listed(getattr(results, "results", None))
        if isinstance(getattr(each, "option", None), bytes)
    }
    found = [_told_of(answer, told) for answer in answers]
    votes = tuple(count(getattr(each, "voters", None)) for each in found)
    correct = tuple(number for number, each in enumerate(found) if getattr(each, "correct", None))
    return described(
        name,
        question=text_or_none(getattr(poll, "question", None)),
        answers=tuple(text_or_none(getattr(answer, "text", None)) or "" for answer in answers),
        votes=votes if any(each is not None for each in votes) else None,
        correct=correct or None,
        solution=text_or_none(getattr(results, "solution", None)),
        closed=_flag(poll, "closed"),
        quiz=_flag(poll, "quiz"),
        multiple_choice=_flag(poll, "multiple_choice"),
        public_voters=_flag(poll, "public_voters"),
        total_voters=getattr(results, "total_voters", None),
    )


def _told_of(answer: TL, told: dict[bytes, TL]) -> TL | None:
    option = getattr(answer, "option", None)
    return told.get(option) if isinstance(option, bytes) else None


def _flag(obj: TL, name: str) -> bool | None:
    return True if getattr(obj, name, None) else None


def _dice(name: str, media: TL) -> dict[str, Json]:
    return described(name, emoji=media.emoticon, value=media.value)


def _game(name: str, media: TL) -> dict[str, Json]:
    keys = ("title", "short_name", "description")
    return described(name, **{key: getattr(media.game, key, None) for key in keys})


def _to_do(name: str, media: TL) -> dict[str, Json]:
    tasks = listed(getattr(media.todo, "list", None))
    done = {each.id: each for each in listed(media.completions) if whole(getattr(each, "id", None))}
    return described(
        name,
        title=text_or_none(getattr(media.todo, "title", None)),
        tasks=tuple(_task(task, done.get(whole(getattr(task, "id", None)))) for task in tasks)
        or None,
    )


def _task(task: TL, completion: TL | None) -> dict[str, Json]:
    """Done tasks tell who did them, and when."""
    told = {
        "id": whole(getattr(task, "id", None)),
        "title": text_or_none(getattr(task, "title", None)),
        "completed_by": marked_id(getattr(completion, "completed_by", None)),
        "date": time_text(getattr(completion, "date", None)),
    }
    return {key: value for key, value in told.items() if value is not None}


CONTENTS: dict[type, Describer] = {
    types.MessageMediaGeo: _geo,
    types.MessageMediaGeoLive: _geo,
    types.MessageMediaVenue: _venue,
    types.MessageMediaContact: _contact,
    types.MessageMediaPoll: _poll,
    types.MessageMediaDice: _dice,
    types.MessageMediaGame: _game,
    types.MessageMediaToDo: _to_do,
}
