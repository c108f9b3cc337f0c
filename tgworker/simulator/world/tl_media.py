"""Media as TL, with all that real media carry: thumbnails, attributes, references nobody will follow."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from telethon.tl import types

from tgworker.core.model import CHANNEL_MARK
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
    ToDo,
    WebPage,
)
from tgworker.simulator.world.tl_plain import moment, peer_tl, text_tl

_DC = 2
_STRIPPED = bytes.fromhex("012828")


def media_tl(media: Media, id: int, date: int) -> Any:
    """The medium's own TL type; files and photos get their ids and dates from the message."""
    match media:
        case Photo():
            return _photo(media, id, date)
        case File():
            return _file(media, id, date)
        case WebPage():
            return types.MessageMediaWebPage(_web_page(media, id))
        case Place():
            return _place(media)
        case Contact():
            return types.MessageMediaContact(
                media.phone_number, media.first_name, media.last_name, "", media.user_id
            )
        case Poll():
            return _poll(media, id)
        case Dice():
            return types.MessageMediaDice(media.value, media.emoji)
        case Invoice():
            return types.MessageMediaInvoice(
                *(media.title, media.description, media.currency, media.total_amount),
                media.start_param,
            )
        case Game():
            return types.MessageMediaGame(
                types.Game(
                    *(id, id, media.short_name, media.title, media.description),
                    types.PhotoEmpty(id),
                )
            )
        case ToDo():
            return _to_do(media)
        case Paid():
            return types.MessageMediaPaidMedia(
                media.stars, [_extended(each, id, date) for each in media.media]
            )
        case Story():
            return types.MessageMediaStory(
                peer_tl(media.peer), media.id, via_mention=media.mention or None
            )
        case Giveaway():
            return _giveaway(media)
        case Bare():
            return types.MessageMediaUnsupported()


def _photo(photo: Photo, id: int, date: int) -> Any:
    if not photo.sizes:
        return types.MessageMediaPhoto(ttl_seconds=10)
    sizes: list[Any] = [types.PhotoStrippedSize("i", _STRIPPED)]
    sizes += [types.PhotoSize(name, *size) for name, size in zip("mxy", photo.sizes, strict=False)]
    if photo.progressive:
        width, height, size = photo.sizes[-1]
        parts = [size // 4, size // 2, size]
        sizes[-1] = types.PhotoSizeProgressive(sizes[-1].type, width, height, parts)
    return types.MessageMediaPhoto(
        photo=types.Photo(id, id, b"reference", datetime.fromtimestamp(date, UTC), sizes, _DC)
    )


def _file(file: File, id: int, date: int) -> Any:
    return types.MessageMediaDocument(
        video=file.kind in ("video", "video_note") or None,
        round=file.kind == "video_note" or None,
        voice=file.kind == "voice" or None,
        document=types.Document(
            id=id,
            access_hash=id,
            file_reference=b"reference",
            date=datetime.fromtimestamp(date, UTC),
            mime_type=file.mime_type,
            size=file.size,
            dc_id=_DC,
            attributes=_attributes(file),
        ),
    )


def _attributes(file: File) -> list[Any]:
    attributes: list[Any] = []
    if file.kind in ("voice", "audio"):
        attributes.append(
            types.DocumentAttributeAudio(
                int(file.duration or 0),
                voice=file.kind == "voice" or None,
                title=file.title,
                performer=file.performer,
            )
        )
    elif file.duration is not None:
        round = file.kind == "video_note" or None
        attributes.append(
            types.DocumentAttributeVideo(
                file.duration, file.width, file.height, round_message=round
            )
        )
    elif file.width is not None:
        attributes.append(types.DocumentAttributeImageSize(file.width, file.height))
    if file.kind == "sticker":
        attributes.append(types.DocumentAttributeSticker(file.emoji, types.InputStickerSetEmpty()))
    if file.kind == "animation":
        attributes.append(types.DocumentAttributeAnimated())
    if file.file_name is not None:
        attributes.append(types.DocumentAttributeFilename(file.file_name))
    return attributes


def _web_page(page: WebPage, id: int) -> Any:
    if page.empty:
        return types.WebPageEmpty(id, page.url)
    return types.WebPage(
        id=id,
        url=page.url,
        display_url=page.url.removeprefix("https://"),
        hash=0,
        type="article",
        site_name=page.site_name,
        title=page.title,
        description=page.description,
        author=page.author,
    )


def _place(place: Place) -> Any:
    point = types.GeoPoint(place.longitude, place.latitude, 1)
    if place.title is not None:
        return types.MessageMediaVenue(point, place.title, place.address, "foursquare", "1", "food")
    if place.period is not None:
        return types.MessageMediaGeoLive(point, place.period)
    return types.MessageMediaGeo(point)


def _poll(poll: Poll, id: int) -> Any:
    answers = [
        types.PollAnswer(text_tl(text), bytes([number])) for number, text in enumerate(poll.answers)
    ]
    # Telegram's order is its own, so results are told apart by their option.
    results = [
        types.PollAnswerVoters(
            bytes([number]),
            chosen=number == 0 or None,
            correct=number == poll.correct or None,
            voters=votes,
            recent_voters=[],
        )
        for number, votes in reversed(list(enumerate(poll.votes)))
    ]
    return types.MessageMediaPoll(
        types.Poll(
            id=id,
            question=text_tl(poll.question),
            answers=answers,
            hash=0,
            closed=poll.closed or None,
            quiz=poll.quiz or None,
            multiple_choice=poll.multiple_choice or None,
            public_voters=poll.public_voters or None,
        ),
        types.PollResults(
            results=results or None,
            total_voters=poll.total_voters,
            # TL has both or neither.
            solution=poll.solution,
            solution_entities=[] if poll.solution is not None else None,
        ),
    )


def _to_do(list: ToDo) -> Any:
    items = [types.TodoItem(task.id, text_tl(task.title)) for task in list.tasks]
    completions = [
        types.TodoCompletion(task.id, peer_tl(task.done_by), moment(task.done_at or 0))
        for task in list.tasks
        if task.done_by is not None
    ]
    return types.MessageMediaToDo(types.TodoList(text_tl(list.title), items), completions or None)


def _extended(media: Photo | File | Preview, id: int, date: int) -> Any:
    if isinstance(media, Preview):
        return types.MessageExtendedMediaPreview(
            w=media.width, h=media.height, video_duration=media.duration
        )
    return types.MessageExtendedMedia(media_tl(media, id, date))


def _giveaway(media: Giveaway) -> Any:
    channels = [CHANNEL_MARK - channel for channel in media.channels]
    if media.winners:
        return types.MessageMediaGiveawayResults(
            channel_id=channels[0],
            launch_msg_id=media.launch_id,
            winners_count=len(media.winners),
            unclaimed_count=media.quantity - len(media.winners),
            winners=list(media.winners),
            until_date=moment(media.until),
            months=media.months,
            stars=media.stars,
            prize_description=media.prize,
        )
    return types.MessageMediaGiveaway(
        channels=channels,
        quantity=media.quantity,
        until_date=moment(media.until),
        countries_iso2=list(media.countries) or None,
        months=media.months,
        stars=media.stars,
        prize_description=media.prize,
    )
