from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import trio_asyncio

from tgworker.adapters.redis.connection import open_redis
from tgworker.adapters.redis.events import RedisEventReader
from tgworker.cli.following import entry_id, open_log, server_time, since_id
from tgworker.core.events import Event

NOW = datetime(2025, 11, 9, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["0", "$", "1762689600000", "1762689600000-3"])
def test_ids_are_taken_as_they_are(text: str) -> None:
    assert text == since_id(text, NOW)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", datetime(2025, 11, 9, 11, 58, 30, tzinfo=UTC)),
        ("10m", datetime(2025, 11, 9, 11, 50, tzinfo=UTC)),
        ("2h", datetime(2025, 11, 9, 10, 0, tzinfo=UTC)),
        ("3d", datetime(2025, 11, 6, 12, 0, tzinfo=UTC)),
        ("2025-11-07T10:00Z", datetime(2025, 11, 7, 10, tzinfo=UTC)),
        ("2025-11-07T10:00", datetime(2025, 11, 7, 10, tzinfo=UTC)),
        ("2025-11-07T13:00+03:00", datetime(2025, 11, 7, 10, tzinfo=UTC)),
        ("2025-11-07", datetime(2025, 11, 7, tzinfo=UTC)),
    ],
)
def test_times_lead_to_the_place_just_before(text: str, moment: datetime) -> None:
    assert str(int(moment.timestamp() * 1000) - 1) == since_id(text, NOW)


@pytest.mark.parametrize("text", ["", "yesterday", "10 m", "10x", "-5m", "1-2-3", "99999999d"])
def test_anything_else_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(ValueError, match="must be 0"):
        since_id(text, NOW)


def test_before_the_beginning_there_is_nothing() -> None:
    assert "0" == entry_id(datetime(1969, 1, 1, tzinfo=UTC))
    assert "0" == since_id("99999d", NOW)


async def test_what_is_no_event_is_passed_over(
    redis_url: str, worker: object, story: Callable[..., list[Event]]
) -> None:
    async with trio_asyncio.open_loop(), open_redis(redis_url) as client:
        since = entry_id(await server_time(client))
        for entry in (b"not json", b"{}", b'{"event":"unheard_of"}'):
            await client.call(client.redis.xadd, "tg_events:log", {"event": entry})
        worker.tell(story()[0])

        async with open_log(RedisEventReader(client), since) as log:
            told = await anext(log)

    assert story()[0] == told.event
