"""Styles by name: what `Cell.style` and `Sign` may say, in the terminal's own 16 colours.

Default foreground and background are left to the terminal, so that dark and light schemes both read well and few bytes
are sent (16 colours cost half of true colour). Nothing is told by colour alone: signs come with glyph and word, and
NO_COLOR keeps bold, dim, reverse and underline.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from rich.style import Style
from textual.theme import BUILTIN_THEMES

from console.kinds.base import Sign

_BASE = {
    "": Style.null(),
    "dim": Style(dim=True),
    "strong": Style(bold=True),
    "bad": Style(color="red", bold=True),
    "warn": Style(color="yellow"),
    "moving": Style(color="blue"),
    "unknown": Style(dim=True),
    "held": Style(color="magenta"),
    "ok": Style(color="green"),
}
STYLES: dict[str, Style] = {
    **_BASE,
    Sign.CRITICAL.value: _BASE["bad"],
    Sign.WARNING.value: _BASE["warn"],
    "fail": _BASE["bad"],
    "pass": _BASE["ok"],
    "head": Style(bold=True, dim=True),
    "rule": Style(dim=True),
    "key": Style(bold=True),
    "chip": Style(reverse=True),
    "guarded": Style(bold=True, reverse=True),
    "cursor": Style(reverse=True),
    "mark": Style(color="magenta", bold=True),
    # Lines of a plot beside the first, which is the terminal's own: each has a character of its own, too.
    "line2": Style(color="cyan"),
    "line3": Style(color="magenta"),
    "line4": Style(color="blue"),
}
_CHANGED = Style(underline=True)
_STRONG = Style(bold=True)


@lru_cache(256)
def style(name: str, *, changed: bool = False, marked: bool = False) -> Style:
    """The style of that name; an unknown name is plain. `changed` underlines: it reads without colour."""
    found = STYLES.get(name, STYLES[""])
    if marked:
        found += _STRONG
    return found + _CHANGED if changed else found


@lru_cache(8)
def cursor_style(*, changed: bool = False, marked: bool = False) -> Style:
    """The whole line under the cursor is reversed in one style: seen at once anywhere, and few bytes to move."""
    return style("cursor", changed=changed, marked=marked)


_ANSI = BUILTIN_THEMES["ansi-dark"]
THEME = replace(
    _ANSI,
    name="lastgood",
    accent="ansi_blue",
    variables={
        **_ANSI.variables,
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-background": "ansi_default",
        "input-cursor-text-style": "reverse",
    },
)
"""For Textual's own widgets (command palette, input, toasts): the terminal's palette on its own background."""
