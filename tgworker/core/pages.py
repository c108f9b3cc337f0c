"""Pages of a history put in order, cut and joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from operator import lt
from typing import TypeAlias

from tgworker.core.message import Message
from tgworker.core.model import Page, Person

Keep: TypeAlias = Callable[[int, Message | None], bool]
"""Decides by id and, unless it was deleted, by the message."""


def in_order(page: Page) -> Page:
    """The page with ascending ids, each once; that is how pages come, and it is not left to trust."""
    for ids in (page.ids, [message.id for message in page.messages]):
        if not all(map(lt, ids, islice(ids, 1, None))):
            return where(page, lambda _id, _message: True)
    return page


def where(page: Page, keep: Keep) -> Page:
    """What of a page is kept, in the order of the ids and each once, and all of its people."""
    messages = {message.id: message for message in page.messages}
    ids = tuple(sorted({id for id in page.ids if keep(id, messages.get(id))}))
    return Page(ids, tuple(messages[id] for id in ids if id in messages), page.people)


def join(pages: Sequence[Page]) -> Page:
    """All that one of the pages has, once; of two messages with one id the later page's."""
    if len(pages) == 1:
        return pages[0]
    ids: set[int] = set()
    messages: dict[int, Message] = {}
    people: dict[int, Person] = {}
    for page in pages:
        ids.update(page.ids)
        messages.update((message.id, message) for message in page.messages)
        people.update((person.id, person) for person in page.people)
    return Page(
        tuple(sorted(ids)),
        tuple(messages[id] for id in sorted(messages)),
        tuple(people[id] for id in sorted(people)),
    )
