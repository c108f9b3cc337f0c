"""Values that say what is attached to a message of the world; of a file nothing but the description exists.

As those of `model` they are none of the archive's. Media may be inside of media: what is paid for is.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen


@frozen
class Photo:
    """A photo; one that has expired has no sizes any more."""

    sizes: tuple[tuple[int, int, int], ...]
    """Width, height and bytes, ascending."""
    progressive: bool = False


@frozen
class File:
    """A document.

    ``kind`` is the archive's word: sticker, animation, video_note, video, voice, audio or document.
    """

    kind: str
    mime_type: str
    size: int
    file_name: str | None = None
    width: int | None = None
    height: int | None = None
    duration: float | None = None
    title: str | None = None
    performer: str | None = None
    emoji: str | None = None


@frozen
class WebPage:
    """A link's preview; ``empty`` if Telegram found nothing there."""

    url: str
    site_name: str | None = None
    title: str | None = None
    description: str | None = None
    author: str | None = None
    empty: bool = False


@frozen
class Place:
    """A point on the map: plain, live (``period`` in seconds), or a venue (``title`` and ``address``)."""

    latitude: float
    longitude: float
    period: int | None = None
    title: str | None = None
    address: str | None = None


@frozen
class Contact:
    phone_number: str
    first_name: str
    last_name: str
    user_id: int


@frozen
class Poll:
    """``votes`` has a number for each answer, or none at all; ``correct`` is the place of a quiz's right answer."""

    question: str
    answers: tuple[str, ...]
    closed: bool
    quiz: bool
    total_voters: int
    votes: tuple[int, ...] = ()
    correct: int | None = None
    solution: str | None = None
    multiple_choice: bool = False
    public_voters: bool = False


@frozen
class Dice:
    emoji: str
    value: int


@frozen
class Invoice:
    title: str
    description: str
    currency: str
    total_amount: int
    start_param: str


@frozen
class Game:
    title: str
    description: str = ""
    short_name: str = ""


@frozen
class Task:
    """A line of a to-do list; a done one has who did it (a user's id), and when."""

    id: int
    title: str
    done_by: int | None = None
    done_at: int | None = None


@frozen
class ToDo:
    title: str
    tasks: tuple[Task, ...] = ()


@frozen
class Preview:
    """What is seen of paid media before paying."""

    width: int
    height: int
    duration: int | None = None


@frozen
class Paid:
    """Photos and videos for Telegram's stars."""

    stars: int
    media: tuple[Photo | File | Preview, ...]


@frozen
class Story:
    """A story sent on; ``peer`` is marked."""

    peer: int
    id: int
    mention: bool = False


@frozen
class Giveaway:
    """``channels`` are marked. With ``winners`` it is over: ``launch_id`` is the message that announced it."""

    channels: tuple[int, ...]
    quantity: int
    until: int
    months: int | None = None
    stars: int | None = None
    countries: tuple[str, ...] = ()
    prize: str | None = None
    launch_id: int | None = None
    winners: tuple[int, ...] = ()


@frozen
class Bare:
    """Media of which the archive keeps the type alone: ``unsupported``."""

    type: str


Media: TypeAlias = (
    Photo | File | WebPage | Place | Contact | Poll | Dice | Invoice | Game | ToDo | Paid | Story
) | (Giveaway | Bare)
