"""The `:` and `/` line. Its first character says what it is.

Not Textual's Input: that reads keys from a queue of its own, and a key typed right after `/` would reach the table
first. Here the screen reads all keys in their order and edits the line itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from rich.cells import cell_len

from screens.pieces import Piece, TextLine

MOST = 2_000
"""Characters of a filter or a command."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A line being edited; `at` is the cursor, in characters."""

    value: str = ""
    at: int = 0

    def insert(self, text: str) -> Edit:
        # What is pasted by mistake may be a log: nobody filters by more than a line.
        text = "".join(char for char in text[:MOST] if char.isprintable())[: max(0, MOST - len(self.value))]
        return Edit(self.value[: self.at] + text + self.value[self.at :], self.at + len(text))

    def press(self, key: str) -> Edit | None:
        """The line after an editing key; None if the key edits nothing. The first character cannot be left behind."""
        value, at, first = self.value, self.at, min(1, self.at)
        match key:
            case "backspace" | "ctrl+h":
                return Edit(value[: at - 1] + value[at:], at - 1) if at else self
            case "delete":
                return Edit(value[:at] + value[at + 1 :], at)
            case "ctrl+w":
                start = max(first, value[:at].rstrip().rfind(" ") + 1)
                return Edit(value[:start] + value[at:], start)
            case "ctrl+u":
                return Edit(value[:first] + value[at:], first)
            case "left" | "right":
                return Edit(value, min(len(value), max(first, at + (1 if key == "right" else -1))))
            case "home" | "end":
                return Edit(value, first if key == "home" else len(value))
        return None


class Prompt(TextLine):
    """Draws an `Edit` with its cursor."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.edit = Edit()

    def put(self, edit: Edit) -> Self:
        self.edit = edit
        before, under, after = edit.value[: edit.at], edit.value[edit.at : edit.at + 1], edit.value[edit.at + 1 :]
        room = max(1, self.app.size.width - 2)
        while cell_len(before) > room:  # the cursor stays in sight
            before = before[1:]
        pieces: list[Piece] = [(before, ""), (under or " ", "cursor"), (after, "")]
        self.set(pieces)
        return self
