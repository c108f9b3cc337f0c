"""Which messages a chat has, before what is in them: ids and dates.

Two numbers a message, so that a chat of a million messages stands ready in a second and a few megabytes, and what
is in a message is made when somebody asks for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from attrs import Factory, frozen

from tgworker.core.model import ChatType
from tgworker.simulator.world.draws import derive
from tgworker.simulator.world.spec import ChatSpec

DAY_SECONDS = 86_400
_ALBUM_SHARE = 0.02
_ALBUM_SIZES = (2, 2, 3, 4, 10)


@frozen
class Skeleton:
    """Ids and dates (Unix seconds) ascend together; ``albums`` leads from a message to the first of its album."""

    ids: array[int] = Factory(lambda: array("q"))
    dates: array[int] = Factory(lambda: array("q"))
    albums: dict[int, int] = Factory(dict)


def day_start(day: date) -> int:
    """The day's first second, UTC, as Unix time."""
    return int(datetime.combine(day, time(), UTC).timestamp())


def build_skeleton(spec: ChatSpec, *, seed: int, now: datetime) -> Skeleton:
    """Every message of the chat up to `now`. Each day draws from its own generator."""
    skeleton = Skeleton()
    next_id = 1
    for day in _days(spec.first, spec.last):
        rng = Random(derive(seed, spec.key, "day", day.isoformat()))
        start = len(skeleton.ids)
        dates = _dates(rng, spec, day, now)
        for _ in dates:
            skeleton.ids.append(next_id)
            next_id = _following(rng, spec, next_id)
        if not spec.plain:
            _gather_albums(rng, skeleton, dates, start)
        skeleton.dates.extend(dates)
    return skeleton


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)


def _dates(rng: Random, spec: ChatSpec, day: date, now: datetime) -> list[int]:
    start = day_start(day)
    open_for = min(DAY_SECONDS, int(now.timestamp()) - start + 1)
    count = spec.count(day)
    dates = sorted(start + int(rng.random() * open_for) for _ in range(count))
    if spec.edges and count >= 2:
        dates[0] = start
        if open_for == DAY_SECONDS:
            dates[-1] = start + DAY_SECONDS - 1
    return dates


def _following(rng: Random, spec: ChatSpec, id: int) -> int:
    """The next id that is still there. A basic group shares its ids with all other chats of the account."""
    id += 1 + (int(rng.random() * 4) if spec.type is ChatType.GROUP else 0)
    while rng.random() < spec.deleted:
        id += 1
    return id


def _gather_albums(rng: Random, skeleton: Skeleton, dates: list[int], start: int) -> None:
    """Make some neighbours albums; they are sent at once, and the day's last message keeps its time."""
    place = 1
    while place < len(dates) - 1:
        size = rng.choice(_ALBUM_SIZES)
        if rng.random() < _ALBUM_SHARE and place + size < len(dates):
            first = skeleton.ids[start + place]
            for member in range(place, place + size):
                dates[member] = dates[place]
                skeleton.albums[skeleton.ids[start + member]] = first
            place += size
        place += 1
