"""Messages as Telegram Desktop writes them, and what an archive of them must hold, written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Truths = Callable[..., list[dict[str, Any]]]


def test_a_text_in_pieces_becomes_one_with_entities_in_utf16_units(truths: Truths) -> None:
    pieces = [
        "🐍 и ",
        {"type": "bold", "text": "жирный"},
        {"type": "text_link", "text": "👍🏽", "href": "https://example.org/"},
        {"type": "pre", "text": "x = 1", "language": "python"},
        {"type": "mention_name", "text": "Аня", "user_id": 42},
        {"type": "custom_emoji", "text": "🔥", "document_id": "5222148368955877900"},
        {"type": "blockquote", "text": "цитата", "collapsed": True},
        {"type": "link", "text": "https://a.b"},
        {"type": "strikethrough", "text": "нет"},
    ]

    (message,) = truths({"text": pieces})

    assert "🐍 и жирный👍🏽x = 1Аня🔥цитатаhttps://a.bнет" == message["text"]
    assert [
        {"type": "bold", "offset": 5, "length": 6},
        {"type": "text_url", "offset": 11, "length": 4, "url": "https://example.org/"},
        {"type": "pre", "offset": 15, "length": 5, "language": "python"},
        {"type": "mention_name", "offset": 20, "length": 3, "user_id": 42},
        {"type": "custom_emoji", "offset": 23, "length": 2, "document_id": 5222148368955877900},
        {"type": "blockquote", "offset": 25, "length": 6, "collapsed": True},
        {"type": "url", "offset": 31, "length": 11},
        {"type": "strike", "offset": 42, "length": 3},
    ] == message["entities"]


def test_the_list_of_entities_goes_before_the_text(truths: Truths) -> None:
    entities = [{"type": "plain", "text": "a "}, {"type": "hashtag", "text": "#b"}]

    (message,) = truths({"text": "a #b", "text_entities": entities})

    assert ("a #b", ["hashtag"]) == (message["text"], [e["type"] for e in message["entities"]])


def test_markup_that_can_not_be_kept_is_plain_text(truths: Truths) -> None:
    pieces = [
        {"type": "sparkles", "text": "a"},
        {"type": "custom_emoji", "text": "🔥", "document_id": "stickers/AnimatedSticker.tgs"},
        {"type": "text_link", "text": "b"},
        {"type": "bold", "text": ""},
        7,
    ]

    (message,) = truths({"text": pieces})

    assert ("a🔥b", []) == (message["text"], message["entities"])


PHOTO = {"photo": "photos/photo_1.jpg", "width": 1280, "height": 960}
SKIPPED = "(File not included. Change data exporting settings to download.)"


@pytest.mark.parametrize(
    ("exported", "media"),
    [
        (
            {**PHOTO, "photo_file_size": 9},
            {"type": "photo", "width": 1280, "height": 960, "size": 9},
        ),
        ({"photo": SKIPPED}, {"type": "photo"}),
        (
            {
                **{"file": "stickers/sticker.webp", "media_type": "sticker", "width": 512},
                **{"height": 488, "sticker_emoji": "😀", "file_size": 7},
            },
            {
                **{"type": "sticker", "file_name": "sticker.webp", "mime_type": "image/webp"},
                **{"size": 7, "width": 512, "height": 488, "emoji": "😀"},
            },
        ),
        (
            {
                **{"file": SKIPPED, "file_name": "клип.mp4", "media_type": "video_file"},
                **{"mime_type": "video/mp4", "duration_seconds": 12, "file_size": 2**33},
                **{"width": 1920, "height": 1080},
            },
            {
                **{"type": "video", "file_name": "клип.mp4", "mime_type": "video/mp4"},
                **{"size": 2**33, "width": 1920, "height": 1080, "duration": 12},
            },
        ),
        (
            {"file": SKIPPED, "media_type": "voice_message", "mime_type": "audio/ogg"},
            {"type": "voice", "mime_type": "audio/ogg", "size": 0, "duration": 0},
        ),
        (
            {
                **{"file": "files/a.mp3", "media_type": "audio_file", "performer": "Кино"},
                **{"title": "Кукушка", "duration_seconds": 398},
            },
            {
                **{"type": "audio", "file_name": "a.mp3", "mime_type": "audio/mpeg", "size": 0},
                **{"duration": 398, "title": "Кукушка", "performer": "Кино"},
            },
        ),
        (
            {"file": "x/round.mp4", "media_type": "video_message"},
            {
                **{"type": "video_note", "file_name": "round.mp4", "mime_type": "video/mp4"},
                **{"size": 0, "width": 0, "height": 0, "duration": 0},
            },
        ),
        (
            {"file": "x/a.bin", "media_type": "hologram"},
            {
                **{"type": "document", "file_name": "a.bin"},
                **{"mime_type": "application/octet-stream", "size": 0},
            },
        ),
        (
            {"contact_information": {"first_name": "Аня", "last_name": "", "phone_number": "+7"}},
            {"type": "contact", "phone_number": "+7", "first_name": "Аня"},
        ),
        (
            {"location_information": {"latitude": 55.75, "longitude": 37.5}},
            {"type": "geo", "latitude": 55.75, "longitude": 37.5},
        ),
        (
            {
                "location_information": {"latitude": 1, "longitude": 2},
                "live_location_period_seconds": 900,
            },
            {"type": "geo_live", "latitude": 1.0, "longitude": 2.0, "period": 900},
        ),
        (
            {
                "place_name": "Кофейня",
                "address": "ул. Ленина, 1",
                "location_information": {"latitude": 1, "longitude": 2},
            },
            {
                **{"type": "venue", "latitude": 1.0, "longitude": 2.0},
                **{"title": "Кофейня", "address": "ул. Ленина, 1"},
            },
        ),
        ({"location_information": None, "place_name": "Нигде"}, None),
        (
            {
                "poll": {
                    "question": ["Что ", {"type": "bold", "text": "лучше"}],
                    "closed": True,
                    "total_voters": 3,
                    "answers": [{"text": "Это", "voters": 2, "chosen": False}, {"text": "То"}],
                }
            },
            {
                **{"type": "poll", "question": "Что лучше", "answers": ["Это", "То"]},
                **{"closed": True, "total_voters": 3},
            },
        ),
        ({"poll": {"question": "?", "answers": []}}, {"type": "unsupported"}),
        (
            {"invoice_information": '{"title": "A", "amount": 5, "currency": "XTR"}'},
            {"type": "invoice", "title": "A", "currency": "XTR", "total_amount": 5},
        ),
        ({"invoice_information": "{"}, {"type": "invoice", "total_amount": 0}),
        (
            {"game_title": "Шахматы", "game_description": "♟"},
            {"type": "game", "title": "Шахматы", "description": "♟"},
        ),
        ({"todo_list": {"title": "Дела"}}, {"type": "to_do", "title": "Дела"}),
        ({"paid_stars_amount": 5}, {"type": "unsupported"}),
        ({"type": "unsupported"}, {"type": "unsupported"}),
    ],
)
def test_media_are_described_as_the_archive_does(
    exported: dict[str, Any], media: dict[str, Any] | None, truths: Truths
) -> None:
    (message,) = truths(exported)

    assert media == message["media"]


@pytest.mark.parametrize(
    ("exported", "service"),
    [
        (
            {"action": "create_group", "title": "Группа", "members": ["Аня"]},
            {"action": "chat_create", "title": "Группа", "users": [42]},
        ),
        ({"action": "remove_members", "members": ["Аня"]}, {"user_id": 42}),
        ({"action": "remove_members", "members": []}, {"message": "remove_members"}),
        ({"action": "join_group_by_link", "inviter": "Аня"}, {"inviter_id": 42}),
        ({"action": "edit_group_title", "title": "Новое"}, {"title": "Новое"}),
        ({"action": "group_call", "duration": 60}, {"duration": 60}),
        ({"action": "group_call"}, {"action": "group_call"}),
        (
            {"action": "group_call_scheduled", "schedule_date": 1762516800},
            {"schedule_date": "2025-11-07T12:00:00Z"},
        ),
        ({"action": "group_call_scheduled"}, {"action": "custom_action"}),
        ({"action": "set_messages_ttl", "period": 86400}, {"period": 86400}),
        (
            {
                **{"action": "proximity_reached", "from_id": "user42", "to_id": "user43"},
                "distance": 5,
            },
            {"action": "geo_proximity_reached", "from_id": 42, "to_id": 43, "distance": 5},
        ),
        (
            {"action": "proximity_reached", "from_id": "chat42"},
            {"message": "proximity_reached"},
        ),
        (
            {
                **{"action": "gift_code_prize", "gift_code": "abc", "days": 90},
                **{"boost_peer_id": "channel77", "via_giveaway": True, "unclaimed": False},
            },
            {
                **{"action": "gift_code", "days": 90, "via_giveaway": True, "slug": "abc"},
                "boost_peer": -1000000000077,
            },
        ),
        ({"action": "gift_code_prize"}, {"message": "gift_code_prize"}),
        (
            {"action": "giveaway_results", "winners": 3, "unclaimed": 1, "stars": True},
            {"winners_count": 3, "unclaimed_count": 1, "stars": True},
        ),
        (
            {"action": "send_payment", "amount": 5, "currency": "XTR", "recurring": "init"},
            {"action": "payment_sent", "total_amount": 5, "recurring_init": True},
        ),
        (
            {"action": "todo_completions", "completed": [1, 2, "x"], "incompleted": []},
            {"completed": [1, 2]},
        ),
        ({"action": "topic_edit", "new_title": "Флуд", "new_icon_emoji_id": 0}, {"title": "Флуд"}),
        ({"action": "no_forwards_toggle", "new_value": True}, {"new_value": True}),
        ({"information_text": "Бот сказал"}, {"action": "custom_action", "message": "Бот сказал"}),
        ({"action": "dance"}, {"action": "custom_action", "message": "dance"}),
    ],
)
def test_what_happened_is_told_in_telegrams_words(
    exported: dict[str, Any], service: dict[str, Any], truths: Truths
) -> None:
    known = {"from": "Аня", "from_id": "user42"}
    happened = {"type": "service", "actor": "Боб", "actor_id": "user43", **exported}

    _, message = truths(known, happened)

    assert 43 == message["from_id"]
    assert service == {key: message["service"][key] for key in service}


def test_names_without_an_id_get_one_that_is_theirs(truths: Truths) -> None:
    happened = {"type": "service", "action": "invite_members", "members": ["Вера", None, "Вера"]}

    (message,) = truths(happened)

    vera, nobody, again = message["service"]["users"]
    assert vera == again != nobody


def test_who_is_named_later_is_known_before(truths: Truths) -> None:
    happened = {"type": "service", "action": "invite_members", "members": ["Вера"]}

    message, _ = truths(happened, {"from": "Вера", "from_id": "user7"})

    assert [7] == message["service"]["users"]


def test_a_pin_names_the_message_it_pinned(truths: Truths) -> None:
    _, message = truths({}, {"type": "service", "action": "pin_message", "message_id": 1})

    assert (1, {"action": "pin_message"}) == (message["reply_to"], message["service"])


def test_answers_hang_on_the_message_above_and_on_the_first_of_their_chain(truths: Truths) -> None:
    messages = truths({}, *({"reply_to_message_id": n} for n in (1, 2, 900, 4)))

    assert [(None, None), (1, 1), (2, 1), (900, 900), (4, 900)] == [
        (message["reply_to"], message["thread_id"]) for message in messages
    ]


def test_answers_to_messages_of_other_chats_answer_nothing_in_this_one(truths: Truths) -> None:
    away, here = truths(
        *({"reply_to_message_id": 5, "reply_to_peer_id": f"channel{id}"} for id in (9, 1234567890))
    )

    assert (None, 5) == (away["reply_to"], here["reply_to"])


def test_a_pin_of_a_message_elsewhere_answers_nothing_here(truths: Truths) -> None:
    pin = {"type": "service", "action": "pin_message", "message_id": 1}

    (message,) = truths({**pin, "reply_to_peer_id": "chat5"})

    assert None is message["reply_to"]


def test_topics_make_a_forum_and_hold_their_messages(truths: Truths) -> None:
    created = {"type": "service", "action": "topic_created", "title": "Флуд"}

    messages = truths(created, *({"reply_to_message_id": n} for n in (1, 2, 900)), {})

    assert [(None, None), (None, 1), (2, 1), (900, 900), (None, None)] == [
        (message["reply_to"], message["thread_id"]) for message in messages
    ]


@pytest.mark.parametrize(
    ("exported", "forward"),
    [
        ({"forwarded_from": "Скрытый"}, {"from_name": "Скрытый"}),
        ({"forwarded_from": None}, {}),
        (
            {"forwarded_from": "Новости", "forwarded_from_id": "channel5"},
            {"from_id": -1000000000005},
        ),
        ({"forwarded_from": None, "forwarded_from_id": "user5"}, {"from_id": 5}),
    ],
)
def test_a_forward_says_where_from_with_its_own_date(
    exported: dict[str, Any], forward: dict[str, Any], truths: Truths
) -> None:
    (message,) = truths(exported)

    assert forward | {"date": message["date"]} == message["forward_from"]


def test_reactions_are_counted_by_kind(truths: Truths) -> None:
    reactions = [
        {"type": "emoji", "count": 3, "emoji": "👍"},
        {"type": "custom_emoji", "count": 2, "document_id": "5222148368955877900"},
        {"type": "custom_emoji", "count": 1, "document_id": "stickers/a.tgs"},
        {"type": "custom_emoji", "count": 1, "document_id": "0"},
        {"type": "paid", "count": 9},
    ]

    message, other = truths({"reactions": reactions}, {})

    assert [
        {"count": 3, "emoji": "👍"},
        {"count": 2, "document_id": 5222148368955877900},
        {"count": 9, "emoji": "⭐"},
    ] == message["reactions"]
    assert None is other["reactions"]


def test_the_rest_of_a_message_is_kept(truths: Truths) -> None:
    (message,) = truths(
        {"edited_unixtime": "1762516900", "author": "Редактор", "via_bot": "@gif", "views": 7}
    )

    assert (True, "2025-11-07T12:01:40Z") == (message["edited"], message["edit_date"])
    assert "Редактор" == message["post_author"]
    assert isinstance(message["via_bot_id"], int)


@pytest.mark.parametrize(
    ("type", "peer", "sender"),
    [
        ("public_channel", "channel1234567890", None),
        ("public_channel", "user42", 42),
        ("public_supergroup", "channel1234567890", -1001234567890),
        ("private_supergroup", "channel5", -1000000000005),
        ("private_group", "chat5", -5),
        ("personal_chat", 4_294_967_301, 5),
        ("personal_chat", 8_589_934_597, -1000000000005),
        ("personal_chat", 42, 42),
        ("personal_chat", 1 << 32, None),
        ("private_group", "nobody5", None),
        ("private_group", "user0", None),
    ],
)
def test_a_sender_is_known_by_id(type: str, peer: Any, sender: int | None, truths: Truths) -> None:
    (message,) = truths({"from": "Кто-то", "from_id": peer}, type=type)

    assert sender == message["from_id"]
