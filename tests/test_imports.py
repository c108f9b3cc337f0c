"""Which rooms know which: imports point one way, and a module stays readable.

``core ← errors ← ports ← service ← app ← cli``; adapters, simulator and telemetry know ``core``, ``errors`` and
``ports``, and neither the service nor each other. Each adapter is a room of its own. The doctor stands where the app
does, and looks at what the app puts together.
"""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tgworker"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
BASE = {"core", "errors"}
LEAVES = {*BASE, "ports", "background"}
MAY_IMPORT = {
    "core": BASE,
    "errors": {"core"},
    "background": set(),
    "ports": BASE,
    "settings": BASE,
    "service": LEAVES,
    "simulator": LEAVES,
    "telemetry": LEAVES,
    "app": {
        *LEAVES,
        "settings",
        "service",
        "adapters",
        "simulator",
        "telemetry",
        "account",
        "instruments",
    },
    "account": {*LEAVES, "settings", "service", "adapters"},
    "instruments": {*LEAVES, "settings", "service", "telemetry"},
    "doctor": {*LEAVES, "settings", "adapters", "telemetry"},
    "cli": {
        *LEAVES,
        "settings",
        "app",
        "account",
        "doctor",
        "instruments",
        "adapters",
        "simulator",
        "telemetry",
    },
    "__main__": {"cli"},
}
"""What each room may know besides itself; an adapter's room is not in it, since it may know what a leaf may."""

WORLDLY = {
    *("asyncio", "trio", "trio_asyncio", "anyio", "socket", "selectors", "signal", "subprocess"),
    *("threading", "os", "pathlib", "shutil", "tempfile", "time", "random", "secrets"),
    *("redis", "telethon", "structlog", "logging", "dotenv", "tenacity"),
}
"""What would make the core wait, touch the world, read a clock or throw a die."""
LONGEST = 350


def imports_of(module):
    """Every dotted name a module imports, wherever in it that stands."""
    for node in ast.walk(ast.parse((PACKAGE / module).read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=source, names=names, level=0):
                yield source
                yield from (f"{source}.{name.name}" for name in names)
            case ast.ImportFrom():
                raise AssertionError(f"{module}: imports are absolute here")


def room_of(dotted):
    """``tgworker.adapters.redis.queue`` lies in ``adapters.redis``, ``tgworker.core.model`` in ``core``."""
    parts = dotted.split(".")[1:]
    return ".".join(parts[:2]) if parts[0] == "adapters" else parts[0]


def dotted(module):
    parts = ["tgworker", *module.with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def may(room, other):
    if room == other:
        return True
    allowed = MAY_IMPORT["service"] if room.startswith("adapters.") else MAY_IMPORT[room]
    return other in allowed or other.split(".")[0] in allowed


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_imports_only_what_its_room_may_know(module):
    name = dotted(module)
    if name in ("tgworker", "tgworker.adapters"):
        assert [] == [each for each in imports_of(module) if each.startswith("tgworker")]
        return
    room = room_of(name)
    known = {each for each in imports_of(module) if each.startswith("tgworker.")}
    known.discard("tgworker.__version__")

    assert [] == sorted(each for each in known if not may(room, room_of(each)))


@pytest.mark.parametrize("module", [m for m in MODULES if m.parts[0] == "core"], ids=str)
def test_the_core_touches_nothing(module):
    known = {each.split(".")[0] for each in imports_of(module)}

    assert set() == known & WORLDLY


def test_errors_know_the_model_and_no_more_of_the_core():
    known = {each for each in imports_of(Path("errors.py")) if each.startswith("tgworker.")}

    assert {"tgworker.core.model"} == {".".join(each.split(".")[:3]) for each in known}


def test_only_the_composition_root_the_doctor_and_the_command_line_know_adapters():
    knowing = {
        room_of(dotted(module)).split(".")[0]
        for module in MODULES
        if any(each.startswith("tgworker.adapters.") for each in imports_of(module))
    }

    assert {"account", "adapters", "app", "cli", "doctor"} == knowing


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_module_is_short_enough_to_be_read_in_one_go(module):
    assert len((PACKAGE / module).read_text(encoding="utf-8").splitlines()) <= LONGEST
