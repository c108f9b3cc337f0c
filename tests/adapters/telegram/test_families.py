"""Chats that belong together, and chats that are renamed: what the gateway knows of them, and what that costs."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs
from telethon.tl import types

from tgworker.adapters.telegram.relatives import discussion_of
from tgworker.core.model import Chat, ChatRef, ChatType, HistoryQuery, Relatives
from tgworker.errors import ChatUnavailableError
from tgworker.simulator.world import World, parse_world

NOW = datetime(2025, 11, 20, tzinfo=UTC)
DAYS = {"from": "2025-11-01", "to": "2025-11-03"}
NEWS, OTHER = ChatRef(username="news"), ChatRef(username="other")
TALK, CLUB = ChatRef(username="news_talk"), ChatRef(username="club")
GROUP = ChatRef(id=-4555111)
FULL = "channels.getFullChannel"


@pytest.fixture
def world():
    """A channel with comments and one without, a supergroup and the group it was."""
    chats = [
        {"username": "news", "type": "channel", "per_day": [20], "comments": "@News_Talk", **DAYS},
        {"username": "news_talk", "type": "supergroup", "per_day": [40], **DAYS},
        {"username": "other", "type": "channel", "per_day": [9], **DAYS},
        {"id": 4555111, "type": "group", "per_day": [9], "title": "Club", **DAYS},
        {"username": "club", "type": "supergroup", "per_day": [9], "migrated_from": 4555111}
        | {"from": "2025-11-03", "to": "2025-11-05"},
    ]
    return World(parse_world({"seed": 7, "users": 9, "chats": chats}, now=NOW))


class TestRelatives:
    async def test_the_group_of_comments_is_asked_for_once_and_none_after_a_restart(
        self, open_on, simulator, world
    ):
        async with open_on() as gateway:
            chat = await gateway.resolve(NEWS)
            told = [await gateway.relatives(chat) for _ in range(2)]
        async with open_on() as restarted:
            told.append(await restarted.relatives(await restarted.resolve(NEWS)))
            group = await restarted.resolve(ChatRef(id=told[-1].discussion))
            page = await restarted.history(group, HistoryQuery(limit=1))

        assert [Relatives(discussion=world.chat("news_talk").marked_id)] * 3 == told
        assert ("news_talk", 1) == (group.username, len(page.ids))
        assert (1, 1) == tuple(
            simulator.stats.requests[method] for method in (FULL, "contacts.resolveUsername")
        )

    async def test_that_there_is_none_is_remembered_too(self, open_on, simulator):
        for _ in range(2):
            async with open_on() as gateway:
                told = await gateway.relatives(await gateway.resolve(OTHER))

        assert Relatives() == told
        assert 1 == simulator.stats.requests[FULL]

    async def test_a_supergroup_tells_what_it_was_and_the_channel_of_its_comments_is_none(
        self, gateway, world
    ):
        talk, club = [await gateway.resolve(ref) for ref in (TALK, CLUB)]

        assert Relatives() == await gateway.relatives(talk)
        assert Relatives(predecessor=-4555111) == await gateway.relatives(club)

    async def test_a_group_tells_what_it_became_and_leads_there_without_a_search(
        self, open_on, simulator, world
    ):
        async with open_on() as gateway:
            await gateway.resolve(GROUP)
        async with open_on() as restarted:
            told = await restarted.relatives(await restarted.resolve(GROUP))
            club = await restarted.resolve(ChatRef(id=told.successor))

        assert Relatives(successor=world.chat("club").marked_id) == told
        assert "club" == club.username
        assert {"messages.getChats": 1, "channels.getChannels": 1} == {
            method: count
            for method, count in simulator.stats.requests.items()
            if method.split(".")[0] in ("messages", "channels", "contacts")
        }

    async def test_of_a_user_nothing_is_asked(self, gateway, simulator, world):
        user = next(user for user in world.people.users if user.shown_username)
        chat = await gateway.resolve(ChatRef(username=user.shown_username.lower()))

        assert Relatives() == await gateway.relatives(chat)
        assert 0 == simulator.stats.requests[FULL]

    async def test_a_group_of_comments_that_is_private_says_so_and_is_asked_for_again(
        self, gateway, simulator, world
    ):
        world.make_private("news_talk")
        chat = await gateway.resolve(NEWS)

        for _ in range(2):
            with pytest.raises(ChatUnavailableError, match="comments on @news") as caught:
                await gateway.relatives(chat)

        assert "channel_private" == caught.value.error_type
        assert 2 == simulator.stats.requests[FULL]

    async def test_posts_that_tell_of_another_group_make_it_asked_for_again_once(
        self, open_on, simulator, edit_session, world
    ):
        async with open_on() as gateway:
            await gateway.relatives(await gateway.resolve(NEWS))
        edit_session("update tgworker_relatives set discussion_id = null")

        async with open_on() as gateway:
            chat = await gateway.resolve(NEWS)
            stale = await gateway.relatives(chat)
            await gateway.history(chat, HistoryQuery())
            fresh = await gateway.relatives(chat)
            await gateway.history(chat, HistoryQuery())
            await gateway.relatives(chat)

        assert [None, world.chat("news_talk").marked_id] == [stale.discussion, fresh.discussion]
        assert 2 == simulator.stats.requests[FULL]

    async def test_with_a_key_that_telegram_does_not_take_the_chat_is_forgotten(
        self, open_on, edit_session
    ):
        async with open_on() as gateway:
            await gateway.relatives(await gateway.resolve(NEWS))
        edit_session("update tgworker_chats set access_hash = 1")

        async with open_on() as gateway:
            chat = await gateway.resolve(NEWS)
            with pytest.raises(ChatUnavailableError):
                await gateway.history(chat, HistoryQuery())

        assert [] == edit_session("select * from tgworker_relatives")

    async def test_a_chat_that_was_never_resolved_has_none_to_tell(self, gateway):
        with pytest.raises(ChatUnavailableError, match="resolved first"):
            await gateway.relatives(Chat(-1001000000001, ChatType.CHANNEL, "Stranger"))

    def test_a_post_tells_where_its_comments_are_unless_it_has_none(self):
        def post(id, replies):
            return types.Message(id, types.PeerChannel(5), NOW, "", replies=replies)

        commented = [
            types.MessageReplies(1, 1, comments=True, channel_id=channel) for channel in (7, 8)
        ]
        posts = [post(3, commented[1]), post(2, commented[0]), post(9, types.MessageReplies(1, 1))]

        assert -1000000000008 == discussion_of(posts)
        assert None is discussion_of([post(1, None), types.MessageEmpty(4, None)])


class TestRenames:
    async def test_a_name_that_nobody_has_any_more_leads_to_who_had_it(
        self, open_on, simulator, world
    ):
        async with open_on() as gateway:
            chat = await gateway.resolve(OTHER)
            world.rename("other", "another", "Another")
            await gateway.history(chat, HistoryQuery(limit=1))
        async with open_on() as restarted:
            with capture_logs() as lines:
                renamed = await restarted.resolve(OTHER)

        assert (chat.id, "another", "Another") == (renamed.id, renamed.username, renamed.title)
        assert [("telegram.chat_renamed", "@another", "@other")] == [
            (line["event"], line["chat"], line["former"]) for line in lines
        ]

    async def test_a_name_that_somebody_else_has_now_leads_there(self, gateway, world):
        chat = await gateway.resolve(OTHER)
        world.rename("other", "another")
        await gateway.history(chat, HistoryQuery(limit=1))
        world.rename("news", "other")

        taker = await gateway.resolve(OTHER)

        assert world.chat("other").marked_id == taker.id != chat.id
        assert chat.id == (await gateway.resolve(ChatRef(username="another"))).id

    async def test_a_chat_that_takes_its_old_name_again_has_it_alone(self, open_on, world):
        async with open_on() as gateway:
            chat = await gateway.resolve(OTHER)
            for old, new in (("other", "another"), ("another", "other")):
                world.rename(old, new)
                await gateway.history(chat, HistoryQuery(limit=1))
        async with open_on() as restarted:
            with capture_logs() as lines:
                again = await restarted.resolve(OTHER)

        assert ("other", []) == (again.username, lines)

    async def test_a_chat_without_a_name_is_the_same_when_it_gets_one(self, gateway, world):
        world.rename("other", None)
        nameless = await gateway.resolve(ChatRef(id=world.chats[2].marked_id))
        world.rename(nameless.id, "other")

        named = await gateway.resolve(OTHER)

        assert (None, "other", nameless.id) == (nameless.username, named.username, named.id)
