"""A line to type in, as data. The screen that has it reads all keys, so no letter typed here is ever a command."""

from __future__ import annotations

from rich.cells import cell_len
from textual import events

from screens.pieces import Piece
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

    @property
    def text(self) -> str:
        return self._edit.value[1:]

    @text.setter
    def text(self, text: str) -> None:
        self._edit = Edit(_START, 1).insert(text[:LONGEST])

    def press(self, event: events.Key) -> bool:
        """Whether the key typed or edited something."""
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
            self._edit = self._edit.insert(text.splitlines()[0][: LONGEST - len(self.text)])

    def pieces(self, width: int, *, active: bool, ink: str = "") -> list[Piece]:
        """Exactly `width` cells; the cursor stays in sight."""
        at = self._edit.at - 1
        before, rest = self.text[:at], self.text[at:]
        under, after = (rest[:1], rest[1:]) if active else ("", rest)
        while before and cell_len(before) > width - 1:
            before = before[1:]
        room = width - cell_len(before) - (max(1, cell_len(under)) if active else 0)
        while after and cell_len(after) > room:
            after = after[:-1]
        blank = "_" * max(0, room - cell_len(after))
        cursor: list[Piece] = [(under or " ", "cursor")] if active else []
        return [(before, ink or "strong"), *cursor, (after, ink or "strong"), (blank, "dim")]
