"""README, docs and help tell the truth: what they name is there."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import click
import pytest

from tgworker.cli.help import ALL_SETTINGS
from tgworker.cli.main import _COMMANDS as COMMANDS
from tgworker.cli.main import main
from tgworker.settings import Settings, settings_table
from tgworker.settings.__main__ import write_anew
from tgworker.settings.lookalikes import KNOWN_KEYS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
PROGRAM = re.compile(
    r"(?:^\s*|&& |\(|; )(?:[A-Z_]+=\S+ )*((?:bin/)?tgworker(?:-submit)?) ([^|&)]*)"
)


def typed(text: str) -> Iterator[list[str]]:
    """The words of every call of tgworker in some lines of shell."""
    for line in text.splitlines():
        for program, rest in PROGRAM.findall(line.partition("  #")[0]):
            words = shlex.split(rest.strip(), comments=True)
            yield ["submit", *words] if program.endswith("-submit") else words


def options_of(command: click.Command) -> set[str]:
    return {flag for option in command.params for flag in option.opts} | {"--help", "-h", "--"}


def assert_is_a_command(words: list[str]) -> None:
    name, *rest = words
    command = main.get_command(click.Context(main), name)
    assert command is not None, f"there is no command {name}"
    flags = {word for word in rest if re.match(r"-+[a-z]|--$", word)}
    assert set() == flags - options_of(command), f"{name} has no such options"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_on_a_page_exists(page: Path) -> None:
    for block in SHELL_BLOCK.findall(page.read_text(encoding="utf-8")):
        for words in typed(block):
            assert_is_a_command(words)
        for script in re.findall(r"^(bin/[\w-]+)", block, re.MULTILINE):
            assert (ROOT / script).stat().st_mode & 0o111, f"{script} can't be run"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_the_help_is_a_command(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None

    examples = list(typed(command.epilog or ""))

    assert examples
    for words in examples:
        assert_is_a_command(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_every_page_is_linked_from_the_readme() -> None:
    links = LINK.findall(PAGES[0].read_text(encoding="utf-8"))

    assert [] == [page.name for page in PAGES[1:] if f"docs/{page.name}" not in links]


def test_the_page_of_settings_holds_the_table_of_all() -> None:
    """To renew it: bin/settings."""
    assert settings_table() in (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")


def test_what_is_made_from_the_settings_is_written_anew_and_the_text_around_stays(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    lines = page.splitlines(keepends=True)
    old = "".join(line for line in lines if "`DATA_DIR`" not in line)
    (tmp_path / "docs" / "settings.md").write_text(old, encoding="utf-8")

    write_anew(tmp_path)

    assert page == (tmp_path / "docs" / "settings.md").read_text(encoding="utf-8")
    assert (ROOT / ".env.example").read_bytes() == (tmp_path / ".env.example").read_bytes()


def test_a_page_without_a_table_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "settings.md").write_text("# Settings\n")

    with pytest.raises(SystemExit, match="has no table"):
        write_anew(tmp_path)

    assert "# Settings\n" == (tmp_path / "docs" / "settings.md").read_text()


def test_every_setting_is_heeded() -> None:
    roots = [ROOT / "tgworker" / f"{name}.py" for name in ("app", "account", "instruments")]
    sources = [*roots, *(ROOT / "tgworker" / "cli").glob("*.py")]
    heeded = {
        node.attr
        for source in sources
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "settings"
    }

    assert set() == {f.metadata["key"] for f in attrs.fields(Settings) if f.name not in heeded}


def test_settings_on_other_pages_exist() -> None:
    prefixes = {key.split("_")[0] for key in ALL_SETTINGS if "_" in key}
    for page in PAGES:
        named = re.findall(r"\b([A-Z]+(?:_[A-Z]+)+)\b", page.read_text(encoding="utf-8"))
        ours = {name for name in named if name.split("_")[0] in prefixes}

        assert set() == ours - KNOWN_KEYS - {"FLOOD_WAIT_3", "FLOOD_WAIT"}, page.name
