"""The world as a whole: naming its chats, changing them, and what an archive must hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world import World

DAY = date(2025, 11, 1)
LAST = date(2025, 11, 4)


def test_a_chat_is_found_by_every_name_it_has(world: World) -> None:
    channel, group = world.chats[0], world.chats[3]

    for name in (
        "The_channel",
        "@the_CHANNEL",
        channel.id,
        channel.marked_id,
        str(channel.marked_id),
    ):
        assert channel is world.chat(name)
    for id in (group.id, group.marked_id, str(group.marked_id)):
        assert group is world.chat(id)
    with pytest.raises(KeyError):
        world.chat("nobody")
    with pytest.raises(KeyError):
        world.chat(1)


def test_labels_are_the_name_in_lower_case_or_the_marked_id(world: World) -> None:
    assert ("@the_channel", "-7654321") == (world.chats[0].label, world.chats[3].label)
    assert CHANNEL_MARK - world.chats[0].id == world.chats[0].marked_id


def test_ids_can_be_given(make_world: Callable[..., World], entry: Callable[..., Any]) -> None:
    world = make_world(entry("forum", id=42))

    assert -1_000_000_000_042 == world.chats[0].marked_id


def test_days_are_all_of_the_range(world: World) -> None:
    assert [DAY, date(2025, 11, 2), date(2025, 11, 3), LAST] == world.days("the_forum")


def test_the_truth_of_a_day_is_that_day_alone(world: World) -> None:
    counts = [len(world.truth("the_forum", day)) for day in world.days("the_forum")]

    assert [300, 0, 1, 271] == counts
    assert {"2025-11-01"} == {item["date"][:10] for item in world.truth("the_forum", DAY)}
    assert [] == world.truth("the_forum", date(2024, 1, 1))


def test_participants_are_those_who_wrote(world: World) -> None:
    counts = Counter(item["from_id"] for item in world.truth("the_supergroup", DAY))

    told = world.people_truth("the_supergroup", DAY)

    assert sorted(counts.items()) == [(person["id"], person["messages"]) for person in told]
    assert [] == world.people_truth("the_channel", DAY)


def test_participants_have_names_as_people_see_them(world: World) -> None:
    told = {person["id"]: person for person in world.people_truth("the_supergroup", DAY)}
    users = [user for user in world.people.users if user.id in told]

    deleted = [told[user.id] for user in users if user.deleted]
    newer = [told[user.id]["username"] for user in users if user.names]
    assert {("", None)} == {(person["name"], person["username"]) for person in deleted}
    assert newer and all(not name.startswith("old_") for name in newer)
    assert any(told[user.id]["bot"] for user in users)
    itself = told[world.chats[1].marked_id]
    assert ("The_supergroup", "The_supergroup") == (itself["username"], itself["name"])


def test_a_post_comes_last_and_stays_in_the_truth(world: World) -> None:
    evening = datetime(2025, 11, 4, 23, 59, 59, tzinfo=UTC)

    id = world.post("the_supergroup", "ещё одно", evening)

    last = world.truth("the_supergroup", LAST)[-1]
    assert (id, "ещё одно", "2025-11-04T23:59:59Z") == (last["id"], last["text"], last["date"])


def test_a_post_can_open_a_day_of_its_own(world: World) -> None:
    world.post("the_channel", "новый день", datetime(2025, 11, 6, tzinfo=UTC))

    assert date(2025, 11, 6) == world.days("the_channel")[-1]
    assert [None] == [item["from_id"] for item in world.truth("the_channel", date(2025, 11, 6))]


def test_nothing_can_be_posted_into_the_past(world: World) -> None:
    with pytest.raises(ValueError, match="after all others"):
        world.post("the_channel", "раньше", datetime(2025, 11, 4, 23, 59, 58, tzinfo=UTC))


def test_an_edit_changes_text_and_time(world: World) -> None:
    id = world.truth("the_channel", LAST)[5]["id"]

    world.edit("the_channel", id, "иначе")
    by_default = world.truth("the_channel", LAST)[5]
    world.edit("the_channel", id, "ещё иначе", when=datetime(2025, 12, 1, tzinfo=UTC))
    dated = world.truth("the_channel", LAST)[5]

    assert ("иначе", True, []) == (by_default["text"], by_default["edited"], by_default["entities"])
    assert ("ещё иначе", "2025-12-01T00:00:00Z") == (dated["text"], dated["edit_date"])


def test_what_is_not_there_cannot_be_edited(world: World) -> None:
    with pytest.raises(KeyError):
        world.edit("the_channel", 10**6, "x")


def test_a_service_message_cannot_be_edited(world: World) -> None:
    with pytest.raises(ValueError, match="service message"):
        world.edit("the_channel", 1, "x")


def test_deleted_messages_are_gone_and_their_ids_stay_used(world: World) -> None:
    ids = [item["id"] for item in world.truth("the_channel", LAST)]
    world.edit("the_channel", ids[-1], "kurz")

    world.delete("the_channel", [ids[0], ids[-1], 10**6])
    posted = world.post("the_channel", "x", datetime(2025, 11, 4, 23, 59, 59, tzinfo=UTC))

    assert [*ids[1:-1], posted] == [item["id"] for item in world.truth("the_channel", LAST)]
    assert posted > ids[-1]


def test_an_empty_chat_can_be_posted_to(
    make_world: Callable[..., World], entry: Callable[..., Any]
) -> None:
    world = make_world(entry("group", per_day=[0]))

    assert (DAY, LAST) == (world.days(7654321)[0], world.days(7654321)[-1])
    assert 1 == world.post(7654321, "первый", datetime(2025, 10, 30, tzinfo=UTC))
    assert date(2025, 10, 30) == world.days(7654321)[0]
    assert LAST == world.days(7654321)[-1]


def test_a_renamed_chat_keeps_its_messages(world: World) -> None:
    before = [item["text"] for item in world.truth("the_channel", DAY)]

    world.rename("the_channel", "Fresh_Name")

    told = world.truth("fresh_name", DAY)
    assert before == [item["text"] for item in told]
    assert {"@fresh_name"} == {item["chat"] for item in told}
    with pytest.raises(KeyError):
        world.chat("the_channel")


def test_people_are_found_by_name_and_id(world: World) -> None:
    user = next(user for user in world.people.users if user.names)

    assert user is world.user(user.id) is world.user_by_username(f"@{user.names[1][0].upper()}")
    assert world.account is world.user(world.account.id)
    assert world.user(1) is None
    assert world.user_by_username("nobody_at_all") is None
