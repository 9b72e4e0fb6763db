"""As much of a terminal as Textual's updates need: cursor moves, new lines, wide characters. Styles are let go."""

from __future__ import annotations

import re

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[([?>=]?[0-9;]*)([ -/]*[@-~])|\x1b\][^\x07]*\x07|\x1b[PX^_].*?\x1b\\|\x1b[ -/]*[0-~]|[\r\n]|[^\x1b\r\n]+",
    re.S,
)


class Terminal:
    """Feed it with all that a program wrote; `lines` is what stands on the screen."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns = columns
        self._cells = [[" "] * columns for _ in range(lines)]
        self._x = self._y = 0

    @property
    def lines(self) -> list[str]:
        return ["".join(row) for row in self._cells]

    def feed(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            arguments, final = token[1], token[2]
            if final == "H":
                row, _, column = arguments.partition(";")
                self._y, self._x = int(row or 1) - 1, int(column or 1) - 1
            elif token[0] == "\n":
                self._y = min(self._y + 1, len(self._cells) - 1)
            elif token[0] == "\r":
                self._x = 0
            elif not token[0].startswith("\x1b"):
                self._print(token[0])

    def _print(self, text: str) -> None:
        for char in text:
            width, row = cell_len(char), self._cells[self._y]
            if width == 0:
                if self._x:
                    row[self._x - 1] += char
                continue
            if self._x + width > self.columns:
                raise AssertionError(f"{char!r} is written beyond the right edge of line {self._y}")
            if row[self._x] == "" and self._x:  # the right half of a wide character: its left half is lost
                row[self._x - 1] = " "
            row[self._x : self._x + width] = [char, *[""] * (width - 1)]
            self._x += width
            if self._x < self.columns and row[self._x] == "":
                row[self._x] = " "
