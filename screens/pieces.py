"""One line of styled text that sends only the part that changed."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.text import safe
from screens.theme import style

Piece = tuple[str, str]
"""Text and the name of its style."""

_Cells = list[tuple[str, str]]
"""A character and its style for each cell; the second cell of a wide character is empty."""


def kept(text: str) -> str:
    """Safe text with the spaces at its ends, which are ours."""
    lead, body = text[: len(text) - len(text.lstrip(" "))], text.strip(" ")
    return lead + safe(body) + text[len(lead) + len(body) :]


def _cells(pieces: Iterable[Piece]) -> _Cells:
    cells: _Cells = []
    for text, ink in pieces:
        for char in kept(text):
            if (width := cell_len(char)) == 0 and cells:
                cells[-1] = (cells[-1][0] + char, cells[-1][1])
            elif width:
                cells += [(char, ink), *[("", ink)] * (width - 1)]
    return cells


def lay_out(left: Iterable[Piece], right: Iterable[Piece], width: int) -> _Cells:
    """Exactly `width` cells: the right part stays whole while it fits, the left part is cut with `…`."""
    end = _cells(right)[:width]
    room = width - len(end) - (1 if end else 0)
    start = _cells(left)
    if len(start) > room:
        start = start[: max(0, room - 1)]
        if start and cell_len(start[-1][0]) == 2:  # never half a wide character
            start[-1] = (" ", start[-1][1])
        start += [("…", "dim")] if room > 0 else []
    return start + [(" ", "")] * (width - len(start) - len(end)) + end


class TextLine(Widget):
    """A line of chrome: header, breadcrumbs, footer. `set` it as often as you like."""

    DEFAULT_CSS = "TextLine { height: 1; width: 1fr; }"
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._left: tuple[Piece, ...] = ()
        self._right: tuple[Piece, ...] = ()
        self._cells: _Cells = []

    def set(self, left: Iterable[Piece], right: Iterable[Piece] = ()) -> None:
        given = tuple(left), tuple(right)
        if given != (self._left, self._right):
            self._left, self._right = given
            self._lay_out()

    @property
    def text(self) -> str:
        return "".join(char for char, _ in self._cells)

    def on_resize(self) -> None:
        self._cells = []
        self._lay_out()

    def _lay_out(self) -> None:
        width = self.size.width
        old, new = self._cells, lay_out(self._left, self._right, width)
        self._cells = new
        if len(old) != len(new):
            self.refresh()
            return
        differing = [x for x in range(width) if old[x] != new[x]]
        if differing:
            first, last = differing[0], differing[-1]
            while first and not (old[first][0] and new[first][0]):
                first -= 1
            while last + 1 < width and not (old[last + 1][0] and new[last + 1][0]):
                last += 1
            self.refresh(Region(first, 0, last - first + 1, 1))

    def render_line(self, y: int) -> Strip:
        runs: list[tuple[list[str], str]] = []
        for char, ink in self._cells:
            if runs and runs[-1][1] == ink:
                runs[-1][0].append(char)
            else:
                runs.append(([char], ink))
        return Strip([Segment("".join(chars), style(ink)) for chars, ink in runs], len(self._cells))


class Rule(Widget):
    """A dim line across."""

    DEFAULT_CSS = "Rule { height: 1; width: 1fr; }"
    ALLOW_SELECT = False

    def render_line(self, y: int) -> Strip:
        return Strip([Segment("─" * self.size.width, style("rule"))], self.size.width)
