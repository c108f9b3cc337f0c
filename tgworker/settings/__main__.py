"""``python -m tgworker.settings`` (in a checkout: ``bin/settings``): writes anew what is made from the settings."""

from __future__ import annotations

from pathlib import Path

from tgworker.settings.example import example_env, settings_table

TABLE_HEAD = "| key | default | |\n"


def write_anew(root: Path) -> None:
    """``.env.example``, and the table in ``docs/settings.md``; the text around it stays."""
    (root / ".env.example").write_text(example_env(), encoding="utf-8")
    page = root / "docs" / "settings.md"
    before, head, rest = page.read_text(encoding="utf-8").partition(TABLE_HEAD)
    if not head:
        raise SystemExit(f"{page} has no table that begins with {TABLE_HEAD.strip()!r}.")
    _, gap, after = rest.partition("\n\n")
    page.write_text(f"{before}{settings_table()}{gap or chr(10)}{after}", encoding="utf-8")


if __name__ == "__main__":
    write_anew(Path(__file__).parents[2])
