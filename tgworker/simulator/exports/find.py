"""Which chats a file holds, and where each of their messages stands."""

from __future__ import annotations

from array import array
from typing import Any

from attrs import Factory, define

from tgworker.simulator.exports.scan import Scanner

_HEAD = ("name", "type", "id")


@define
class FoundChat:
    """One chat: where it is (``$.chats.list[3]``), what its head says, and the first and last place of each message."""

    path: str
    head: dict[str, Any] = Factory(dict)
    starts: array[int] = Factory(lambda: array("q"))
    ends: array[int] = Factory(lambda: array("q"))
    complete: bool = False
    """Its messages were found; there may be none of them."""

    def take(self, key: str, scanner: Scanner) -> None:
        """Read one of its fields, in whatever order they come."""
        if key in _HEAD:
            self.head[key] = scanner.value()
        elif key == "messages":
            self.complete = True
            for _ in scanner.elements():
                start, end = scanner.skip()
                self.starts.append(start)
                self.ends.append(end)


def find_chats(scanner: Scanner) -> list[FoundChat]:
    """The one chat of a chat's export, or all of an account's.

    Raises:
        ExportError: it is neither.
    """
    single, chats, account = FoundChat("$"), list[FoundChat](), False
    for key in scanner.members():
        if key in ("chats", "left_chats"):
            account = True
            chats += _listed(scanner)
        else:
            single.take(key, scanner)
    scanner.finish()
    if not (single.complete or account):
        raise scanner.error("has neither messages nor chats: it is no JSON of Telegram Desktop")
    return [single, *chats] if single.complete else chats


def _listed(scanner: Scanner) -> list[FoundChat]:
    chats = []
    for key in scanner.members():
        for _ in scanner.elements() if key == "list" else ():
            chat = FoundChat(scanner.path)
            for field in scanner.members():
                chat.take(field, scanner)
            if not chat.complete:
                raise scanner.error("has no messages, not even an empty list of them")
            chats.append(chat)
    return chats
