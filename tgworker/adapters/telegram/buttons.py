"""The buttons under a message."""

from __future__ import annotations

from telethon.tl import types

from tgworker.adapters.telegram.plain import TL, listed, text_or_none, tl_name
from tgworker.core.message import Button

_PREFIXES = ("InlineButtonType", "ButtonType", "KeyboardButton")


def map_buttons(markup: TL) -> tuple[Button, ...]:
    """Row after row, with what each does and the address it opens; none for a markup without buttons."""
    rows = listed(getattr(markup, "rows", None))
    return tuple(_button(each) for row in rows for each in listed(getattr(row, "buttons", None)))


def _button(button: TL) -> Button:
    """Newer layers hold what a button does in an object of its own, older ones have a class for each kind."""
    deed = getattr(button, "type", button)
    return Button(
        type=_kind(deed),
        text=text_or_none(getattr(button, "text", None)) or "",
        url=text_or_none(getattr(deed, "url", None)),
    )


def _kind(deed: TL) -> str:
    if type(deed) is types.ButtonTypeDefault:
        return "text"
    name = type(deed).__name__
    prefix = next((each for each in _PREFIXES if name.startswith(each) and name != each), "")
    return tl_name(deed, prefix)
