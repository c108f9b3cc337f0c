"""Media are described by what their type has; nothing is downloaded."""

from datetime import UTC, datetime

import pytest
from telethon.tl import types

from tgworker.adapters.telegram.media import map_media

NOON = datetime(2025, 11, 7, 12, 0, tzinfo=UTC)


def photo(*sizes):
    return types.MessageMediaPhoto(photo=types.Photo(1, 1, b"", NOON, list(sizes), 2))


def document(*attributes, mime_type="application/pdf", **flags):
    held = types.Document(1, 1, b"", NOON, mime_type, 1000, 2, list(attributes))
    return types.MessageMediaDocument(document=held, **flags)


def answer(text):
    return types.PollAnswer(types.TextWithEntities(text, []), b"")


def text(words):
    return types.TextWithEntities(words, [])


def voters(option, votes, **flags):
    return types.PollAnswerVoters(option, voters=votes, recent_voters=[], **flags)


def voted(*results, **told):
    answers = [types.PollAnswer(text(word), word.encode()) for word in ("a", "b", "c")]
    return types.MessageMediaPoll(
        types.Poll(1, text("Why?"), answers, 0, multiple_choice=True, public_voters=True),
        types.PollResults(results=list(results), **told),
    )


def poll(total_voters=None, **flags):
    return types.MessageMediaPoll(
        types.Poll(1, types.TextWithEntities("Why?", []), [answer("a"), answer("b")], 0, **flags),
        types.PollResults(total_voters=total_voters),
    )


VIDEO = types.DocumentAttributeVideo(2.5, 640, 480)
AUDIO = types.DocumentAttributeAudio(60, title="Song", performer="Band")
STICKER = types.DocumentAttributeSticker("🔥", types.InputStickerSetEmpty())
NAME = types.DocumentAttributeFilename("report.pdf")
IMAGE = types.DocumentAttributeImageSize(100, 50)
ANIMATED = types.DocumentAttributeAnimated()
POINT = types.GeoPoint(long=37.5, lat=55.75, access_hash=1)


