"""Chats that belong together tell of each other, as Telegram's do."""

from datetime import UTC, datetime

import pytest

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world import World, parse_world

NOW = datetime(2025, 11, 20, tzinfo=UTC)
DAYS = {"from": "2025-11-01", "to": "2025-11-03"}


def family(*chats):
    return World(parse_world({"seed": 7, "users": 9, "chats": list(chats)}, now=NOW))


@pytest.fixture
def discussed():
    return family(
        {"username": "news", "type": "channel", "per_day": [20], "comments": "talk", **DAYS},
        {"username": "talk", "type": "supergroup", "per_day": [60], **DAYS},
    )


def messages(chat):
    return [chat.history.at(place) for place in range(len(chat.history))]


def test_copies_of_posts_are_what_comments_hang_on(discussed):
    """Each post is copied once at most, later than it was posted, in the channel's name."""
    news, talk = discussed.chats
    copies = [m for m in messages(talk) if m.forward and m.forward.from_id == news.marked_id]
    origins = [copy.forward.channel_post for copy in copies]
    threads = talk.history.source.threads

    assert len(copies) > 5
    assert len(origins) == len(set(origins))
    for copy in copies:
        post = news.history.find(copy.forward.channel_post)
        assert (news.marked_id, post.text, None) == (copy.sender, copy.text, copy.reply)
        assert post.date <= copy.date
        assert post.replies_count == len(threads[copy.id]) > 0


def test_posts_that_nobody_commented_on_say_so(discussed):
    """Where there are comments at all, every post has a number."""
    posts = [post for post in messages(discussed.chats[0]) if post.action is None]

    assert {True, False} == {post.replies_count == 0 for post in posts}


def test_a_group_ends_where_its_supergroup_begins():
    """With a message at each side, and none after it."""
    world = family(
        {"id": 5, "type": "group", "per_day": [9], "title": "Club", **DAYS},
        {"username": "club", "type": "supergroup", "per_day": [9], "migrated_from": 5}
        | {"from": "2025-11-02", "to": "2025-11-05", "edges": False},
    )
    group, club = world.chats
    end, beginning = messages(group)[-1], messages(club)[0]

    assert ("chat_migrate_to", {"channel_id": CHANNEL_MARK - club.marked_id}) == (
        end.action.type,
        end.action.fields,
    )
    assert ("channel_migrate_from", 5) == (
        beginning.action.type,
        beginning.action.fields["chat_id"],
    )
    assert end.date == beginning.date == max(group.history.dates)
    assert 9 < len(group.history) < 18
