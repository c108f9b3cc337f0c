"""Which messages one page of a history holds, by Telegram's rule.

Counted from the newest: the place of the offset, moved by ``add_offset``, then ``limit`` messages,
then only those between ``min_id`` and ``max_id``. Source: https://core.telegram.org/api/offsets
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

MAX_LIMIT = 100
"""Telegram gives no more at once, whatever is asked for."""


def history_page(
    ids: Sequence[int],
    dates: Sequence[int],
    *,
    offset_id: int = 0,
    offset_date: int = 0,
    add_offset: int = 0,
    limit: int = MAX_LIMIT,
    max_id: int = 0,
    min_id: int = 0,
) -> range:
    """Places in `ids`, newest first. `ids` and `dates` (Unix seconds) ascend together; 0 means "not given".

    The offset itself is the first message with a smaller id; without ``offset_id``, the first one before
    ``offset_date``; without both, the newest. What of the window lies above the newest message is empty: it
    is not filled up from below.
    """
    size = len(ids)
    top = (offset_place(ids, dates, offset_id, offset_date) or 0) + add_offset
    bottom = top + min(limit, MAX_LIMIT)
    first, last = max(0, size - bottom), min(size, size - top)
    if min_id:
        first = max(first, bisect_right(ids, min_id))
    if max_id:
        last = min(last, bisect_left(ids, max_id))
    return range(last - 1, first - 1, -1) if last > first else range(0)


def offset_place(
    ids: Sequence[int], dates: Sequence[int], offset_id: int = 0, offset_date: int = 0
) -> int | None:
    """How many messages the offset leaves above itself, which Telegram calls ``offset_id_offset``.

    ``add_offset`` does not count: TDLib's ``getChatMessagePosition`` asks for one message with an ``add_offset`` of -1
    and takes this number for the message's place, counted from 1. None: there is no offset.
    """
    if offset_id:
        return len(ids) - bisect_left(ids, offset_id)
    if offset_date:
        return len(ids) - bisect_left(dates, offset_date)
    return None
