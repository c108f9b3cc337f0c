"""The page of errors names every ``error_type`` there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tgworker import errors
from tgworker.adapters.telegram import errors as telegram
from tgworker.adapters.telegram.login import refusals

ROOT = Path(__file__).parents[1]
SOURCES = [path for path in (ROOT / "tgworker").rglob("*.py") if "simulator" not in path.parts]


def texts(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value


def said_in(source: Path) -> Iterator[str]:
    """The error types a module gives literally: by keyword, by way of a variable or constant, or to `_fail`."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    given: list[ast.expr] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            given += [word.value for word in node.keywords if word.arg == "error_type"]
            if isinstance(node.func, ast.Attribute) and node.func.attr == "fail":
                given += node.args[1:2]
    names = {node.id for node in given if isinstance(node, ast.Name)}
    yield from (node.value for node in given if isinstance(node, ast.Constant))
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and {ast.unparse(t) for t in node.targets} & names:
            yield from texts(node.value)


def raised() -> set[str]:
    own = {
        kind.error_type
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.TgworkerError)
    }
    said = {word for source in SOURCES for word in said_in(source)}
    tables = (telegram._ACCOUNT, telegram._CHAT)
    tables += (refusals._REFUSED, refusals._ACCOUNT, refusals._SETTINGS)
    return own | said | {name.lower() for table in tables for name in table}


def test_the_page_of_errors_names_all_and_no_others() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`.+?) \|", page.replace("| `error_type` |", ""), re.MULTILINE)

    told = [word for cell in cells for word in re.findall(r"`(\w+)`", cell)]

    assert sorted(set(told)) == sorted(told), "each once"
    assert {"timeout", "network", "breaker_open", "max_deliveries", "not_logged_in"} <= raised()
    assert sorted(raised()) == sorted(told)
