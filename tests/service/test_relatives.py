"""What belongs with the chat of a command is fetched with it: a group's past and future, a channel's comments."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from structlog.testing import capture_logs

from tests.service.conftest import Desk, day, make_history
from tgworker.adapters.archive import open_archive
from tgworker.adapters.memory.gateway import MemoryGateway
from tgworker.core.message import Message
from tgworker.core.model import (
    ArtifactFormat,
    Chat,
    ChatRef,
    ChatType,
    HistoryQuery,
    Mode,
    Relatives,
)
from tgworker.errors import ChatBusyError, ChatUnavailableError

GROUP = Chat(-5, ChatType.GROUP, "Club")
CLUB = Chat(-1000000000007, ChatType.SUPERGROUP, "Club", "club", ("club",))
NEWS = Chat(-1000000000008, ChatType.CHANNEL, "News", "news", ("news",))
TALK = Chat(-1000000000009, ChatType.SUPERGROUP, "Talk", "talk", ("talk",))
MOVED = datetime(2025, 11, 5, 10, tzinfo=UTC)
BY_GROUP, BY_CLUB, BY_NEWS = ChatRef(id=GROUP.id), ChatRef("club"), ChatRef("news")
CLUB_DAYS, GROUP_DAYS = [day(n) for n in range(1, 11)], [day(n) for n in range(1, 6)]


def service(id: int, action: str, **fields: Any) -> Message:
    return Message(id, MOVED, 1, "", "", service={"action": action, **fields})


def group_history() -> list[Message]:
    """Five messages a day until noon of the fifth, the last one telling what became of it."""
    ordinary = [m for m in make_history([5] * 5) if m.date < MOVED]
    return [*ordinary, service(900, "chat_migrate_to", channel_id=7)]


def club_history() -> list[Message]:
    """From that moment on, the first message telling what was before."""
    later = [evolve(m, id=m.id + 100) for m in make_history([0] * 4 + [4] * 6) if m.date > MOVED]
    return [service(1, "channel_migrate_from", title="Club", chat_id=5), *later]


@pytest.fixture
def telegram() -> MemoryGateway:
    histories: dict[Chat, Sequence[Message]] = {
        GROUP: group_history(),
        CLUB: club_history(),
        NEWS: make_history([3] * 10),
        TALK: make_history([130, 2] * 5),
    }
    kin = {
        GROUP: Relatives(successor=CLUB.id),
        CLUB: Relatives(predecessor=GROUP.id),
        NEWS: Relatives(discussion=TALK.id),
    }
    return MemoryGateway(histories, kin=kin)


@pytest.fixture
async def desk(telegram: MemoryGateway, tmp_path: Path) -> AsyncIterator[Desk]:
    folder = tmp_path / "data"
    async with open_archive(
        folder, artifact_format=ArtifactFormat.JSON, schema_version="1.0.0"
    ) as archive:
        yield Desk(telegram, archive, folder)


def days_of(desk: Desk, folder: str) -> list[str]:
    return sorted(path.stem[-10:] for path in desk.folder.glob(f"{folder}/*/discussions_*.json"))


def held(desk: Desk, folder: str) -> list[int]:
    """The ids in a folder, in the order of its days."""
    paths = sorted(desk.folder.glob(f"{folder}/*/discussions_*.json"))
    return [m["id"] for path in paths for m in json.loads(path.read_bytes())["messages"]]


def ids(history: Sequence[Message]) -> list[int]:
    return [message.id for message in history]


def chat_file(desk: Desk, folder: str) -> dict[str, Any]:
    return dict(json.loads((desk.folder / folder / "chat.json").read_bytes()))


def asked_for_kin(desk: Desk) -> list[Chat]:
    return [request for request in desk.telegram.requests if isinstance(request, Chat)]


class TestMigration:
    @pytest.mark.parametrize("chat", [BY_CLUB, BY_GROUP])
    async def test_both_parts_are_fetched_by_the_name_of_either(
        self, desk: Desk, telegram: MemoryGateway, chat: ChatRef
    ) -> None:
        await desk.fetch(chat=chat)

        assert (ids(telegram.histories[GROUP]), ids(telegram.histories[CLUB])) == (
            held(desk, "group.5"),
            held(desk, "club"),
        )
        assert [str(on) for on in GROUP_DAYS] == days_of(desk, "group.5")
        assert "2025-11-05" == days_of(desk, "club")[0 if chat == BY_GROUP else 4]
        assert [] == asked_for_kin(desk)

    async def test_chat_json_of_both_name_each_other(self, desk: Desk) -> None:
        await desk.fetch(chat=BY_CLUB)

        club, group = chat_file(desk, "club"), chat_file(desk, "group.5")
        assert (GROUP.id, CLUB.id) == (club["migrated_from"], group["migrated_to"])
        assert {"2025-11-05T10:00:00Z"} == {club["migrated_at"], group["migrated_at"]}

    @pytest.mark.parametrize("chat", [BY_CLUB, BY_GROUP])
    async def test_what_is_sealed_costs_nothing_in_either_folder(
        self, desk: Desk, chat: ChatRef
    ) -> None:
        await desk.fetch(chat=chat)
        desk.telegram.requests.clear()

        await desk.fetch(chat=chat)

        assert [] == [r for r in desk.telegram.requests if isinstance(r, HistoryQuery)]
        assert [] == asked_for_kin(desk)

    @pytest.mark.parametrize("chat", [BY_CLUB, BY_GROUP])
    async def test_full_begins_with_the_first_message_of_the_group(
        self, desk: Desk, chat: ChatRef
    ) -> None:
        desk.now = datetime(2025, 11, 10, 12, tzinfo=UTC)

        await desk.fetch(chat=chat, mode=Mode.FULL, first=None, last=None)

        assert [str(on) for on in GROUP_DAYS] == days_of(desk, "group.5")
        assert [str(on) for on in CLUB_DAYS[4:]] == days_of(desk, "club")

    @pytest.mark.parametrize(
        ("chat", "first", "last", "group_days", "club_days"),
        [
            (BY_CLUB, 6, 7, 0, 2),
            (BY_CLUB, 1, 3, 3, 3),
            (BY_GROUP, 1, 3, 3, 0),
            (BY_GROUP, 6, 7, 0, 2),
            (BY_GROUP, 5, 5, 1, 1),
            (BY_CLUB, 5, 5, 1, 1),
        ],
    )
    async def test_only_the_days_that_are_asked_for_are_fetched(
        self, desk: Desk, chat: ChatRef, first: int, last: int, group_days: int, club_days: int
    ) -> None:
        await desk.fetch(chat=chat, first=day(first), last=day(last))

        assert (group_days, club_days) == (
            len(days_of(desk, "group.5")),
            len(days_of(desk, "club")),
        )

    async def test_where_the_first_message_is_gone_telegram_is_asked_once(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        history = telegram.histories[CLUB] = list(telegram.histories[CLUB])[1:]

        for _ in range(2):
            await desk.fetch(chat=BY_CLUB, force=True)

        assert (ids(telegram.histories[GROUP]), ids(history)) == (
            held(desk, "group.5"),
            held(desk, "club"),
        )
        assert [CLUB] == asked_for_kin(desk)

    async def test_a_supergroup_that_always_was_one_is_not_asked_about(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        creation = service(1, "channel_create", title="Club")
        telegram.histories[CLUB] = [creation, *telegram.histories[CLUB][1:]]

        await desk.fetch(chat=BY_CLUB)

        assert [] == asked_for_kin(desk)
        assert None is chat_file(desk, "club")["migrated_from"]

    async def test_a_group_that_the_account_never_was_in_is_left_out_with_a_warning(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        del telegram.histories[GROUP]

        with capture_logs() as lines:
            await desk.fetch(chat=BY_CLUB)

        assert ids(telegram.histories[CLUB]) == held(desk, "club")
        assert [("relative.unavailable", str(GROUP.id))] == [
            (line["event"], line["relative"]) for line in lines if line["log_level"] == "warning"
        ]

    async def test_a_group_whose_last_message_is_gone_loses_nothing(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        telegram.histories[GROUP] = telegram.histories[GROUP][:-1]

        await desk.fetch(chat=BY_GROUP)

        assert (ids(telegram.histories[GROUP]), ids(telegram.histories[CLUB])) == (
            held(desk, "group.5"),
            held(desk, "club"),
        )

    async def test_a_group_that_is_one_still_is_fetched_alone(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        del telegram.kin[GROUP]
        telegram.histories[GROUP] = telegram.histories[GROUP][:-1]

        await desk.fetch(chat=BY_GROUP)

        assert ids(telegram.histories[GROUP]) == held(desk, "group.5")
        assert [] == days_of(desk, "club")

    async def test_a_limit_counts_in_both(self, desk: Desk) -> None:
        reporter = await desk.fetch(chat=BY_GROUP, limit=7)
        assert (7, 0) == (reporter.tally.processed, len(days_of(desk, "club")))

        reporter = await desk.fetch(chat=BY_GROUP, limit=20)
        assert 20 == reporter.tally.processed
        assert held(desk, "club")

    @pytest.mark.parametrize("requests", range(1, 8))
    async def test_ended_anywhere_it_goes_on_there(
        self, desk: Desk, telegram: MemoryGateway, requests: int
    ) -> None:
        def stop() -> None:
            if len(desk.telegram.requests) >= requests:
                raise ChatBusyError("Somebody else writes it.")

        with pytest.raises(ChatBusyError):
            await desk.fetch(chat=BY_CLUB, check=stop)
        await desk.fetch(chat=BY_CLUB)

        assert (ids(telegram.histories[GROUP]), ids(telegram.histories[CLUB])) == (
            held(desk, "group.5"),
            held(desk, "club"),
        )


class TestComments:
    async def test_the_same_days_of_the_group_are_fetched_into_its_own_folder(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        await desk.fetch(chat=BY_NEWS, comments=True, first=day(2), last=day(4))

        expected = [m.id for m in telegram.histories[TALK] if day(2) <= m.date.date() <= day(4)]
        assert expected == held(desk, "talk")
        assert ["2025-11-02", "2025-11-03", "2025-11-04"] == days_of(desk, "talk")

    async def test_nobody_who_does_not_ask_for_comments_gets_any(self, desk: Desk) -> None:
        await desk.fetch(chat=BY_NEWS)

        assert ([], []) == (days_of(desk, "talk"), asked_for_kin(desk))

    async def test_full_takes_the_days_of_the_channel(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        telegram.histories[NEWS] = [m for m in telegram.histories[NEWS] if m.date.date() >= day(4)]
        desk.now = datetime(2025, 11, 10, 12, tzinfo=UTC)

        await desk.fetch(chat=BY_NEWS, comments=True, mode=Mode.FULL, first=None, last=None)

        assert days_of(desk, "news") == days_of(desk, "talk") == [str(d) for d in CLUB_DAYS[3:]]

    @pytest.mark.parametrize("chat", [BY_NEWS, BY_CLUB])
    async def test_where_there_are_none_a_line_says_so_and_nothing_else_happens(
        self, desk: Desk, telegram: MemoryGateway, chat: ChatRef
    ) -> None:
        telegram.kin.clear()

        with capture_logs() as lines:
            await desk.fetch(chat=chat, comments=True, first=day(6), last=day(7))

        assert "comments.none" in [line["event"] for line in lines]
        assert 1 == len(list(desk.folder.glob("*/chat.json")))

    async def test_an_empty_channel_has_none(self, desk: Desk, telegram: MemoryGateway) -> None:
        telegram.histories[NEWS] = []

        await desk.fetch(chat=BY_NEWS, comments=True, mode=Mode.FULL, first=None, last=None)

        assert [] == days_of(desk, "talk")

    async def test_a_group_that_cannot_be_read_fails_the_command_when_the_channel_is_safe(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        del telegram.histories[TALK]

        with pytest.raises(ChatUnavailableError, match="days of @news are saved") as caught:
            await desk.fetch(chat=BY_NEWS, comments=True)

        assert "username_not_occupied" == caught.value.error_type
        assert ids(telegram.histories[NEWS]) == held(desk, "news")

    async def test_a_busy_group_leaves_what_is_sealed_and_the_rest_for_later(
        self, desk: Desk, telegram: MemoryGateway
    ) -> None:
        async with desk.archive.open_chat(TALK):
            with pytest.raises(ChatBusyError):
                await desk.fetch(chat=BY_NEWS, comments=True)
        asked = len(telegram.requests)

        await desk.fetch(chat=BY_NEWS, comments=True)

        assert ids(telegram.histories[TALK]) == held(desk, "talk")
        later = telegram.requests[asked:]
        assert [BY_NEWS, ChatRef(id=TALK.id)] == [r for r in later if isinstance(r, ChatRef)]
        await desk.fetch(chat=BY_NEWS, comments=True)
        assert [] == [r for r in telegram.requests[asked + len(later) :] if r != BY_NEWS]