@pytest.mark.parametrize(
    ("media", "described"),
    [
        (None, None),
        (types.MessageMediaEmpty(), None),
        (
            photo(
                types.PhotoStrippedSize("i", b"123"),
                types.PhotoSize("y", 800, 600, 5000),
                types.PhotoSize("m", 320, 240, 900),
            ),
            {"type": "photo", "width": 800, "height": 600, "size": 5000},
        ),
        (
            photo(types.PhotoSizeProgressive("y", 800, 600, [100, 500, 900])),
            {"type": "photo", "width": 800, "height": 600, "size": 900},
        ),
        (
            photo(types.PhotoCachedSize("s", 10, 20, b"12345")),
            {"type": "photo", "width": 10, "height": 20, "size": 5},
        ),
        (types.MessageMediaPhoto(ttl_seconds=10), {"type": "photo"}),
        (types.MessageMediaPhoto(photo=types.PhotoEmpty(1)), {"type": "photo"}),
        (
            document(NAME, IMAGE),
            {
                "type": "document",
                "file_name": "report.pdf",
                "mime_type": "application/pdf",
                "size": 1000,
                "width": 100,
                "height": 50,
            },
        ),
        (
            document(VIDEO, mime_type="video/mp4", video=True),
            {
                "type": "video",
                "mime_type": "video/mp4",
                "size": 1000,
                "width": 640,
                "height": 480,
                "duration": 2.5,
            },
        ),
        (
            document(AUDIO, mime_type="audio/mpeg"),
            {
                "type": "audio",
                "mime_type": "audio/mpeg",
                "size": 1000,
                "duration": 60,
                "title": "Song",
                "performer": "Band",
            },
        ),
        (
            types.MessageMediaWebPage(types.WebPage(1, "https://e.org", "e.org", 0, title="E")),
            {"type": "web_page", "url": "https://e.org", "title": "E"},
        ),
        (types.MessageMediaWebPage(types.WebPageEmpty(1)), {"type": "web_page"}),
        (types.MessageMediaGeo(POINT), {"type": "geo", "latitude": 55.75, "longitude": 37.5}),
        (types.MessageMediaGeo(types.GeoPointEmpty()), {"type": "geo"}),
        (
            types.MessageMediaGeoLive(POINT, 900),
            {"type": "geo_live", "latitude": 55.75, "longitude": 37.5, "period": 900},
        ),
        (
            types.MessageMediaVenue(POINT, "Café", "Street 1", "foursquare", "1", "food"),
            {
                "type": "venue",
                "latitude": 55.75,
                "longitude": 37.5,
                "title": "Café",
                "address": "Street 1",
            },
        ),
        (
            types.MessageMediaContact("+7999", "Boris", "", "vcard", 0),
            {"type": "contact", "phone_number": "+7999", "first_name": "Boris"},
        ),
        (
            types.MessageMediaContact("+7999", "Boris", "Petrov", "", 5),
            {
                "type": "contact",
                "phone_number": "+7999",
                "first_name": "Boris",
                "last_name": "Petrov",
                "user_id": 5,
            },
        ),
        (poll(), {"type": "poll", "question": "Why?", "answers": ["a", "b"]}),
        (
            poll(0, closed=True, quiz=True),
            {
                "type": "poll",
                "question": "Why?",
                "answers": ["a", "b"],
                "closed": True,
                "quiz": True,
                "total_voters": 0,
            },
        ),
        (types.MessageMediaDice(6, "🎲"), {"type": "dice", "emoji": "🎲", "value": 6}),
        (
            voted(
                voters(b"c", 0, correct=True),
                voters(b"a", 3, chosen=True),
                total_voters=3,
                solution="Because",
                solution_entities=[],
            ),
            {
                "type": "poll",
                "question": "Why?",
                "answers": ["a", "b", "c"],
                "votes": [3, None, 0],
                "correct": [2],
                "solution": "Because",
                "multiple_choice": True,
                "public_voters": True,
                "total_voters": 3,
            },
        ),
        (
            types.MessageMediaGame(
                types.Game(1, 2, "chess", "Chess", "A game", types.PhotoEmpty(1))
            ),
            {"type": "game", "title": "Chess", "short_name": "chess", "description": "A game"},
        ),
        (
            types.MessageMediaToDo(
                types.TodoList(
                    text("Buy"), [types.TodoItem(1, text("Milk")), types.TodoItem(2, text("Salt"))]
                ),
                [types.TodoCompletion(2, types.PeerUser(5), NOON)],
            ),
            {
                "type": "to_do",
                "title": "Buy",
                "tasks": [
                    {"id": 1, "title": "Milk"},
                    {
                        "id": 2,
                        "title": "Salt",
                        "completed_by": 5,
                        "date": "2025-11-07T12:00:00Z",
                    },
                ],
            },
        ),
        (
            types.MessageMediaToDo(types.TodoList(text("Buy"), [])),
            {"type": "to_do", "title": "Buy"},
        ),
        (
            types.MessageMediaPaidMedia(
                5,
                [
                    types.MessageExtendedMedia(types.MessageMediaDice(6, "🎲")),
                    types.MessageExtendedMedia(types.MessageMediaEmpty()),
                    types.MessageExtendedMediaPreview(w=320, h=240, video_duration=9),
                ],
            ),
            {
                "type": "paid_media",
                "stars_amount": 5,
                "media": [
                    {"type": "dice", "emoji": "🎲", "value": 6},
                    {"type": "preview", "width": 320, "height": 240, "duration": 9},
                ],
            },
        ),
        (types.MessageMediaPaidMedia(5, []), {"type": "paid_media", "stars_amount": 5}),
        (
            types.MessageMediaGiveaway([5, 6], 3, NOON, countries_iso2=["DE"], months=3),
            {
                "type": "giveaway",
                "channels": [-1000000000005, -1000000000006],
                "quantity": 3,
                "until_date": "2025-11-07T12:00:00Z",
                "countries_iso2": ["DE"],
                "months": 3,
            },
        ),
        (
            types.MessageMediaGiveawayResults(5, 9, 1, 0, [7], NOON),
            {
                "type": "giveaway_results",
                "channel_id": -1000000000005,
                "launch_msg_id": 9,
                "winners_count": 1,
                "unclaimed_count": 0,
                "winners": [7],
                "until_date": "2025-11-07T12:00:00Z",
            },
        ),
        (
            types.MessageMediaInvoice(
                *("Book", "", "XTR", 100, ""),
                extended_media=types.MessageExtendedMediaPreview(w=1, h=2),
            ),
            {
                "type": "invoice",
                "title": "Book",
                "currency": "XTR",
                "total_amount": 100,
                "media": [{"type": "preview", "width": 1, "height": 2}],
            },
        ),
        (types.MessageMediaUnsupported(), {"type": "unsupported"}),
        (
            types.MessageMediaStory(types.PeerUser(5), 9, via_mention=True),
            {"type": "story", "peer": 5, "id": 9, "via_mention": True},
        ),
        (
            types.MessageMediaInvoice("Book", "A book", "XTR", 100, ""),
            {
                "type": "invoice",
                "title": "Book",
                "description": "A book",
                "currency": "XTR",
                "total_amount": 100,
            },
        ),
    ],
)
def test_a_type_is_described_by_what_it_has(media, described):
    assert described == map_media(media)


@pytest.mark.parametrize(
    ("attributes", "flags", "type"),
    [
        ((STICKER, VIDEO, ANIMATED), {}, "sticker"),
        ((VIDEO, ANIMATED), {}, "animation"),
        ((types.DocumentAttributeVideo(2.5, 1, 1, round_message=True),), {}, "video_note"),
        (
            (types.DocumentAttributeCustomEmoji("🔥", types.InputStickerSetEmpty()),),
            {},
            "custom_emoji",
        ),
        ((VIDEO,), {}, "video"),
        ((types.DocumentAttributeAudio(1, voice=True),), {}, "voice"),
        ((AUDIO,), {}, "audio"),
        ((NAME,), {}, "document"),
    ],
)
def test_a_document_is_named_by_its_attributes(attributes, flags, type):
    assert type == map_media(document(*attributes, **flags))["type"]


@pytest.mark.parametrize(
    ("flags", "type"),
    [
        ({"round": True, "video": True}, "video_note"),
        ({"video": True}, "video"),
        ({"voice": True}, "voice"),
        ({}, "document"),
    ],
)
def test_an_expired_document_is_named_by_what_is_left_of_it(flags, type):
    assert {"type": type} == map_media(types.MessageMediaDocument(ttl_seconds=10, **flags))


def test_the_keys_of_a_document_stand_in_the_order_of_the_contract():
    full = document(NAME, types.DocumentAttributeVideo(2.5, 1, 1), STICKER, AUDIO)

    expected = "type file_name mime_type size width height duration title performer emoji"
    assert expected.split() == list(map_media(full))
