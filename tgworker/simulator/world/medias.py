"""Media of every kind, and buttons; nothing can be downloaded, only described."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import frozen

from tgworker.simulator.world.draws import pick
from tgworker.simulator.world.media_model import (
    Bare,
    Contact,
    Dice,
    File,
    Game,
    Giveaway,
    Invoice,
    Media,
    Paid,
    Photo,
    Place,
    Poll,
    Preview,
    Story,
    Task,
    ToDo,
    WebPage,
)
from tgworker.simulator.world.model import WorldButton, WorldUser
from tgworker.simulator.world.texts import PHRASES

_SIZES = ((320, 240), (800, 600), (1280, 960))


def album_media(rng: Random) -> Media:
    """What stands in an album: mostly photos, now and then a video."""
    return _photo(rng) if rng.random() < 0.8 else _video(rng)


@frozen
class Named:
    """Whom media may name: somebody, and channels by their marked ids."""

    user: WorldUser
    channels: tuple[int, ...]


def any_media(rng: Random, named: Named) -> Media:
    """Any kind, each as likely; photos more."""
    return pick(rng, _KINDS)(rng, named)


def any_buttons(rng: Random) -> tuple[tuple[WorldButton, ...], ...]:
    """What a bot puts under its messages: one to three rows."""
    return tuple(
        tuple(_button(rng) for _ in range(1 + rng.randrange(2)))
        for _ in range(1 + rng.randrange(3))
    )


def _button(rng: Random) -> WorldButton:
    type = pick(rng, ("url", "url", "web_view", "url_auth", "callback", "switch_inline", "copy"))
    opens = type in ("url", "web_view", "url_auth")
    return WorldButton(type, pick(rng, PHRASES), "https://example.org/кнопка" if opens else None)


def _photo(rng: Random) -> Photo:
    if rng.random() < 0.05:
        return Photo(())
    count = 1 + rng.randrange(len(_SIZES))
    sizes = tuple((w, h, w * h // 10 + rng.randrange(1000)) for w, h in _SIZES[:count])
    return Photo(sizes, progressive=rng.random() < 0.3)


def _video(rng: Random) -> File:
    named = rng.random() < 0.5
    return File(
        "video",
        "video/mp4",
        rng.randrange(10**5, 4 * 10**9),
        file_name=f"видео {rng.randrange(100)}.mp4" if named else None,
        width=1920,
        height=1080,
        duration=rng.randrange(10**6) / 1000,
    )


def _document(rng: Random) -> File:
    image = rng.random() < 0.2
    return File(
        "document",
        "image/png" if image else "application/pdf",
        rng.randrange(1, 10**7),
        file_name=f"отчёт «{rng.randrange(100)}» 📄.{'png' if image else 'pdf'}",
        width=640 if image else None,
        height=480 if image else None,
    )


def _voice(rng: Random) -> File:
    return File("voice", "audio/ogg", rng.randrange(1, 10**6), duration=1 + rng.randrange(600))


def _audio(rng: Random) -> File:
    tagged = rng.random() < 0.7
    return File(
        "audio",
        "audio/mpeg",
        rng.randrange(1, 10**7),
        file_name="track.mp3",
        duration=1 + rng.randrange(600),
        title="Кукушка" if tagged else None,
        performer="Кино" if tagged else None,
    )


def _sticker(rng: Random) -> File:
    if rng.random() < 0.3:
        return File(
            *("sticker", "video/webm", rng.randrange(1, 10**5), "sticker.webm", 512, 512),
            duration=2.5,
            emoji="🔥",
        )
    return File(
        "sticker", "image/webp", rng.randrange(1, 10**5), "sticker.webp", 512, 488, emoji="😀"
    )


def _animation(rng: Random) -> File:
    return File(
        *("animation", "video/mp4", rng.randrange(1, 10**6), "giphy.mp4", 480, 270), duration=3.0
    )


def _video_note(rng: Random) -> File:
    return File(
        *("video_note", "video/mp4", rng.randrange(1, 10**6)), width=384, height=384, duration=8.25
    )


def _web_page(rng: Random) -> WebPage:
    url = f"https://example.org/статья/{rng.randrange(1000)}"
    if rng.random() < 0.2:
        return WebPage(url, empty=True)
    full = rng.random() < 0.7
    return WebPage(
        url,
        site_name="Example" if full else None,
        title=pick(rng, PHRASES),
        description=pick(rng, PHRASES) if full else None,
        author="Н. Автор" if full and rng.random() < 0.5 else None,
    )


def _place(rng: Random) -> Place:
    latitude, longitude = rng.uniform(-90, 90), rng.uniform(-180, 180)
    kind = rng.randrange(3)
    if kind == 0:
        return Place(latitude, longitude)
    if kind == 1:
        return Place(latitude, longitude, period=900)
    return Place(latitude, longitude, title="Кофейня", address="ул. Ленина, 1")


def _contact(rng: Random, user: WorldUser) -> Contact:
    last = pick(rng, ("", "Петров"))
    return Contact(f"+7999{rng.randrange(10**7):07}", "Борис", last, pick(rng, (0, user.id)))


def _poll(rng: Random) -> Poll:
    quiz = rng.random() < 0.3
    answers = tuple(f"{pick(rng, PHRASES)} {n}" for n in range(2 + rng.randrange(4)))
    votes = tuple(rng.randrange(100) for _ in answers) if rng.random() < 0.6 else ()
    return Poll(
        *("Что лучше? 🤔", answers, rng.random() < 0.3, quiz),
        total_voters=sum(votes) if votes else rng.randrange(500),
        votes=votes,
        correct=rng.randrange(len(answers)) if quiz and votes else None,
        solution="Потому что 🎓" if quiz and votes else None,
        multiple_choice=not quiz and rng.random() < 0.3,
        public_voters=rng.random() < 0.3,
    )


def _dice(rng: Random) -> Dice:
    return Dice(pick(rng, ("🎲", "🎯", "🎰")), 1 + rng.randrange(6))


def _invoice(rng: Random) -> Invoice:
    return Invoice("Подписка", "На месяц", "XTR", 1 + rng.randrange(1000), "start")


def _game(rng: Random) -> Game:
    return Game("Шахматы ♟", pick(rng, PHRASES), "chess")


def _to_do(rng: Random, user: WorldUser) -> ToDo:
    done = user.id if rng.random() < 0.5 else None
    at = None if done is None else 1_762_000_000 + rng.randrange(10**6)
    return ToDo("Купить 🛒", (Task(1, "Молоко", done, at), Task(2, pick(rng, PHRASES))))


def _paid(rng: Random) -> Paid:
    shown = (_photo(rng), _video(rng)) if rng.random() < 0.5 else (Preview(320, 240),)
    return Paid(1 + rng.randrange(100), (*shown, Preview(640, 480, 12)))


def _giveaway(rng: Random, named: Named) -> Giveaway:
    channels = named.channels[:2]
    until, months = 1_765_000_000 + rng.randrange(10**6), 3 if rng.random() < 0.5 else None
    stars = None if months else 500
    if rng.random() < 0.5:
        return Giveaway(
            *(channels[:1], 3, until, months, stars),
            prize="и кот",
            launch_id=1 + rng.randrange(1000),
            winners=(named.user.id,),
        )
    return Giveaway(channels, 5, until, months, stars, countries=("RU", "DE"))


_KINDS: tuple[Callable[[Random, Named], Media], ...] = (
    *(lambda rng, named: _photo(rng),) * 4,
    lambda rng, named: _video(rng),
    lambda rng, named: _document(rng),
    lambda rng, named: _voice(rng),
    lambda rng, named: _audio(rng),
    lambda rng, named: _sticker(rng),
    lambda rng, named: _animation(rng),
    lambda rng, named: _video_note(rng),
    lambda rng, named: _web_page(rng),
    lambda rng, named: _place(rng),
    lambda rng, named: _contact(rng, named.user),
    lambda rng, named: _poll(rng),
    lambda rng, named: _dice(rng),
    lambda rng, named: _invoice(rng),
    lambda rng, named: _game(rng),
    lambda rng, named: _to_do(rng, named.user),
    lambda rng, named: _paid(rng),
    lambda rng, named: Story(named.user.id, 1 + rng.randrange(99), mention=rng.random() < 0.5),
    _giveaway,
    lambda rng, named: Bare("unsupported"),
)
