"""What is attached to a message, described; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telethon.tl import types

from tgworker.adapters.telegram.plain import TL, plain_fields, tl_name
from tgworker.core.model import Json


def map_media(media: TL | None) -> dict[str, Json] | None:
    """``{"type": …}`` and what that type has; None without media. A type not known here keeps its plain fields."""
    if media is None or isinstance(media, types.MessageMediaEmpty):
        return None
    describe = _DESCRIBERS.get(type(media))
    name = tl_name(media, "MessageMedia")
    return {"type": name, **plain_fields(media)} if describe is None else describe(name, media)


def _described(name: str, **fields: Any) -> dict[str, Json]:
    """The type and those of its fields that have a value; zero is one."""
    return {"type": name} | {
        key: value for key, value in fields.items() if value is not None and value != ""
    }


def _photo(name: str, media: TL) -> dict[str, Json]:
    """The largest size: the one with most pixels, of which the last has most bytes."""
    sizes = [size for size in getattr(media.photo, "sizes", ()) if hasattr(size, "w")]
    if not sizes:
        return _described(name)
    largest = max(sizes, key=lambda size: (size.w * size.h, _bytes_of(size) or 0))
    return _described(name, width=largest.w, height=largest.h, size=_bytes_of(largest))


def _bytes_of(size: TL) -> int | None:
    """How many bytes a size of a photo has: said outright, sent along, or for a progressive JPEG, its last step."""
    match size:
        case types.PhotoSizeProgressive():
            return max(size.sizes, default=None)
        case types.PhotoCachedSize():
            return len(size.bytes)
        case _:
            return getattr(size, "size", None)


def _document(_: str, media: TL) -> dict[str, Json]:
    """Stickers, GIFs, videos, voice messages, music, files: one constructor, told apart by attributes."""
    document = media.document
    attributes = {type(each): each for each in getattr(document, "attributes", ())}
    video = attributes.get(types.DocumentAttributeVideo)
    audio = attributes.get(types.DocumentAttributeAudio)
    sticker = attributes.get(types.DocumentAttributeSticker)
    framed = video or attributes.get(types.DocumentAttributeImageSize)
    return _described(
        _document_type(media, attributes),
        file_name=getattr(attributes.get(types.DocumentAttributeFilename), "file_name", None),
        mime_type=getattr(document, "mime_type", None),
        size=getattr(document, "size", None),
        width=getattr(framed, "w", None),
        height=getattr(framed, "h", None),
        duration=getattr(video or audio, "duration", None),
        title=getattr(audio, "title", None),
        performer=getattr(audio, "performer", None),
        emoji=getattr(sticker, "alt", None),
    )


def _document_type(media: TL, attributes: dict[type, TL]) -> str:
    """An expired document has no attributes any more: then the flags of the media say what it was."""
    video = attributes.get(types.DocumentAttributeVideo)
    audio = attributes.get(types.DocumentAttributeAudio)
    signs = {
        "sticker": types.DocumentAttributeSticker in attributes,
        "animation": types.DocumentAttributeAnimated in attributes,
        "video_note": getattr(video, "round_message", media.round),
        "video": video is not None or media.video,
        "voice": getattr(audio, "voice", media.voice),
        "audio": audio is not None,
    }
    return next((name for name, sign in signs.items() if sign), "document")


def _web_page(name: str, media: TL) -> dict[str, Json]:
    page = media.webpage
    keys = ("url", "site_name", "title", "description")
    return _described(name, **{key: getattr(page, key, None) for key in keys})


def _place(geo: TL) -> dict[str, float | None]:
    """Latitude and longitude in degrees; of a GeoPointEmpty neither."""
    return {"latitude": getattr(geo, "lat", None), "longitude": getattr(geo, "long", None)}


def _geo(name: str, media: TL) -> dict[str, Json]:
    return _described(name, **_place(media.geo), period=getattr(media, "period", None))


def _venue(name: str, media: TL) -> dict[str, Json]:
    return _described(name, **_place(media.geo), title=media.title, address=media.address)


def _contact(name: str, media: TL) -> dict[str, Json]:
    """``user_id`` is 0 for somebody who is not on Telegram."""
    return _described(
        name,
        phone_number=media.phone_number,
        first_name=media.first_name,
        last_name=media.last_name,
        user_id=media.user_id or None,
    )


def _poll(name: str, media: TL) -> dict[str, Json]:
    poll = media.poll
    return _described(
        name,
        question=poll.question.text,
        answers=[_answer_text(answer) for answer in poll.answers],
        closed=poll.closed or None,
        quiz=poll.quiz or None,
        total_voters=media.results.total_voters,
    )


def _answer_text(answer: TL) -> str:
    return str(getattr(answer.text, "text", answer.text))


def _dice(name: str, media: TL) -> dict[str, Json]:
    return _described(name, emoji=media.emoticon, value=media.value)


_DESCRIBERS: dict[type, Callable[[str, TL], dict[str, Json]]] = {
    types.MessageMediaPhoto: _photo,
    types.MessageMediaDocument: _document,
    types.MessageMediaWebPage: _web_page,
    types.MessageMediaGeo: _geo,
    types.MessageMediaGeoLive: _geo,
    types.MessageMediaVenue: _venue,
    types.MessageMediaContact: _contact,
    types.MessageMediaPoll: _poll,
    types.MessageMediaDice: _dice,
}
