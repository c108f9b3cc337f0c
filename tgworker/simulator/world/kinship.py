"""What histories tell of each other: a channel's posts in its discussion group, a group that became a supergroup.

Sources: https://core.telegram.org/api/discussion, https://core.telegram.org/api/channel#migration
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve

from tgworker.simulator.world.history import History
from tgworker.simulator.world.model import Action, WorldForward, WorldMessage


def tell_comments(channel_id: int, channel: History, group: History) -> None:
    """Make the roots of the group's threads copies of posts, and have the posts count what is below.

    Telegram forwards each post into the group; here only those are that somebody commented on. `channel_id` is marked.
    """
    posts = [post for post in _all(channel) if post.action is None]
    waiting: list[WorldMessage] = []
    counts: dict[int, int] = {}
    for root in _roots(group):
        while posts and posts[0].date <= root.date:
            waiting.append(posts.pop(0))
        if waiting:
            post = waiting.pop()
            counts[post.id] = len(group.source.threads[root.id])
            group.replace(_copy(post, root, channel_id))
    for post in [post for post in _all(channel) if post.action is None]:
        channel.replace(evolve(post, replies_count=counts.get(post.id, 0)))


def tell_migration(group_id: int, group: History, channel_id: int, supergroup: History) -> None:
    """End the group where the supergroup begins, each with the message that tells so; ids are bare."""
    first = supergroup.at(0)
    title = str(first.action.fields["title"]) if first.action is not None else ""
    came_from = Action("channel_migrate_from", {"title": title, "chat_id": group_id})
    supergroup.replace(evolve(first, action=came_from))
    later = [id for id, date in zip(group.ids, group.dates, strict=True) if date > first.date]
    group.remove(later)
    went_to = Action("chat_migrate_to", {"channel_id": channel_id})
    group.append(WorldMessage(group.next_id(), first.date, first.sender, action=went_to))


def _all(history: History) -> Iterable[WorldMessage]:
    return (history.at(place) for place in range(len(history)))


def _roots(group: History) -> Iterable[WorldMessage]:
    """The messages that are answered, and answer nothing themselves; in a thread's chain the first is its root."""
    found = map(group.find, sorted(group.source.threads))
    return [root for root in found if root is not None and root.action is None]


def _copy(post: WorldMessage, root: WorldMessage, channel_id: int) -> WorldMessage:
    origin = WorldForward(
        post.date, from_id=channel_id, channel_post=post.id, post_author=post.post_author
    )
    return evolve(
        root,
        sender=channel_id,
        text=post.text,
        entities=post.entities,
        media=post.media,
        reply=None,
        forward=origin,
        grouped_id=None,
        via_bot_id=None,
        post_author=post.post_author,
        pinned=True,
    )
