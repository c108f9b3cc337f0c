"""What people, other programs and torn writes may do to the data folder between two runs of a worker."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.conftest import OneShotStage

YEAR = "ru_python/2025"
DAY = "discussions_2025-11-03"
PERSON = ("id", "username", "name", "bot")


@pytest.fixture(scope="module")
def fetched(stage: OneShotStage) -> Path:
    """A data folder that was fetched without any trouble."""
    code, _ = stage.fetch_once(stage.folder / "fetched")

    assert 0 == code
    return stage.data


def tear_part(data: Path) -> None:
    """A day under way: half of its part, cut off within a line, and no artifact yet."""
    artifact = data / YEAR / f"{DAY}.json"
    day = json.loads(artifact.read_bytes())
    people = [{key: who[key] for key in PERSON} for who in day["participants"]]
    lines = [{"person": who} for who in people] + [{"message": m} for m in day["messages"][:120]]
    part = "".join(f"{json.dumps(line)}\n" for line in lines)
    (data / YEAR / f".{DAY}.part.jsonl").write_text(part[:-40])
    artifact.unlink()


def add_strangers(data: Path) -> None:
    """Files and folders of others, in every place."""
    for name in ("README", "Other/notes.txt", f"{YEAR}/discussions_soon.json", f"{YEAR}/x.tmp"):
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(b"{mine")
    (data / "link").symlink_to("/nowhere")
    (data / YEAR / "2025").mkdir()


def damage_progress(data: Path) -> None:
    (data / "progress.json").write_bytes(b'{"days": [')


def damage_index(data: Path) -> None:
    (data / YEAR / "index.json").write_bytes(b"\x00" * 100)


def damage_chat(data: Path) -> None:
    (data / "ru_python/chat.json").write_bytes(b"")


def damage_artifact(data: Path) -> None:
    """Torn, and without its row."""
    path = data / YEAR / f"{DAY}.json"
    path.write_bytes(path.read_bytes()[:5000])
    (data / YEAR / "index.json").unlink()


@pytest.mark.parametrize(
    ("damages", "warnings"),
    [
        ([tear_part, add_strangers], set()),
        ([damage_index, damage_progress], {"archive.index_damaged", "archive.progress_damaged"}),
        ([damage_artifact, damage_chat], {"archive.artifact_damaged", "archive.chat_file_damaged"}),
    ],
    ids=["torn part, foreign files", "index, progress", "artifact, chat file"],
)
def test_what_was_damaged_is_warned_of_and_made_whole(
    tmp_path: Path,
    stage: OneShotStage,
    fetched: Path,
    damages: list[Callable[[Path], None]],
    warnings: set[str],
) -> None:
    """The bytes are the same again, and nothing that others put there is touched."""
    stage.data = fetched
    expected, rows = stage.hashes(), stage.rows()
    data = tmp_path / "data"
    shutil.copytree(fetched, data)
    for damage in damages:
        damage(data)
    foreign = {
        path: path.read_bytes()
        for path in data.rglob("*")
        if path.is_file() and path.read_bytes() == b"{mine"
    }

    code, worker = stage.fetch_once(data)

    assert (0, []) == (code, worker.lines("failed"))
    assert warnings <= set(warnings_of(worker.stderr.read_text()))
    assert expected.items() <= stage.hashes().items()
    assert rows == stage.rows()
    assert [] == json.loads((data / "progress.json").read_bytes())["days"]
    assert foreign == {path: path.read_bytes() for path in foreign}


def warnings_of(text: str) -> list[str]:
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line["event"] for line in lines if line["level"] == "warning"]
