"""From a Telegram Desktop export to chats of a world."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path

from attrs import evolve, frozen

from tgworker.core.model import ChatType
from tgworker.simulator.exports.chats import ChatLoader
from tgworker.simulator.exports.find import find_chats
from tgworker.simulator.exports.notes import Notes
from tgworker.simulator.exports.people import Directory
from tgworker.simulator.exports.scan import ExportError, Scanner
from tgworker.simulator.world import checks
from tgworker.simulator.world.imports import ImportedChat, Imports


@frozen
class ExportFile:
    """One export, and the username that its chat is to have: an export does not say which it had."""

    path: Path
    username: str | None = None

    @staticmethod
    def parse(text: str) -> ExportFile:
        """``result.json`` or ``@name=result.json``.

        Raises:
            ExportError: the name can't be one.
        """
        name, equals, path = text.partition("=")
        if not (name.startswith("@") and equals):
            return ExportFile(Path(text))
        try:
            return ExportFile(Path(path), checks.username(name.removeprefix("@")))
        except ValueError as error:
            raise ExportError(f"{name} {error}") from error


@frozen
class Loaded:
    """What was in some exports; ``remarks`` tell, one a line, what could not be taken over as it was."""

    imports: Imports
    remarks: tuple[str, ...]


def load_exports(files: Iterable[ExportFile]) -> Loaded:
    """The chats of these files. They are read again while the world is in use, and must not change.

    Raises:
        ExportError: one of them can't be served.
    """
    directory = Directory()
    chats, remarks, homes = list[ImportedChat](), list[str](), dict[tuple[bool, int], Path]()
    for file in files:
        notes = Notes(str(file.path))
        for chat in _load_file(file, directory, notes):
            key = chat.spec.type is ChatType.GROUP, chat.spec.id or 0
            if key in homes:
                both = f"a chat with the same id ({chat.spec.id}) as one in {homes[key]}"
                raise ExportError(f"{file.path}: $ holds {both}")
            homes[key] = file.path
            chats.append(chat)
        remarks += notes.lines()
    return Loaded(
        Imports(tuple(chats), tuple(directory.users()), tuple(directory.outsiders())),
        tuple(remarks),
    )


def _load_file(file: ExportFile, directory: Directory, notes: Notes) -> list[ImportedChat]:
    try:
        with file.path.open("rb") as stream:
            data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # a ValueError says that it is empty
        reason = error.strerror if isinstance(error, OSError) else "it is empty"
        raise ExportError(f"{file.path} can't be read: {reason}") from error
    found = find_chats(Scanner(data, str(file.path)))
    loaders = [ChatLoader(str(file.path), data, chat, directory, notes) for chat in found]
    families = [loader.load() for loader in loaders if loader.can_be_served()]
    if not families:
        raise ExportError(f"{file.path}: $ holds no chat that can be served")
    chats = [chat for family in families for chat in family]
    if file.username is None:
        return chats
    if len(families) > 1:
        raise ExportError(f"{file.path}: $ holds {len(families)} chats, so one name is too few")
    *former, chat = chats
    if chat.spec.type is ChatType.GROUP:
        raise ExportError(f"{file.path}: $.type is one that has no username: name no @name")
    return [*former, evolve(chat, spec=evolve(chat.spec, username=file.username))]
