"""The disk under the archive: room, rights, and whether it can do what an archive relies on."""

from __future__ import annotations

import os
from collections.abc import Iterator

import trio

from tgworker.adapters.archive.checkup import (
    Place,
    find_busy,
    find_leftovers,
    look_at_place,
    try_file_system,
)
from tgworker.doctor.finding import Finding, ok, problem, warning
from tgworker.errors import StorageError
from tgworker.settings import Settings

FULL_BYTES, TIGHT_BYTES = 100_000_000, 1_000_000_000
FULL_INODES, TIGHT_INODES = 1_000, 20_000
TIGHT_SHARE = 0.05
SHOWN = 3


async def look_at_disk(settings: Settings) -> list[Finding]:
    return await trio.to_thread.run_sync(lambda: list(_look(settings)))


def _look(settings: Settings) -> Iterator[Finding]:
    try:
        place = look_at_place(settings.data_dir)
    except StorageError as error:
        yield problem(
            "disk.folder", str(error), "Let DATA_DIR name a folder of the worker's.", error
        )
        return
    yield _judge_owner(place)
    yield from _judge_room(place)
    try:
        faults = try_file_system(place.path)
    except StorageError as error:
        yield problem("disk.writable", str(error), _user_advice(place), error)
        return
    yield ok("disk.writable", f"{place.path} can be written")
    yield _judge_faults(faults)
    if not place.is_new:
        yield from _look_inside(place)


def _judge_owner(place: Place) -> Finding:
    if place.is_new:
        return ok(
            "disk.folder", f"DATA_DIR is not there yet; the worker makes it under {place.path}"
        )
    if place.owner != os.geteuid():
        found = f"{place.path} belongs to user {place.owner}, and this is user {os.geteuid()}"
        return warning("disk.folder", found, _user_advice(place))
    return ok("disk.folder", f"{place.path} belongs to this user")


def _user_advice(place: Place) -> str:
    return f"Run it as user {place.owner}, or: chown -R {os.geteuid()} {place.path}"


def _judge_room(place: Place) -> Iterator[Finding]:
    text = f"{place.bytes_free / 1e9:,.1f} GB free of {place.bytes_total / 1e9:,.1f} GB"
    advice = "Make room: a full disk fails every command (`storage`); what is sealed stays good."
    yield _judge_amount(
        ("disk.space", text, advice),
        (place.bytes_free, place.bytes_total),
        (FULL_BYTES, TIGHT_BYTES),
    )
    if place.inodes:
        yield _judge_amount(
            ("disk.inodes", f"{place.inodes_free:,} files more can be made", advice),
            (place.inodes_free, place.inodes),
            (FULL_INODES, TIGHT_INODES),
        )


def _judge_amount(
    texts: tuple[str, str, str], room: tuple[int, int], limits: tuple[int, int]
) -> Finding:
    """`limits`: below the first it is a problem; below the second, and a small part of all, it may become one."""
    (check, found, advice), (free, total), (full, tight) = texts, room, limits
    if free < full:
        return problem(check, found, advice, StorageError(found))
    if free < tight or free < total * TIGHT_SHARE:
        return warning(check, found, advice)
    return ok(check, found)


def _judge_faults(faults: list[str]) -> Finding:
    if faults:
        advice = "Move DATA_DIR to a local file system, such as ext4 or xfs."
        return problem("disk.abilities", "; ".join(faults), advice)
    return ok("disk.abilities", "files are flushed, moved into place and locked as they should be")


def _look_inside(place: Place) -> Iterator[Finding]:
    try:
        leftovers, busy = find_leftovers(place.path), find_busy(place.path)
    except StorageError as error:
        yield problem("disk.archive", str(error), _user_advice(place), error)
        return
    if leftovers:
        names = ", ".join(str(path.relative_to(place.path)) for path in leftovers[:SHOWN])
        found = f"{len(leftovers):,} temporary files are left of a crash: {names}"
        yield warning(
            "disk.leftovers", found, "They do no harm. `tgworker verify --repair` removes them."
        )
    else:
        yield ok("disk.leftovers", "no temporary files lie about")
    names = ", ".join(busy[:SHOWN]) + (" …" if len(busy) > SHOWN else "")
    yield ok("disk.locks", f"being written now: {names}" if busy else "nobody is writing")
