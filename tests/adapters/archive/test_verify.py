"""A walk through an archive on disk: what is wrong is told, and mended where that can be done."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import trio

from tgworker.adapters.archive.chat_folders import find_chats
from tgworker.adapters.archive.repair import repair
from tgworker.adapters.archive.verify import Scope, count_days, verify
from tgworker.core.model import ArtifactFormat, ChatRef
from tgworker.core.verify import Problem, Remedy

YEAR = "ru_python/2025"
SIXTH = f"{YEAR}/discussions_2025-11-06.json"


async def fill(store, make) -> None:
    """The 5th and the 6th are sealed, the 7th is open, the 8th is being fetched."""
    async with store.shelf() as shelf:
        for number in (5, 6, 7, 8):
            writer = await shelf.open_day(date(2025, 11, number))
            moment = datetime(2025, 11, number, 9, tzinfo=UTC)
            messages = [make.message(number * 10 + n, date=moment) for n in range(5)]
            await writer.append(messages, make.people)
            if number < 8:
                await make.seal(writer, complete=number < 7)


@pytest.fixture(params=[ArtifactFormat.JSON, ArtifactFormat.JSONL])
def sound(request, disk_store, make):
    disk_store.form = request.param
    trio.run(fill, disk_store, make)
    return disk_store


@pytest.fixture
def store(disk_store, make):
    trio.run(fill, disk_store, make)
    return disk_store


def problems(store, **scope) -> list[Problem]:
    return list(verify(store.root, Scope(**scope), lambda chat, day: None))


def told(store, **scope) -> list[tuple[str, str]]:
    return [(problem.path, problem.remedy) for problem in problems(store, **scope)]


def mend(store, found: list[Problem], **options):
    options = {"may_set_aside": True, **options}
    return repair(store.root, found, schema_version="1.0.0", **options)


def test_a_sound_archive_has_no_problems(sound):
    """Whatever else lies in it; each artifact is looked at once."""
    (sound.root / "notes").mkdir()
    (sound.root / "ru_python" / "notes").mkdir()
    (sound.root / YEAR / "discussions_2025-11-06.json.damaged").write_text("x")
    seen = []

    found = list(verify(sound.root, Scope(), lambda chat, day: seen.append((chat, day.day))))

    assert [] == found
    assert [("@ru_python", 5), ("@ru_python", 6), ("@ru_python", 7)] == seen
    assert 3 == count_days(find_chats(sound.root), Scope())


def change(path: str, old: bytes, new: bytes) -> Callable:
    def act(root) -> None:
        data = (root / path).read_bytes()
        assert old in data
        (root / path).write_bytes(data.replace(old, new, 1))

    return act


def put(path: str, data: bytes) -> Callable:
    return lambda root: (root / path).write_bytes(data)


def unlink(path: str) -> Callable:
    return lambda root: (root / path).unlink()


def edit_index(**fields) -> Callable:
    """Change the row of the 6th."""

    def act(root) -> None:
        index = json.loads((root / YEAR / "index.json").read_bytes())
        index["days"][1] |= fields
        (root / YEAR / "index.json").write_text(json.dumps(index))

    return act


def forget_row(root) -> None:
    index = json.loads((root / YEAR / "index.json").read_bytes())
    del index["days"][1]
    (root / YEAR / "index.json").write_text(json.dumps(index))


INDEX = f"{YEAR}/index.json"
DAMAGES = {
    "a letter changed": (
        change(SIXTH, "Сообщение".encode(), "сообщение".encode()),
        [(SIXTH, "fetch")],
    ),
    "torn": (lambda root: os.truncate(root / SIXTH, 200), [(SIXTH, "fetch")]),
    "empty": (put(SIXTH, b""), [(SIXTH, "fetch")]),
    "gone": (unlink(SIXTH), [(SIXTH, "fetch")]),
    "of another day": (
        change(SIXTH, b"2025-11-06T09", b"2025-11-09T09"),
        [(SIXTH, "afresh"), (SIXTH, "fetch")],
    ),
    "no row": (forget_row, [(SIXTH, "index")]),
    "a wrong row": (edit_index(messages=9), [(SIXTH, "index")]),
    "a row for another format": (
        edit_index(format="jsonl"),
        [(SIXTH, "fetch"), (f"{SIXTH}l", "fetch")],
    ),
    "no index": (unlink(INDEX), [(INDEX, "index")]),
    "a damaged index": (put(INDEX, b"[1,"), [(INDEX, "index")]),
    "an index that is none": (put(INDEX, b"[]"), [(INDEX, "index")]),
    "a leftover": (put(f"{YEAR}/.index.tmp", b"x"), [(f"{YEAR}/.index.tmp", "remove")]),
    "a leftover above": (put(".progress.tmp", b"x"), [(".progress.tmp", "remove")]),
    "a leftover between": (
        put("ru_python/.chat.tmp", b"x"),
        [("ru_python/.chat.tmp", "remove")],
    ),
    "a part of a sealed day": (
        put(f"{YEAR}/.discussions_2025-11-06.part.jsonl", b""),
        [(f"{YEAR}/.discussions_2025-11-06.part.jsonl", "fetch")],
    ),
    "no chat.json": (unlink("ru_python/chat.json"), [("ru_python/chat.json", "fetch")]),
    "a damaged chat.json": (put("ru_python/chat.json", b"{"), [("ru_python/chat.json", "fetch")]),
    "a folder of another name": (
        lambda root: (root / "ru_python").rename(root / "other"),
        [("other/chat.json", "hand")],
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_each_damage_is_told_by_its_file_and_remedy(store, name):
    damage, expected = DAMAGES[name]
    damage(store.root)

    found = problems(store)

    assert expected == [(problem.path, problem.remedy) for problem in found]
    assert all(problem.what and problem.advice for problem in found)
    days = {date(2025, 11, 6)} if "2025-11-06" in expected[0][0] else {None}
    assert days == {problem.day for problem in found}


@pytest.mark.parametrize("name", DAMAGES)
async def test_what_is_mended_or_fetched_again_is_a_problem_no_more(store, make, name):
    """The forced fetch that a repair asks for makes the archive sound, from whatever damage."""
    damage, _ = DAMAGES[name]
    before = (store.root / SIXTH).read_bytes()
    damage(store.root)
    found = problems(store)

    outcome = mend(store, found)

    fetched = {problem.day for problem in outcome.to_fetch}
    if any(problem.remedy is Remedy.HAND for problem in found):
        assert outcome.by_hand == found
        return
    assert [] == outcome.by_hand == outcome.busy
    async with store.shelf() as shelf:
        if date(2025, 11, 6) in fetched:
            writer = await shelf.open_day(date(2025, 11, 6), afresh=True)
            moment = datetime(2025, 11, 6, 9, tzinfo=UTC)
            messages = [make.message(60 + n, date=moment) for n in range(5)]
            await writer.append(messages, make.people)
            await make.seal(writer)
    assert [] == problems(store)
    assert before == (store.root / SIXTH).read_bytes()
    async with store.shelf() as shelf:
        rows = await shelf.rows(date(2025, 11, 1), date(2025, 11, 30))
    assert [True, True, False] == [row.complete for row in rows.values()]


def test_a_file_that_must_not_be_merged_stays_until_it_can_be_fetched(store):
    change(SIXTH, b"2025-11-06T09", b"2025-11-09T09")(store.root)
    found = problems(store)

    mend(store, found, may_set_aside=False)
    assert (store.root / SIXTH).exists()
    mend(store, found)

    assert not (store.root / SIXTH).exists()
    assert (store.root / f"{SIXTH}.damaged").exists()


def test_two_chats_in_one_folder_are_for_somebody_to_sort_out(store):
    change("ru_python/chat.json", b'"id":-1000000000007', b'"id":-1000000000008')(store.root)

    found = problems(store)

    assert {Remedy.HAND} == {problem.remedy for problem in found}
    assert f"{YEAR}/index.json" in [problem.path for problem in found]
    assert found == mend(store, found).by_hand


def test_only_what_is_asked_for_is_looked_at(store):
    for number in (5, 6):
        (store.root / YEAR / f"discussions_2025-11-0{number}.json").write_bytes(b"")

    on = {"first": date(2025, 11, 6), "last": date(2025, 11, 30)}
    assert [(SIXTH, "fetch")] == told(store, **on)
    assert 2 == len(told(store, chat=ChatRef("ru_python")))
    assert 2 == len(told(store, chat=ChatRef(id=-1000000000007)))
    assert [] == told(store, chat=ChatRef("stranger"))
    assert 2 == count_days(find_chats(store.root), Scope(**on))


def test_while_a_worker_writes_its_temporary_files_are_its_own(store):
    """And nothing is mended under its hands."""
    (store.root / YEAR / ".index.tmp").write_bytes(b"x")
    edit_index(messages=9)(store.root)
    lock = os.open(store.root / "ru_python" / ".lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        found = problems(store)
        outcome = mend(store, found)
    finally:
        os.close(lock)

    assert [(SIXTH, Remedy.INDEX)] == [(p.path, p.remedy) for p in found]
    assert found == outcome.busy
    assert 2 == len(problems(store))


def test_what_was_only_half_written_at_the_first_look_is_no_problem(store, monkeypatch):
    """A worker put the row in place meanwhile."""
    forget = (store.root / INDEX).read_bytes()
    forget_row(store.root)
    real = fcntl.flock

    def finish_and_lock(fd, how):
        (store.root / INDEX).write_bytes(forget)
        real(fd, how)

    monkeypatch.setattr(fcntl, "flock", finish_and_lock)

    assert [] == problems(store)


@pytest.mark.parametrize("form", ArtifactFormat)
async def test_an_index_can_be_made_without_chat_json(disk_store, make, form):
    """From an artifact, which knows its chat; JSONL does not, and then nobody does."""
    disk_store.form = form
    await fill(disk_store, make)
    (disk_store.root / "ru_python" / "chat.json").unlink()
    (disk_store.root / INDEX).write_text("{}")
    found = [problem for problem in problems(disk_store) if problem.remedy is Remedy.INDEX]

    outcome = mend(disk_store, found)

    assert (found, []) == (
        (outcome.mended, outcome.by_hand)
        if form is ArtifactFormat.JSON
        else (outcome.by_hand, outcome.mended)
    )


def test_a_row_is_mended_by_the_old_index_where_chat_json_is_gone(store):
    (store.root / "ru_python" / "chat.json").unlink()
    edit_index(messages=9)(store.root)

    mend(store, [p for p in problems(store) if p.remedy is Remedy.INDEX])

    assert [("ru_python/chat.json", "fetch")] == told(store)


def test_an_empty_folder_is_nobodys_problem(store):
    (store.root / "empty_chat" / "2025").mkdir(parents=True)

    assert [("empty_chat/chat.json", "fetch")] == told(store)
    (store.root / "empty_chat" / "2025").rmdir()
    assert [] == told(store)


def test_whoever_watches_may_end_it(store):
    def stop(chat: str, day: date) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(verify(store.root, Scope(), stop))
