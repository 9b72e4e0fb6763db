"""A line to type in, as data. The screen that has it reads all keys, so no letter typed here is ever a command."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events

from screens import chrome
from screens.base import ConsoleScreen
from screens.fitting import fill
from screens.pieces import Piece, TextLine
from screens.prompt import Edit

_START = ":"
"""An Edit never lets its first character be left behind; here it is not drawn."""
LONGEST = 1_000


class TextField:
    """`text` is what was typed."""

    def __init__(self, id: str, label: str, text: str = "") -> None:
        self.id, self.label = id, label
        self._edit = Edit()
        self.text = text
        self.chosen = False
        """Its whole text is chosen, as in every form that proposes a value: typing replaces it, moving keeps it."""

    @property
    def text(self) -> str:
        return self._edit.value[1:]

    @text.setter
    def text(self, text: str) -> None:
        self._edit = Edit(_START, 1).insert(text[:LONGEST])

    def press(self, event: events.Key) -> bool:
        """Whether the key typed or edited something."""
        chosen, self.chosen = self.chosen, False
        if chosen and (event.key in ("backspace", "delete") or (event.is_printable and event.character)):
            self.text = ""
        if event.is_printable and event.character:
            if len(self._edit.value) <= LONGEST:
                self._edit = self._edit.insert(event.character)
            return True
        edited = self._edit.press(event.key)
        if edited is None:
            return False
        if edited.value.startswith(_START) and edited.at > 0:
            self._edit = edited
        return True

    def paste(self, text: str) -> None:
        if text:
            if self.chosen:
                self.text, self.chosen = "", False
            self._edit = self._edit.insert(text.splitlines()[0][: LONGEST - len(self.text)])

    def pieces(self, width: int, *, active: bool, ink: str = "") -> list[Piece]:
        """Exactly `width` cells; the cursor stays in sight."""
        ink = ink or "strong"
        if not active:
            text = fill(self.text, width).rstrip(" ")
            return [(text, ink), ("_" * (width - cell_len(text)), "dim")]
        if self.chosen and self.text and cell_len(self.text) < width:
            return [(self.text, "cursor"), ("_" * (width - cell_len(self.text)), "dim")]
        at = self._edit.at - 1
        before, under, after = self.text[:at], self.text[at : at + 1] or " ", self.text[at + 1 :]
        while before and cell_len(before) > width - 2:
            before = before[1:]
        room = width - cell_len(before) - cell_len(under)
        while after and cell_len(after) > room:
            after = after[:-1]
        return [(before, ink), (under, "cursor"), (after, ink), ("_" * (room - cell_len(after)), "dim")]


def typing_keys(screen: ConsoleScreen, keys: Sequence[tuple[str, str]]) -> None:
    """The frame while letters are typed: the footer has the few keys that are keys, `:` and `?` are letters too."""
    pieces: list[Piece] = []
    for key, label in (*keys, ("f1", "help")):
        pieces += [("  " if pieces else " ", ""), (key, "key"), (f" {label}", "")]
    screen.query_one("#footer", TextLine).set(pieces)
    line = chrome.crumbs(screen.trail(), screen.notes(), "", (), screen.app.size.width)
    screen.query_one("#crumbs", TextLine).set(*line)
