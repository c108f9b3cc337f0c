"""What is attached to a message of an export.

Source: ``SerializeMessage`` in Telegram Desktop's ``export_output_json.cpp``, from 2018's to today's. Sizes and types
that older exports do not tell are filled in: 0 bytes, and the type that the file's name suggests.
"""

from __future__ import annotations

import mimetypes
from pathlib import PurePosixPath

import orjson

from tgworker.simulator.exports.item import INT64, Item
from tgworker.simulator.exports.texts import plain_text
from tgworker.simulator.world.media_model import (
    Bare,
    Contact,
    File,
    Game,
    Invoice,
    Media,
    Photo,
    Place,
    Poll,
    ToDo,
)

_KINDS = {
    "sticker": "sticker",
    "video_message": "video_note",
    "voice_message": "voice",
    "animation": "animation",
    "video_file": "video",
    "audio_file": "audio",
}
_SOUNDS = ("voice", "audio")
_FILMS = ("video", "video_note")
_UNSERVED = ("giveaway_information", "giveaway_results", "paid_stars_amount")
_MOST_ANSWERS = 100
_SUFFIX_TYPES = {".tgs": "application/x-tgsticker", ".webp": "image/webp", ".oga": "audio/ogg"}


def read_media(message: Item) -> Media | None:
    """What the message carries, if it carries anything."""
    if message.has("photo"):
        return _photo(message)
    if message.has("file") or message.has("media_type"):
        return _file(message)
    if (contact := message.item("contact_information")) is not None:
        names = contact.text("first_name"), contact.text("last_name")
        return Contact(contact.text("phone_number"), *names, user_id=0)
    if message.has("location_information") or message.has("place_name"):
        return _place(message)
    if (poll := message.item("poll")) is not None:
        return _poll(poll)
    if message.has("invoice_information"):
        return _invoice(message)
    return _other(message)


def _photo(message: Item) -> Photo:
    width, height = message.whole("width"), message.whole("height")
    if width is None or height is None:
        return Photo(())
    return Photo(((width, height, message.whole("photo_file_size") or 0),))


def _file(message: Item) -> File:
    type = message.text("media_type")
    kind = _KINDS.get(type, "document")
    if type and type not in _KINDS:
        message.notes.add(f"files of type {type!r}, kept as documents")
    name = _file_name(message)
    duration = message.number("duration_seconds")
    width, height = message.whole("width"), message.whole("height")
    if width is None or height is None or kind in _SOUNDS:
        width = height = None
    if kind in _SOUNDS:
        duration = min(int(abs(duration or 0)), 2**31 - 1)
    elif kind == "document":
        duration = None
    elif duration is not None or kind in _FILMS:
        # Telegram says how long something is and how large it is seen in one breath.
        duration, width, height = duration or 0.0, width or 0, height or 0
    return File(
        kind,
        message.text("mime_type") or _guessed_type(name),
        message.whole("file_size", INT64) or 0,
        file_name=name,
        width=width,
        height=height,
        duration=duration,
        title=message.text("title") or None if kind == "audio" else None,
        performer=message.text("performer") or None if kind == "audio" else None,
        emoji=message.text("sticker_emoji") if kind == "sticker" else None,
    )


def _file_name(message: Item) -> str | None:
    """Before there was ``file_name``, the path had it, or a sentence in brackets for what was not exported."""
    if name := message.text("file_name"):
        return name
    path = message.text("file")
    return None if path.startswith("(") else PurePosixPath(path).name or None


def _guessed_type(name: str | None) -> str:
    suffix = PurePosixPath(name or "").suffix.lower()
    known = _SUFFIX_TYPES.get(suffix) or mimetypes.types_map.get(suffix)
    return known or "application/octet-stream"


def _place(message: Item) -> Place | None:
    point = message.item("location_information")
    latitude = point.number("latitude") if point else None
    longitude = point.number("longitude") if point else None
    if latitude is None or longitude is None:
        message.notes.add("places without coordinates, left out")
        return None
    if title := message.text("place_name"):
        return Place(latitude, longitude, title=title, address=message.text("address"))
    return Place(latitude, longitude, period=message.whole("live_location_period_seconds"))


def _poll(poll: Item) -> Media:
    answers = tuple(plain_text(answer, "text") for answer in poll.items("answers"))
    if not answers:
        poll.notes.add("polls without answers, served as unsupported media")
        return Bare("unsupported")
    return Poll(
        plain_text(poll, "question"),
        answers[:_MOST_ANSWERS],
        closed=poll.flag("closed"),
        quiz=False,
        total_voters=poll.whole("total_voters") or 0,
    )


def _invoice(message: Item) -> Invoice:
    """Telegram Desktop puts the whole object into quotes."""
    value = message.data["invoice_information"]
    try:
        data = orjson.loads(value) if isinstance(value, str) else value
    except orjson.JSONDecodeError:
        data = None
    invoice = Item({"invoice_information": data}, message.notes).item("invoice_information")
    if invoice is None:
        invoice = Item({}, message.notes)
    title, description = invoice.text("title"), invoice.text("description")
    amount = invoice.whole("amount", INT64) or 0
    return Invoice(title, description, invoice.text("currency"), amount, start_param="")


def _other(message: Item) -> Media | None:
    if message.has("game_title"):
        return Game(message.text("game_title"), message.text("game_description"))
    if message.has("todo_list"):
        todo = message.item("todo_list")
        return ToDo(plain_text(todo, "title") if todo is not None else "")
    for key in _UNSERVED:
        if message.has(key):
            message.notes.add(f"{key}, served as an unsupported medium")
            return Bare("unsupported")
    return None
