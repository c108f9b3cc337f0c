"""What is attached to a message, described; nothing is downloaded."""

from __future__ import annotations

from telethon.tl import types

from tgworker.adapters.telegram.contents import CONTENTS, Describer
from tgworker.adapters.telegram.plain import TL, count, described, listed, plain_fields, tl_name
from tgworker.core.message import Json


def map_media(media: TL | None) -> dict[str, Json] | None:
    """``{"type": …}`` and what that type has; None without media. A type not known here keeps its plain fields."""
    if media is None or isinstance(media, types.MessageMediaEmpty):
        return None
    describe = _DESCRIBERS.get(type(media))
    name = tl_name(media, "MessageMedia")
    return {"type": name, **plain_fields(media)} if describe is None else describe(name, media)


def _photo(name: str, media: TL) -> dict[str, Json]:
    """The largest size: the one with most pixels, of which the last has most bytes."""
    sizes = [size for size in listed(getattr(media.photo, "sizes", None)) if _pixels(size)]
    if not sizes:
        return described(name)
    largest = max(sizes, key=lambda size: (_pixels(size), _bytes_of(size) or 0))
    return described(name, width=largest.w, height=largest.h, size=_bytes_of(largest))


def _pixels(size: TL) -> int:
    """0 for sizes that have no width and height, such as outlines."""
    return (count(getattr(size, "w", None)) or 0) * (count(getattr(size, "h", None)) or 0)


def _bytes_of(size: TL) -> int | None:
    """How many bytes a size of a photo has: said outright, sent along, or for a progressive JPEG, its last step."""
    match size:
        case types.PhotoSizeProgressive():
            return max(filter(count, listed(size.sizes)), default=None)
        case types.PhotoCachedSize():
            return len(size.bytes) if isinstance(size.bytes, bytes) else None
        case _:
            return count(getattr(size, "size", None))


def _document(_: str, media: TL) -> dict[str, Json]:
    """Stickers, GIFs, videos, voice messages, music, files: one constructor, told apart by attributes."""
    document = media.document
    attributes = {type(each): each for each in listed(getattr(document, "attributes", None))}
    video = attributes.get(types.DocumentAttributeVideo)
    audio = attributes.get(types.DocumentAttributeAudio)
    sticker = attributes.get(types.DocumentAttributeSticker)
    emoji = attributes.get(types.DocumentAttributeCustomEmoji)
    framed = video or attributes.get(types.DocumentAttributeImageSize)
    return described(
        _document_type(media, attributes),
        file_name=getattr(attributes.get(types.DocumentAttributeFilename), "file_name", None),
        mime_type=getattr(document, "mime_type", None),
        size=getattr(document, "size", None),
        width=getattr(framed, "w", None),
        height=getattr(framed, "h", None),
        duration=getattr(video or audio, "duration", None),
        title=getattr(audio, "title", None),
        performer=getattr(audio, "performer", None),
        emoji=getattr(sticker or emoji, "alt", None),
    )


def _document_type(media: TL, attributes: dict[type, TL]) -> str:
    """An expired document has no attributes any more: then the flags of the media say what it was."""
    video = attributes.get(types.DocumentAttributeVideo)
    audio = attributes.get(types.DocumentAttributeAudio)
    if types.DocumentAttributeSticker in attributes:
        return "sticker"
    if types.DocumentAttributeCustomEmoji in attributes:
        return "custom_emoji"
    if types.DocumentAttributeAnimated in attributes:
        return "animation"
    if media.round if video is None else video.round_message:
        return "video_note"
    if video is not None or media.video:
        return "video"
    if media.voice if audio is None else audio.voice:
        return "voice"
    return "document" if audio is None else "audio"


def _web_page(name: str, media: TL) -> dict[str, Json]:
    page = media.webpage
    keys = ("url", "site_name", "title", "description", "author")
    return described(name, **{key: getattr(page, key, None) for key in keys})


def _invoice(name: str, media: TL) -> dict[str, Json]:
    return {"type": name, **plain_fields(media)} | _sold(
        media.extended_media and [media.extended_media]
    )


def _paid_media(name: str, media: TL) -> dict[str, Json]:
    return {"type": name, **plain_fields(media)} | _sold(media.extended_media)


def _sold(offered: TL) -> dict[str, Json]:
    """What is paid for: described if it has been, else as the blurred preview that everybody sees."""
    found = [_extended(each) for each in listed(offered)]
    return {"media": [each for each in found if each is not None]} if found else {}


def _extended(offered: TL) -> dict[str, Json] | None:
    if isinstance(offered, types.MessageExtendedMedia):
        return map_media(offered.media)
    if isinstance(offered, types.MessageExtendedMediaPreview):
        preview = {"width": offered.w, "height": offered.h, "duration": offered.video_duration}
        return described("preview", **preview)
    return {"type": tl_name(offered, "MessageExtendedMedia"), **plain_fields(offered)}


_DESCRIBERS: dict[type, Describer] = {
    types.MessageMediaPhoto: _photo,
    types.MessageMediaDocument: _document,
    types.MessageMediaWebPage: _web_page,
    types.MessageMediaInvoice: _invoice,
    types.MessageMediaPaidMedia: _paid_media,
    **CONTENTS,
}
