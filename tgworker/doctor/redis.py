"""Redis: is it there, will it keep what it is given, may this user do all that is needed; and how the queue is."""

from __future__ import annotations

from collections.abc import Iterator

from tgworker.adapters.redis.admin import QueueSnapshot, connected_workers, inspect
from tgworker.adapters.redis.check import (
    EVICTION_ADVICE,
    FORGETTING_ADVICE,
    Keeping,
    ServerState,
    clock_ahead,
    look_at_server,
)
from tgworker.adapters.redis.connection import RedisClient, open_redis
from tgworker.adapters.redis.errors import too_old
from tgworker.adapters.redis.rights import find_refused
from tgworker.doctor.clocks import judge_clock
from tgworker.doctor.finding import Finding, ok, problem, skipped, warning
from tgworker.errors import QueueRefusedError, QueueUnavailableError
from tgworker.settings import Settings

REPLY_SECONDS = 3.0
OVERDUE_SECONDS = 30.0
"""A worker that is there looks for such commands every few seconds."""
SHOWN = 3

_RIGHTS = "Give the user the rights that docs/operations.md lists under Redis."


async def look_at_redis(settings: Settings) -> list[Finding]:
    found: list[Finding] = []
    try:
        async with open_redis(settings.redis_url.reveal(), reply_seconds=REPLY_SECONDS) as client:
            await _look(client, settings, found)
    except QueueUnavailableError as error:
        found.append(problem("redis.server", str(error), "Start it, or mend REDIS_URL.", error))
    except QueueRefusedError as error:
        advice = "Mend REDIS_URL or REDIS_PASSWORD, or use another server."
        found.append(problem("redis.server", str(error), advice, error))
    return found


async def _look(client: RedisClient, settings: Settings, found: list[Finding]) -> None:
    state = await look_at_server(client)
    if state.is_too_old:
        raise QueueRefusedError(too_old(state.address, state.version))
    found.append(ok("redis.server", f"{state.name or 'Redis'} answers at {state.address}"))
    found += _setup(state)
    refused = await find_refused(client, settings.command_queue, settings.event_channel)
    if refused:
        names = ", ".join(each.command for each in refused[:SHOWN])
        more = f" and {len(refused) - SHOWN} more" if len(refused) > SHOWN else ""
        text = f"it refuses {names}{more}: {refused[0].reason}"
        error = QueueRefusedError(text)
        found.append(problem("redis.rights", text, _RIGHTS, error))
        found.append(skipped("redis.clock", "see redis.rights"))
        found.append(skipped("queue", "see redis.rights"))
        return
    found.append(ok("redis.rights", "every command that a worker needs is allowed"))
    found.append(judge_clock("redis.clock", "Redis", await clock_ahead(client)))
    snapshot = await inspect(client, settings.command_queue)
    found += _queue(snapshot, await connected_workers(client))


def _setup(state: ServerState) -> Iterator[Finding]:
    if state.name is None:
        yield skipped("redis.eviction", "this user may not run INFO")
    elif state.evicts is not None:
        yield warning("redis.eviction", f"maxmemory-policy is {state.evicts}", EVICTION_ADVICE)
    else:
        yield ok("redis.eviction", "nothing is thrown away when memory is short")
    match state.keeping:
        case None:
            yield skipped("redis.persistence", f"this user may not run {state.unseen}")
        case Keeping.NOTHING:
            yield warning("redis.persistence", "it keeps nothing on disk", FORGETTING_ADVICE)
        case Keeping.SNAPSHOTS:
            found = "it keeps snapshots only: a crash loses what came after the last one"
            yield warning("redis.persistence", found, "Set appendonly yes.")
        case Keeping.EVERYTHING:
            yield ok("redis.persistence", "commands outlive a restart (appendonly yes)")


def _queue(snapshot: QueueSnapshot, workers: tuple[str, ...] | None) -> Iterator[Finding]:
    counts = (
        f"{snapshot.depth:,} wait, {snapshot.running_count:,} run, {snapshot.parked_count:,} rest"
    )
    if workers is None:
        yield ok("queue.commands", counts)
        yield skipped("queue.workers", "this user may not run CLIENT LIST")
    elif workers:
        yield ok("queue.commands", counts)
        yield ok("queue.workers", f"connected: {', '.join(workers)}")
    else:
        yield ok("queue.commands", counts)
        if snapshot.depth:
            yield warning("queue.workers", "commands wait and nobody takes them", _START)
        else:
            yield ok("queue.workers", "none is connected")
    yield from _overdue(snapshot)
    if snapshot.dead_count:
        found = f"{snapshot.dead_count:,} set aside for good"
        advice = "See why: `tgworker dead`. Then retry them or drop them with it."
        yield warning("queue.dead", found, advice)
    else:
        yield ok("queue.dead", "none")


_START = "Start a worker: `tgworker run`."


def _overdue(snapshot: QueueSnapshot) -> Iterator[Finding]:
    """Commands whose time has come, and nobody came."""
    stale = sum(job.seconds_left < -OVERDUE_SECONDS for job in snapshot.running)
    due = sum(job.seconds_left < -OVERDUE_SECONDS for job in snapshot.parked)
    if stale:
        found = f"{stale:,} held by a worker that has not been heard of since its lease ended"
        yield warning("queue.leases", found, f"The next worker goes on with them. {_START}")
    else:
        yield ok("queue.leases", "none has ended without a word")
    if due:
        found = f"{due:,} are due, and nobody takes them"
        yield warning("queue.parked", found, _START)
    else:
        yield ok("queue.parked", "none is overdue")
