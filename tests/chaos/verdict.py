"""What a data folder holds, and how two of them differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from attrs import frozen

Shelf = Mapping[str, bytes]
"""Every file of a data folder, by its path in it."""

LOCKS = (".lock", ".progress.lock")


@frozen
class Difference:
    """What one archive has that the other has not."""

    lost: int
    """Messages that the reference holds and the archive does not."""
    duplicated: int
    """Messages that stand in the archive more than once."""
    bytes: int
    """Bytes of artifacts that are not the reference's."""
    wrong_files: tuple[str, ...]
    """Files that are missing, too many, or other than the reference's."""


def read_shelf(data: Path) -> Shelf:
    """All that lies in a data folder, but locks (which are empty) and what says when something was fetched."""
    shelf = {}
    for path in sorted(data.rglob("*")):
        if path.is_file() and path.name not in LOCKS:
            content = path.read_bytes()
            timeless = path.name == "index.json"
            shelf[str(path.relative_to(data))] = _without_times(content) if timeless else content
    return shelf


def compare(reference: Shelf, archive: Shelf) -> Difference:
    """How far an archive is from what it should be."""
    wanted, found = _messages(reference), _messages(archive)
    wrong = [
        path
        for path in sorted({*reference, *archive})
        if path != "progress.json" and reference.get(path) != archive.get(path)
    ]
    differing = sum(
        _differing(reference.get(path, b""), archive.get(path, b""))
        for path in wrong
        if _is_artifact(path)
    )
    return Difference(
        lost=(wanted - found).total(),
        duplicated=sum(count - 1 for count in found.values()),
        bytes=differing,
        wrong_files=tuple(wrong),
    )


def open_work(archive: Shelf) -> list[Any]:
    """What ``progress.json`` still calls open."""
    progress = json.loads(archive["progress.json"])
    return [*progress["commands"], *progress["days"]]


def _without_times(index: bytes) -> bytes:
    content = json.loads(index)
    for row in content["days"]:
        del row["fetched_at"]
    return json.dumps(content).encode()


def _is_artifact(path: str) -> bool:
    return Path(path).name.startswith("discussions_")


def _messages(shelf: Shelf) -> Counter[tuple[str, int]]:
    """Every message, by its chat's folder and its id."""
    return Counter(
        (path.split("/")[0], message["id"])
        for path, content in shelf.items()
        if _is_artifact(path)
        for message in json.loads(content)["messages"]
    )


def _differing(one: bytes, other: bytes) -> int:
    return sum(a != b for a, b in zip_longest(one, other))
