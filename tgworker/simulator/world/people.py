"""The people of a world: with names in two alphabets, bots, deleted accounts, and channels from elsewhere."""

from __future__ import annotations

from random import Random

from attrs import frozen

from tgworker.core.model import CHANNEL_MARK
from tgworker.simulator.world.draws import access_hash, derive
from tgworker.simulator.world.model import Outsider, WorldUser
from tgworker.simulator.world.spec import WorldSpec

_FIRST = (
    "Аня",
    "Борис",
    "Вера",
    "Глеб",
    "Дарья",
    "Ёлка",
    "Alice",
    "Bob",
    "Chloé",
    "Łukasz",
    "李雷",
    "🦊 Лис",
)
_LAST = (None, "Иванова", "Петров", "O’Neil", "Müller", "Сидорова-Щукина", "Smith", "🚀")
_OUTSIDERS = ("Новости Python", "Tech Digest 🤖", "Без имени")


@frozen
class People:
    """``account`` is who is signed in; ``users`` are the others."""

    account: WorldUser
    users: tuple[WorldUser, ...]
    bots: tuple[WorldUser, ...]
    outsiders: tuple[Outsider, ...]


def make_people(spec: WorldSpec) -> People:
    """Everyone of the world, the same for the same seed. There is always a bot beside the `spec.users` people."""
    account = WorldUser(
        id=_user_id(spec.seed, "account"),
        access_hash=access_hash(spec.seed, _user_id(spec.seed, "account")),
        first_name="Архив",
        username="archivist",
        phone=spec.account.phone.lstrip("+"),
    )
    users = tuple(_user(spec.seed, number) for number in range(spec.users))
    helper = _user(spec.seed, spec.users, bot=True)
    return People(
        account=account,
        users=users,
        bots=(helper, *(user for user in users if user.bot)),
        outsiders=tuple(_outsider(spec.seed, number) for number in range(len(_OUTSIDERS))),
    )


def _user_id(seed: int, name: int | str) -> int:
    """Above 32 bits now and then, as real ones are; users can't clash: their number is part of the id."""
    if isinstance(name, str):
        return 5_000_000_001
    return (100_000 + derive(seed, "user", name) % 80_000) * 100_000 + name


def _user(seed: int, number: int, *, bot: bool = False) -> WorldUser:
    rng = Random(derive(seed, "user", number))
    id = _user_id(seed, number)
    kind = number % 12
    if kind == 9:
        return WorldUser(id, access_hash(seed, id), deleted=True)
    bot = bot or kind == 5
    name = f"{'helper' if bot else 'User'}_{number}{'_bot' if bot else ''}"
    newer = kind == 3
    return WorldUser(
        id,
        access_hash(seed, id),
        first_name=rng.choice(_FIRST),
        last_name=None if bot else rng.choice(_LAST),
        username=name if (bot or rng.random() < 0.6) and not newer else None,
        names=((f"old_{name}", False), (name, True), (f"{name}_2", True)) if newer else (),
        bot=bot,
    )


def _outsider(seed: int, number: int) -> Outsider:
    bare = 1_900_000_000 + derive(seed, "outsider", number) % 1_000_000 * 10 + number
    return Outsider(
        CHANNEL_MARK - bare,
        access_hash(seed, bare),
        _OUTSIDERS[number],
        None if number == 2 else f"Outside_{number}",
    )
