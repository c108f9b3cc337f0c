"""TL messages become the archive's messages, complete and in the contract's words."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from telethon.tl import types

from tgworker.adapters.telegram.mapping import map_message, map_page
from tgworker.core.message import Button, Entity, Forward, Message, Quote, Reaction, ReplyFrom
from tgworker.core.model import Person

NOON = datetime(2025, 11, 7, 12, 0, tzinfo=UTC)
CHAT = types.PeerChannel(1234567890)


def text_message(id=7, **fields):
    return types.Message(**{"id": id, "peer_id": CHAT, "date": NOON, "message": "hello", **fields})


def service_message(action, **fields):
    return types.MessageService(
        **{"id": 7, "peer_id": CHAT, "date": NOON, "action": action, **fields}
    )


def channel_messages(messages, chats=(), users=()):
    return types.messages.ChannelMessages(
        pts=1, count=99, messages=list(messages), topics=[], chats=list(chats), users=list(users)
    )


def reply(**fields):
    header = types.MessageReplyHeader(**fields)
    message = map_message(text_message(reply_to=header), "@chat")
    return message.reply_to, message.thread_id


def test_a_page_tells_how_many_messages_there_are_and_where_its_offset_is():
    fields = {"messages": [], "topics": [], "chats": [], "users": []}
    slice_ = types.messages.MessagesSlice(count=7, offset_id_offset=3, **fields)
    about = types.messages.MessagesSlice(count=7, offset_id_offset=3, inexact=True, **fields)
    whole = types.messages.Messages(**fields)

    pages = [map_page(each, "@chat") for each in (slice_, channel_messages(()), about, whole)]

    expected = [(7, 3), (99, None), (None, None), (None, None)]
    assert expected == [(page.count, page.position) for page in pages]


def test_a_plain_message_has_what_telegram_says_and_nothing_else():
    message = map_message(text_message(), "@chat")

    assert Message(id=7, date=NOON, from_id=None, chat="@chat", text="hello") == message


def test_every_field_of_a_message_is_taken():
    raw = text_message(
        from_id=types.PeerUser(5),
        views=10,
        forwards=2,
        replies=types.MessageReplies(replies=3, replies_pts=1),
        entities=[types.MessageEntityBold(0, 5)],
        edit_date=NOON + timedelta(minutes=1),
        reactions=types.MessageReactions([types.ReactionCount(types.ReactionEmoji("👍"), 4)]),
        media=types.MessageMediaDice(6, "🎲"),
        fwd_from=types.MessageFwdHeader(NOON, from_name="Somebody"),
        grouped_id=11,
        via_bot_id=12,
        post_author="Editor",
        pinned=True,
        reply_to=types.MessageReplyHeader(reply_to_msg_id=6),
    )

    expected = Message(
        id=7,
        date=NOON,
        from_id=5,
        chat="@chat",
        text="hello",
        reply_to=6,
        thread_id=6,
        views=10,
        forwards=2,
        replies_count=3,
        entities=(Entity("bold", 0, 5),),
        edited=True,
        edit_date=NOON + timedelta(minutes=1),
        reactions=(Reaction(4, emoji="👍"),),
        media={"type": "dice", "emoji": "🎲", "value": 6},
        forward_from=Forward(from_name="Somebody", date=NOON),
        grouped_id=11,
        via_bot_id=12,
        post_author="Editor",
        pinned=True,
    )
    assert expected == map_message(raw, "@chat")


def test_an_edit_that_telegram_hides_keeps_its_date_and_is_not_shown_as_one():
    message = map_message(text_message(edit_date=NOON, edit_hide=True), "@chat")

    assert (False, NOON) == (message.edited, message.edit_date)


@pytest.mark.parametrize(
    ("peer", "id"),
    [(types.PeerUser(5), 5), (types.PeerChat(5), -5), (types.PeerChannel(5), -1000000000005)],
)
def test_senders_ids_are_marked_as_in_the_bot_api(peer, id):
    assert id == map_message(text_message(from_id=peer), "@chat").from_id


def test_times_are_made_utc_whatever_they_come_in():
    elsewhere = NOON.astimezone(timezone(timedelta(hours=3)))
    naive = NOON.replace(tzinfo=None)

    dates = [map_message(text_message(date=date), "@chat").date for date in (elsewhere, naive)]

    assert [(NOON, UTC)] * 2 == [(date, date.tzinfo) for date in dates]


class TestReplies:
    def test_an_answer_to_a_message_is_in_the_thread_of_that_message(self):
        assert (3, 3) == reply(reply_to_msg_id=3)

    def test_a_deeper_answer_is_in_the_thread_of_its_root(self):
        assert (3, 1) == reply(reply_to_msg_id=3, reply_to_top_id=1)

    def test_a_message_that_is_only_in_a_topic_answers_nobody(self):
        assert (None, 3) == reply(reply_to_msg_id=3, forum_topic=True)

    def test_an_answer_inside_a_topic_names_both(self):
        assert (9, 3) == reply(reply_to_msg_id=9, reply_to_top_id=3, forum_topic=True)

    def test_an_answer_to_another_chat_means_nothing_in_this_one(self):
        assert (None, None) == reply(reply_to_msg_id=3, reply_to_peer_id=types.PeerChannel(99))

    def test_an_answer_that_names_this_chat_is_like_any_other(self):
        assert (3, 3) == reply(reply_to_msg_id=3, reply_to_peer_id=CHAT)

    def test_a_topics_first_message_is_answered_where_it_is_quoted(self):
        """Without a quote nothing tells that from being in the topic."""
        assert (3, 3) == reply(reply_to_msg_id=3, forum_topic=True, quote_text="it")

    def test_an_answer_to_another_chat_may_be_in_a_topic_of_this_one(self):
        header = {"reply_to_msg_id": 9, "reply_to_top_id": 3, "forum_topic": True}

        assert (None, 3) == reply(reply_to_peer_id=types.PeerChannel(99), **header)

    def test_an_answer_to_a_message_that_is_not_named_answers_none(self):
        assert (None, None) == reply()

    def test_an_answer_to_a_story_answers_no_message(self):
        header = types.MessageReplyStoryHeader(types.PeerUser(1), 3)
        message = map_message(text_message(reply_to=header), "@chat")

        assert (None, None) == (message.reply_to, message.thread_id)
        assert ReplyFrom("story", 1, story_id=3) == message.reply_from

    def test_what_is_answered_in_another_chat_is_told_apart(self):
        origin = types.MessageFwdHeader(
            NOON, from_id=types.PeerChannel(99), channel_post=3, post_author="Editor"
        )
        header = types.MessageReplyHeader(
            reply_to_msg_id=3,
            reply_to_peer_id=types.PeerChannel(99),
            reply_from=origin,
            reply_media=types.MessageMediaDice(6, "🎲"),
        )

        expected = ReplyFrom(
            "message",
            -1000000000099,
            3,
            from_id=-1000000000099,
            date=NOON,
            channel_post=3,
            post_author="Editor",
            media={"type": "dice", "emoji": "🎲", "value": 6},
        )
        assert expected == map_message(text_message(reply_to=header), "@chat").reply_from

    def test_what_is_answered_in_a_chat_that_hides_has_no_id(self):
        header = types.MessageReplyHeader(
            reply_from=types.MessageFwdHeader(NOON, from_name="Somebody")
        )
        message = map_message(text_message(reply_to=header), "@chat")

        assert (None, None) == (message.reply_to, message.thread_id)
        assert ReplyFrom("message", from_name="Somebody", date=NOON) == message.reply_from

    def test_a_quote_has_its_words_its_place_and_its_markup(self):
        header = types.MessageReplyHeader(
            reply_to_msg_id=3,
            quote=True,
            quote_text="hell",
            quote_entities=[types.MessageEntityBold(0, 4)],
            quote_offset=2,
        )
        message = map_message(text_message(reply_to=header), "@chat")

        assert (3, None) == (message.reply_to, message.reply_from)
        assert Quote("hell", 2, (Entity("bold", 0, 4),)) == message.quote


class TestPrivateChats:
    """Telegram names the sender of a message there only if it is not the other one."""

    def test_what_the_other_one_writes_is_of_the_other_one(self):
        raw = text_message(peer_id=types.PeerUser(5))

        assert 5 == map_message(raw, "5").from_id

    def test_what_the_account_writes_is_of_whom_telegram_says(self):
        raw = text_message(peer_id=types.PeerUser(5), out=True)
        named = text_message(peer_id=types.PeerUser(5), out=True, from_id=types.PeerUser(6))

        assert [None, 6] == [map_message(each, "5").from_id for each in (raw, named)]


class TestButtons:
    def test_they_say_what_they_do_and_open(self):
        deeds = [
            types.InlineButtonTypeUrl("https://example.org"),
            types.InlineButtonTypeCallback(b"data"),
            types.InlineButtonTypeBuy(),
        ]
        rows = [
            types.KeyboardInlineButtonRow([types.KeyboardInlineButton("A", deed)]) for deed in deeds
        ]
        raw = text_message(reply_markup=types.ReplyInlineMarkup(rows))

        assert (
            Button("url", "A", "https://example.org"),
            Button("callback", "A"),
            Button("buy", "A"),
        ) == map_message(raw, "@chat").buttons

    def test_those_of_a_keyboard_are_texts_or_requests(self):
        row = types.KeyboardButtonRow(
            [
                types.KeyboardButton("Yes", types.ButtonTypeDefault()),
                types.KeyboardButton("Call", types.ButtonTypeRequestPhone()),
            ]
        )
        raw = text_message(reply_markup=types.ReplyKeyboardMarkup([row]))

        expected = (Button("text", "Yes"), Button("request_phone", "Call"))
        assert expected == map_message(raw, "@chat").buttons

    @pytest.mark.parametrize(
        "markup", [types.ReplyKeyboardHide(), types.ReplyKeyboardForceReply(), None]
    )
    def test_other_markups_have_none(self, markup):
        assert () == map_message(text_message(reply_markup=markup), "@chat").buttons

    def test_classes_of_older_layers_say_what_they_do_by_their_name(self):
        class KeyboardButtonUrl:
            text, url = "A", "https://example.org"

        markup = types.ReplyInlineMarkup([types.KeyboardInlineButtonRow([KeyboardButtonUrl()])])

        expected = (Button("url", "A", "https://example.org"),)
        assert expected == map_message(text_message(reply_markup=markup), "@chat").buttons


def test_entities_keep_order_place_and_what_their_type_has():
    raw = text_message(
        entities=[
            types.MessageEntityTextUrl(0, 1, "https://example.org"),
            types.MessageEntityMentionName(1, 2, 42),
            types.MessageEntityPre(3, 4, "python"),
            types.MessageEntityPre(7, 1, ""),
            types.MessageEntityCustomEmoji(8, 2, 77),
            types.MessageEntityBlockquote(10, 1, collapsed=True),
            types.MessageEntityBlockquote(11, 1),
            types.InputMessageEntityMentionName(12, 1, types.InputUser(1, 2)),
        ]
    )

    expected = (
        Entity("text_url", 0, 1, url="https://example.org"),
        Entity("mention_name", 1, 2, user_id=42),
        Entity("pre", 3, 4, language="python"),
        Entity("pre", 7, 1),
        Entity("custom_emoji", 8, 2, document_id=77),
        Entity("blockquote", 10, 1, collapsed=True),
        Entity("blockquote", 11, 1),
        Entity("input_message_entity_mention_name", 12, 1),
    )
    assert expected == map_message(raw, "@chat").entities


def test_reactions_of_every_kind_are_counted_in_telegrams_order():
    kinds = [
        types.ReactionPaid(),
        types.ReactionCustomEmoji(77),
        types.ReactionEmoji("🔥"),
        types.ReactionEmpty(),
    ]
    counts = [types.ReactionCount(kind, place) for place, kind in enumerate(kinds)]

    message = map_message(text_message(reactions=types.MessageReactions(counts)), "@chat")

    expected = (
        Reaction(0, emoji="⭐"),
        Reaction(1, document_id=77),
        Reaction(2, emoji="🔥"),
        Reaction(3),
    )
    assert expected == message.reactions


def test_a_message_nobody_reacted_to_has_an_empty_list_and_one_without_the_field_has_none():
    nobody = map_message(text_message(reactions=types.MessageReactions([])), "@chat")

    assert ((), None) == (nobody.reactions, map_message(text_message(), "@chat").reactions)


def test_a_forward_names_its_origin_as_far_as_it_is_shown():
    header = types.MessageFwdHeader(
        NOON, from_id=types.PeerChannel(5), channel_post=9, post_author="Editor"
    )

    expected = Forward(-1000000000005, None, NOON, 9, "Editor")
    assert expected == map_message(text_message(fwd_from=header), "@chat").forward_from


class TestServiceMessages:
    def test_it_has_an_action_and_no_text(self):
        raw = service_message(types.MessageActionChatAddUser([1, 2]), from_id=types.PeerUser(1))

        message = map_message(raw, "@chat")

        assert ("", 1) == (message.text, message.from_id)
        assert {"action": "chat_add_user", "users": [1, 2]} == message.service

    def test_it_can_answer_a_message_and_be_reacted_to(self):
        raw = service_message(
            types.MessageActionPinMessage(),
            reply_to=types.MessageReplyHeader(reply_to_msg_id=3),
            reactions=types.MessageReactions([types.ReactionCount(types.ReactionEmoji("👍"), 1)]),
        )

        message = map_message(raw, "@chat")

        assert (3, (Reaction(1, emoji="👍"),)) == (message.reply_to, message.reactions)
        assert {"action": "pin_message"} == message.service

    @pytest.mark.parametrize(
        ("action", "service"),
        [
            (
                types.MessageActionGeoProximityReached(types.PeerUser(1), types.PeerChannel(2), 0),
                {
                    "action": "geo_proximity_reached",
                    "from_id": 1,
                    "to_id": -1000000000002,
                    "distance": 0,
                },
            ),
            (
                types.MessageActionGroupCallScheduled(types.InputGroupCall(1, 2), NOON),
                {"action": "group_call_scheduled", "schedule_date": "2025-11-07T12:00:00Z"},
            ),
            (
                types.MessageActionTopicEdit(title="", icon_emoji_id=5, closed=False, hidden=True),
                {"action": "topic_edit", "icon_emoji_id": 5, "hidden": True},
            ),
            (types.MessageActionSetMessagesTTL(60), {"action": "set_messages_ttl", "period": 60}),
            (
                types.MessageActionGiftCode(
                    7, "slug", message=types.TextWithEntities("for you", []), unclaimed=None
                ),
                {"action": "gift_code", "days": 7, "slug": "slug", "message": "for you"},
            ),
            (
                types.MessageActionRequestedPeer(1, [types.PeerUser(2), types.PeerChat(3)]),
                {"action": "requested_peer", "button_id": 1, "peers": [2, -3]},
            ),
            (
                types.MessageActionChatMigrateTo(5),
                {"action": "chat_migrate_to", "channel_id": -1000000000005},
            ),
            (
                types.MessageActionChannelMigrateFrom("Chat", 5),
                {"action": "channel_migrate_from", "title": "Chat", "chat_id": -5},
            ),
            (
                types.MessageActionStarGift(types.StarGift(9, types.DocumentEmpty(1), 100, 85)),
                {"action": "star_gift", "gift": {"id": 9, "stars": 100, "convert_stars": 85}},
            ),
            (
                types.MessageActionPhoneCall(3, reason=types.PhoneCallDiscardReasonMissed()),
                {"action": "phone_call", "call_id": 3, "reason": "missed"},
            ),
            (
                types.MessageActionTodoAppendTasks(
                    [types.TodoItem(2, types.TextWithEntities("Bread", []))]
                ),
                {"action": "todo_append_tasks", "list": [{"id": 2, "title": "Bread"}]},
            ),
            (types.MessageActionChatCreate("Chat", []), {"action": "chat_create", "title": "Chat"}),
            (types.MessageActionChatEditPhoto(types.PhotoEmpty(1)), {"action": "chat_edit_photo"}),
        ],
    )
    def test_the_plain_fields_of_an_action_are_kept(self, action, service):
        assert service == map_message(service_message(action), "@chat").service


class TestPages:
    def test_messages_ascend_and_are_unique_and_deleted_ones_leave_their_id(self):
        empty = types.MessageEmpty(8, None)
        answer = channel_messages([text_message(9), empty, text_message(7), text_message(9)])

        page = map_page(answer, "@chat")

        assert ((7, 8, 9), (7, 9)) == (page.ids, tuple(message.id for message in page.messages))

    def test_people_are_those_who_wrote_by_id(self):
        writer = types.User(5, first_name=" Anna ", last_name="Ivanova", username="Anna", bot=False)
        robot = types.User(
            6, first_name="Robot", usernames=[types.Username("Robot_bot", active=True)], bot=True
        )
        reader = types.User(9, first_name="Reader")
        gone = types.User(3, deleted=True, first_name="Was")
        posting = types.Channel(2, "A Channel", types.ChatPhotoEmpty(), NOON, username="Posts")
        nobody = types.UserEmpty(4)
        peers = [types.PeerUser(6), types.PeerUser(5), types.PeerChannel(2), types.PeerUser(3)]
        peers += [types.PeerUser(4), types.PeerUser(12), None]
        messages = [text_message(id, from_id=peer) for id, peer in enumerate(peers, 1)]

        page = map_page(
            channel_messages(messages, [posting], [writer, robot, reader, gone, nobody]), "@chat"
        )

        expected = (
            Person(-1000000000002, "Posts", "A Channel"),
            Person(3, None, ""),
            Person(5, "Anna", "Anna  Ivanova"),
            Person(6, "Robot_bot", "Robot", bot=True),
        )
        assert expected == page.people

    @pytest.mark.parametrize(
        "answer",
        [
            types.messages.MessagesNotModified(count=5),
            types.messages.Messages(messages=[], topics=[], chats=[], users=[]),
            types.messages.MessagesSlice(count=5, messages=[], topics=[], chats=[], users=[]),
        ],
    )
    def test_an_answer_without_messages_is_an_empty_page(self, answer):
        page = map_page(answer, "@chat")

        assert ((), (), ()) == (page.ids, page.messages, page.people)
