"""Changes to a world while a server runs over it: what people do to their chats between two fetches.

A change is a JSON object that names a ``chat`` (by username, marked or bare id) and what happens to it:

======================  =======================================================================
``username``            its new username; ``null``: it has none any more
``title``               its new title
``private``             ``true``: the account is thrown out, and can't read it any more
``edit`` with ``text``  the id of a message, and the text that it has from now on
``delete``              a list of ids: those messages are gone
======================  =======================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tgworker.errors import TgworkerError
from tgworker.simulator.world import World
from tgworker.simulator.world.checks import (
    Fields,
    any_list,
    anything,
    chat_name,
    flag,
    integer,
    text,
    username,
)

_Step = Callable[[], None]
_KEEP = object()


class ChangeError(TgworkerError):
    """A change is not one: ``problems`` says where and why, all of it at once."""

    error_type = "change"

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def change_world(world: World, data: object) -> int:
    """Make one change or a list of them; returns how many.

    Raises:
        ChangeError: with every problem there is; then nothing was changed.
    """
    found = list(data) if isinstance(data, list) else [data]
    problems: list[str] = []
    steps = [_steps(world, Fields(f"$[{n}]", item, problems)) for n, item in enumerate(found)]
    if problems:
        raise ChangeError(tuple(problems))
    for step in (step for change in steps for step in change):
        step()
    return len(found)


def _steps(world: World, fields: Fields) -> list[_Step]:
    """What one change does, each step by itself."""
    chat = fields.need("chat", _known_chat(world), None)
    name = fields.take("username", _username_or_none, _KEEP)
    title = fields.take("title", text, None)
    private = fields.take("private", flag, False)
    edited = fields.take("edit", integer(1), None)
    words = fields.take("text", anything, None)
    deleted = fields.take("delete", _ids, None)
    fields.finish()
    if chat is None:
        return []
    steps: list[_Step] = []
    if name is not _KEEP or title is not None:
        new = chat.username if name is _KEEP else name
        steps.append(lambda: world.rename(chat.marked_id, new, title))
    if private:
        steps.append(lambda: world.make_private(chat.marked_id))
    if edited is not None:
        message = chat.history.find(edited)
        if not isinstance(words, str) or message is None or message.action is not None:
            fields.wrong("edit", "must be the id of a message with a text, and text its new one")
        steps.append(lambda: world.edit(chat.marked_id, edited, words))
    if deleted is not None:
        steps.append(lambda: world.delete(chat.marked_id, deleted))
    if fields.sound and not steps:
        fields.wrong("chat", "needs something that happens to it: username, title, private, …")
    return steps


def _username_or_none(value: Any) -> str | None:
    return None if value is None else username(value)


def _ids(value: Any) -> list[int]:
    return [integer(1)(id) for id in any_list(value)]


def _known_chat(world: World) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        try:
            return world.chat(chat_name(value))
        except KeyError:
            raise ValueError("must be a chat of this world") from None

    return check
